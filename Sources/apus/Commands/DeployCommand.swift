import AWSWire
import Archive
import ArgumentParser
import Glibc
import NIOCore

/// `apus deploy`: create or update a function from what lies in a directory or a zip file.
struct DeployCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "deploy",
        abstract: "Create or update a function from a directory, a zip file or a container image.",
        discussion: """
            Runtime and handler are guessed from the files where no option names them; what was guessed is printed.

              apus deploy ./hello
              apus deploy hello.zip --name hello --runtime python3.12 --handler app.handler --memory 256
              apus deploy localhost:5000/team/hello:1.0
            """
    )

    @Argument(help: ArgumentHelp("A directory of code, a zip file, or an image's name.", valueName: "dir|zip|image"))
    var path: String

    @Option(help: "The function's name (default: the directory's or the file's).")
    var name: String?

    @Option(help: "The runtime, such as python3.13, nodejs22.x, provided.al2023.")
    var runtime: String?

    @Option(help: "The handler, such as app.handler.")
    var handler: String?

    @Option(help: ArgumentHelp("Memory in MB, 128–10240.", valueName: "mb"))
    var memory: Int?

    @Option(help: ArgumentHelp("Timeout in seconds, 1–900.", valueName: "seconds"))
    var timeout: Int?

    @Option(
        help: ArgumentHelp(
            "An environment variable; may be repeated. Replaces all variables of the function.", valueName: "name=value"
        ))
    var env: [String] = []

    @Option(help: ArgumentHelp("The execution role (default: the account's own role `lambda`).", valueName: "arn"))
    var role: String?

    @OptionGroup var client: ClientOptions

    func validate() throws {
        for pair in env where !pair.contains("=") { throw ValidationError("--env \(pair): NAME=VALUE is wanted.") }
    }

    func run() async throws {
        let role = role ?? client.standardRole
        let client = try client.client()
        if let image { return try await deploy(image, client, role: role) }
        let package = try FunctionPackage(path: path)
        let name = name ?? package.name
        let existing = try await client.configuration(of: name)
        var choice = try choose(package, existing: existing)
        choice.name = name
        if existing == nil {
            try await client.createFunction(choice.creation(zip: package.zip, role: role))
        } else {
            try await client.updateCode(of: name, FunctionChoice.code(zip: package.zip))
            try await client.waitUntilReady(name)
            if let change = choice.change(from: existing) { try await client.updateConfiguration(of: name, change) }
        }
        try await client.waitUntilReady(name)
        print(
            "\(existing == nil ? "Created" : "Updated") \(name): runtime \(choice.runtime), handler \(choice.handler).")
    }

    /// What `--env` says.
    var variables: [(name: String, value: String)] {
        env.map { pair in
            let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            return (String(parts[0]), String(parts[1]))
        }
    }

    /// What the options say, else what the function has, else a guess, which is printed.
    private func choose(_ package: FunctionPackage, existing: JSONValue?) throws -> FunctionChoice {
        let knownRuntime = runtime ?? existing?["Runtime"]?.string
        let knownHandler = handler ?? existing?["Handler"]?.string
        if let knownRuntime, let knownHandler {
            return FunctionChoice(
                runtime: knownRuntime, handler: knownHandler, memory: memory, timeout: timeout, variables: variables)
        }
        guard let guess = package.guess else {
            throw ClientError.usage(
                "Nothing in \(path) looks like a function (lambda_function.py, app.py, index.mjs, bootstrap, …): "
                    + "say --runtime and --handler.")
        }
        print("Guessed runtime \(guess.runtime), handler \(guess.handler): \(guess.reason).")
        return FunctionChoice(
            runtime: knownRuntime ?? guess.runtime, handler: knownHandler ?? guess.handler, memory: memory,
            timeout: timeout, variables: variables)
    }
}

/// What a function is to be, and the requests that make it so.
struct FunctionChoice {
    var name = ""
    var runtime: String
    var handler: String
    var memory: Int?
    var timeout: Int?
    var variables: [(name: String, value: String)]

    func creation(zip: [UInt8], role: String) -> ByteBuffer {
        creation([("Runtime", runtime), ("Handler", handler)], role: role) { body in
            body.name("ZipFile")
            body.blob(zip)
        }
    }

    /// The request for a function from an image.
    func creation(image: String, role: String) -> ByteBuffer {
        creation([("PackageType", "Image")], role: role) { body in
            body.name("ImageUri")
            body.string(image)
        }
    }

    private func creation(
        _ members: [(name: String, value: String)], role: String, code: (inout JSONWriter) -> Void
    ) -> ByteBuffer {
        var body = JSONWriter()
        body.beginObject()
        for (name, value) in [("FunctionName", name), ("Role", role)] + members {
            body.name(name)
            body.string(value)
        }
        body.name("Code")
        body.beginObject()
        code(&body)
        body.endObject()
        writeSettings(into: &body)
        body.endObject()
        return body.buffer
    }

    static func code(zip: [UInt8]) -> ByteBuffer {
        var body = JSONWriter()
        body.beginObject()
        body.name("ZipFile")
        body.blob(zip)
        body.endObject()
        return body.buffer
    }

    static func code(image: String) -> ByteBuffer {
        var body = JSONWriter()
        body.beginObject()
        body.name("ImageUri")
        body.string(image)
        body.endObject()
        return body.buffer
    }

    /// The request that changes the configuration; nil when it is as chosen.
    func change(from existing: JSONValue?) -> ByteBuffer? {
        let isSame =
            (existing?["Runtime"]?.string ?? "") == runtime && (existing?["Handler"]?.string ?? "") == handler
            && memory == nil && timeout == nil && variables.isEmpty
        if isSame { return nil }
        var body = JSONWriter()
        body.beginObject()
        for (name, value) in [("Runtime", runtime), ("Handler", handler)] where !value.isEmpty {
            body.name(name)
            body.string(value)
        }
        writeSettings(into: &body)
        body.endObject()
        return body.buffer
    }

    private func writeSettings(into body: inout JSONWriter) {
        for (name, value) in [("MemorySize", memory), ("Timeout", timeout)] {
            guard let value else { continue }
            body.name(name)
            body.int(value)
        }
        guard !variables.isEmpty else { return }
        body.name("Environment")
        body.beginObject()
        body.name("Variables")
        body.beginObject()
        for (name, value) in variables {
            body.name(name)
            body.string(value)
        }
        body.endObject()
        body.endObject()
    }
}
