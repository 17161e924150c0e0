/// A runtime identifier, `python3.12` for one, made concrete on this machine.
package struct ResolvedRuntime: Sendable, Hashable {
    /// The identifier that the function names.
    package var identifier: String
    /// The ``RootTemplate`` that its sandboxes use.
    package var root: String
    /// The command inside the sandbox. The handler travels in `_HANDLER`.
    package var arguments: [String]
    /// The executables that may stand first in `arguments`, in the order in which AWS looks for them: the first one that
    /// exists in the sandbox is run. Where none does, initialisation fails with `Runtime.InvalidEntrypoint`. Managed
    /// runtimes have one, which is always there.
    package var entrypoints: [String]
    /// What the runtime itself needs in the environment (`LANG`, `PATH`, `LD_LIBRARY_PATH`, `AWS_EXECUTION_ENV`, …).
    package var environment: [(name: String, value: String)] {
        names.indices.map { (names[$0], values[$0]) }
    }
    /// Set when another version of the language serves the function: one line for its log.
    package var substitution: String?

    private var names: [String]
    private var values: [String]

    package init(
        identifier: String, root: String, arguments: [String], environment: [(name: String, value: String)],
        substitution: String? = nil, entrypoints: [String]? = nil
    ) {
        self.identifier = identifier
        self.root = root
        self.arguments = arguments
        self.entrypoints = entrypoints ?? Array(arguments.prefix(1))
        self.names = environment.map(\.name)
        self.values = environment.map(\.value)
        self.substitution = substitution
    }
}
