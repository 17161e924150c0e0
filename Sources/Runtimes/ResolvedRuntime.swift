/// A runtime identifier, `python3.12` for one, made concrete on this machine.
package struct ResolvedRuntime: Sendable, Hashable {
    /// The identifier that the function names; empty for a container image.
    package var identifier: String
    /// The ``RootTemplate`` that its sandboxes use; nil for a container image, which is a root by itself.
    package var root: String?
    /// The command inside the sandbox, for any amount of memory. The handler travels in `_HANDLER`.
    package var arguments: [String]
    /// The executables that may stand first in `arguments`, two at most, in the order in which AWS looks for them: the
    /// first one that exists in the sandbox is run. Where none does, initialisation fails with
    /// `Runtime.InvalidEntrypoint`. Managed runtimes have one, which is always there.
    package var entrypoints: [String]
    /// Whether the runtime is more than the function's own executable.
    package var isManaged: Bool { root != nil && !identifier.hasPrefix("provided.") }
    package var isImage: Bool { root == nil }
    /// Where the command starts.
    package var workingDirectory = "/var/task"
    /// The root of OS-only runtimes.
    static let providedRoot = "provided"
    /// What the runtime itself needs in the environment (`LANG`, `PATH`, `LD_LIBRARY_PATH`, `AWS_EXECUTION_ENV`, …).
    package var environment: [(name: String, value: String)] {
        names.indices.map { (names[$0], values[$0]) }
    }
    /// What serves a handler of PowerShell's instead, at most one: only OS-only runtimes have it, where PowerShell is
    /// installed.
    var forPowerShell: [ResolvedRuntime] = []

    /// Whether a handler of PowerShell's would need what this machine has not.
    package var lacksPowerShell: Bool { !isImage && !isManaged && forPowerShell.isEmpty }

    /// The runtime for a function of this handler.
    package func serving(_ handler: String) -> ResolvedRuntime {
        PowerShellHandler(handler) == nil ? self : forPowerShell.first ?? self
    }

    /// Set when another version of the language serves the function: one line for its log.
    package var substitution: String?

    /// How the interpreter is told about the function's memory.
    package enum HeapFlags: Sendable, Hashable {
        /// It is not: it grows until the sandbox's limit ends it.
        case none
        /// V8's, which otherwise takes the machine's memory for its own and collects garbage too late.
        case v8
        /// By the last argument of its start script, which makes of it what the runtime understands.
        case script
    }
    package var heapFlags: HeapFlags
    /// Whether the command can be started before it is known for which function (``SandboxSpec/bootEnvironment``).
    package var isBootable: Bool
    /// Whether it then knows how to be forked (``SandboxSpec/isForkable``).
    package var isForkable: Bool
    private var names: [String]
    private var values: [String]

    package init(
        identifier: String, root: String?, arguments: [String], environment: [(name: String, value: String)],
        substitution: String? = nil, entrypoints: [String]? = nil, heapFlags: HeapFlags = .none,
        isBootable: Bool = false, isForkable: Bool = false
    ) {
        self.identifier = identifier
        self.root = root
        self.arguments = arguments
        self.entrypoints = entrypoints ?? Array(arguments.prefix(1))
        self.heapFlags = heapFlags
        self.isBootable = isBootable
        self.isForkable = isForkable
        self.names = environment.map(\.name)
        self.values = environment.map(\.value)
        self.substitution = substitution
    }

    /// Variables that an interpreter, or what it is made of, reads as it starts: a function that sets one cannot get a
    /// process that has started without it.
    private static let startVariables = [
        "LD_", "LANG", "LC_", "GLIBC_", "MALLOC_", "OPENSSL_", "SSL_", "PYTHON", "NODE_", "UV_", "RUBY", "GEM_",
        "BUNDLE_", "JAVA_TOOL_OPTIONS", "JDK_JAVA_OPTIONS", "_JAVA_",
        "DOTNET_", "COMPlus_", "CORECLR_", "CLR_",
    ]

    /// Whether a process that started without these variables of a function can take them over later.
    package func canBoot(before variables: some Sequence<String>) -> Bool {
        isBootable && !variables.contains { name in Self.startVariables.contains { name.hasPrefix($0) } }
    }

    /// The command for a function of this much memory: what a sandbox is started with.
    package func arguments(memoryMiB: Int) -> [String] {
        switch heapFlags {
        case .none: arguments
        case .v8:
            // A tenth is left for what is not V8's old space; young objects get a twentieth, as on AWS.
            arguments.prefix(1) + [
                "--max-old-space-size=\(memoryMiB * 9 / 10)", "--max-semi-space-size=\(max(1, memoryMiB / 20))",
            ] + arguments.dropFirst()
        case .script: arguments + ["\(memoryMiB)"]
        }
    }
}
