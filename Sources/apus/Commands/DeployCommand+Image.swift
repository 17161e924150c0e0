import Glibc
import Images

/// Functions from container images: nothing to guess, and nothing to send but the image's name.
extension DeployCommand {
    /// The image that the argument names; nil when it is a path.
    var image: ImageReference? { access(path, F_OK) == 0 ? nil : ImageReference(path) }

    func deploy(_ image: ImageReference, _ client: APIClient, role: String) async throws {
        guard runtime == nil, handler == nil else {
            throw ClientError.usage("--runtime and --handler are not for container images: these bring their own.")
        }
        let name = name ?? String(image.repository.split(separator: "/").last ?? "function")
        let existing = try await client.configuration(of: name)
        let choice = FunctionChoice(
            name: name, runtime: "", handler: "", memory: memory, timeout: timeout, variables: variables)
        if existing == nil {
            try await client.createFunction(choice.creation(image: path, role: role))
        } else {
            try await client.updateCode(of: name, FunctionChoice.code(image: path))
            try await client.waitUntilReady(name)
            if let change = choice.change(from: existing) { try await client.updateConfiguration(of: name, change) }
        }
        try await client.waitUntilReady(name)
        print("\(existing == nil ? "Created" : "Updated") \(name): image \(path).")
    }
}
