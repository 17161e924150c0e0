package import Sandbox

/// Which runtimes this machine can serve, and with what.
package struct RuntimeCatalogue: Sendable {
    /// What happens to a function whose exact version is not installed.
    package enum Substitution: Sendable, Hashable {
        /// The nearest version of its language serves it, and its log says so.
        case nearest
        /// It is refused.
        case refused
    }

    /// The interpreters in use, one for each version line, in the order of language and version.
    package let interpreters: [Interpreter]
    /// The root file systems that ``resolve(_:)`` names: the launcher is started with them.
    package let roots: [RootTemplate]
    private let substitution: Substitution
    private let java: JavaBootstrap

    /// Looks for interpreters and compiles the bootstraps for them. Blocks while their probes run, for at most
    /// `discovery.timeout`; called once, before the server serves.
    package static func discover(
        _ discovery: Discovery, files: RuntimeFiles, substitution: Substitution = .nearest
    ) -> RuntimeCatalogue {
        RuntimeCatalogue(
            interpreters: discovery.interpreters(files: files), roots: RootBuilder(files: files),
            substitution: substitution)
    }

    /// Of several interpreters of one version line the first is used.
    package init(interpreters: [Interpreter], roots: RootBuilder, substitution: Substitution = .nearest) {
        var chosen: [Interpreter] = []
        for interpreter in interpreters
        where !chosen.contains(where: { $0.language == interpreter.language && $0.line == interpreter.line }) {
            chosen.append(interpreter)
        }
        self.interpreters = Interpreter.Language.allCases.flatMap { language in
            chosen.filter { $0.language == language }.sorted { $0.version < $1.version }
        }
        self.roots = self.interpreters.map(roots.root) + [roots.provided()]
        self.substitution = substitution
        self.java = JavaBootstrap(files: roots.files, interpreters: self.interpreters)
    }

    /// What runs PowerShell's handlers; nil when there is none.
    package var powerShell: Interpreter? { interpreters.last { $0.language == .powershell } }

    /// Sees to it that functions can be run with it: waits while what it needs is compiled.
    ///
    /// - Returns: why it cannot be used, in a sentence; nil when it can.
    package func prepare(_ identifier: String) async -> String? {
        identifier.hasPrefix("java") ? await java.prepare() : nil
    }

    /// Makes a runtime identifier concrete.
    package func resolve(_ identifier: String) throws(RuntimeUnavailable) -> ResolvedRuntime {
        guard let known = RuntimeIdentifier(identifier) else {
            throw RuntimeUnavailable(identifier: identifier, reason: .unknown)
        }
        switch known.kind {
        case .provided:
            var runtime = ResolvedRuntime.provided(known)
            runtime.forPowerShell = powerShell.map { [.provided(known, with: $0)] } ?? []
            return runtime
        case .unserved: throw RuntimeUnavailable(identifier: identifier, reason: .unserved)
        case .python(let minor): return .managed(known, line: minor, by: try nearest(.python, minor, known))
        case .node(let major): return .managed(known, line: major, by: try nearest(.node, major, known))
        case .ruby(let line): return .managed(known, line: line, by: try nearest(.ruby, line, known))
        case .java(let major):
            let interpreter = try nearest(.java, major, known)
            guard java.canServe else { throw RuntimeUnavailable(identifier: identifier, reason: .noCompiler) }
            return .managed(known, line: major, by: interpreter, java: java)
        case .dotnet(let major): return .managed(known, line: major, by: try nearest(.dotnet, major, known))
        }
    }

    /// The exact line, else the nearest; of two that are equally near the newer, because languages grow.
    private func nearest(
        _ language: Interpreter.Language, _ line: Int, _ identifier: RuntimeIdentifier
    ) throws(RuntimeUnavailable) -> Interpreter {
        let fitting = interpreters.filter { $0.language == language }
        // A .NET or a Java runs what was built for an older one, and hardly ever what was built for a newer.
        func distance(_ candidate: Interpreter) -> (Int, Int, Int) {
            let isOlder = [.dotnet, .java].contains(candidate.language) && candidate.line < line
            return (isOlder ? 1 : 0, abs(candidate.line - line), -candidate.line)
        }
        let best = fitting.min { distance($0) < distance($1) }
        guard let best else { throw RuntimeUnavailable(identifier: identifier.name, reason: .notInstalled) }
        guard best.line == line || substitution == .nearest else {
            throw RuntimeUnavailable(identifier: identifier.name, reason: .exactVersionNotInstalled)
        }
        return best
    }
}
