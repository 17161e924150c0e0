import CLinux
import Sandbox

/// What a spare sandbox is made of: all that must be the same in the request that gets it.
struct SpareRecipe: Hashable {
    /// A command that starts ahead.
    struct Command: Hashable {
        var arguments: [String]
        var fallback: String?
        var environment: [String]
        var workingDirectory: String
        /// ``SandboxSpec/isForkable``
        var isForkable = false
    }

    var root: String
    /// Nil for a sandbox that even the command comes to.
    var command: Command?
    /// Limits that a process cannot be given anew.
    var processes: Int
    var descriptors: Int

    /// A sandbox without a command, for whatever this request asks for; nil where only a new one will do, for an image
    /// or with a shared directory.
    static func parked(_ request: LauncherRequest.StartRequest) -> SpareRecipe? {
        guard let root = request.root, request.fileSystem == nil else { return nil }
        return SpareRecipe(
            root: root, command: nil, processes: request.limits.processes,
            descriptors: request.limits.descriptors)
    }

    /// A sandbox whose command runs already; nil where the request does not allow it.
    static func booted(_ request: LauncherRequest.StartRequest, _ packet: UnsafeRawBufferPointer) -> SpareRecipe? {
        guard !request.bootEnvironment.isEmpty, var recipe = parked(request) else { return nil }
        func text(_ range: Range<Int>) -> String? { String(validating: packet[range], as: UTF8.self) }
        func texts(_ ranges: [Range<Int>]) -> [String]? {
            let texts = ranges.compactMap(text)
            return texts.count == ranges.count ? texts : nil
        }
        guard let arguments = texts(request.arguments), let environment = texts(request.bootEnvironment),
            let workingDirectory = text(request.workingDirectory)
        else { return nil }
        let fallback = request.fallback.flatMap(text)
        guard (fallback == nil) == (request.fallback == nil) else { return nil }
        recipe.command = Command(
            arguments: arguments, fallback: fallback, environment: environment, workingDirectory: workingDirectory,
            isForkable: request.isForkable)
        return recipe
    }

    /// The request for such a sandbox, as the server would write it; its code counts for nothing.
    func packet(limits: SandboxLimits) -> [UInt8] {
        var spec = SandboxSpec(root: root, code: "none", arguments: ["/"], environment: [], limits: limits)
        if let command {
            spec.arguments = command.arguments
            spec.fallback = command.fallback
            spec.environment = command.environment + ["\(SandboxSpec.bindingVariable)=\(APUS_BINDING.rawValue)"]
            spec.workingDirectory = command.workingDirectory
        }
        spec.limits.processes = processes
        spec.limits.descriptors = descriptors
        return LauncherRequest.encodeStart(id: 0, spec)
    }
}
