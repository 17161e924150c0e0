extension RuntimeCatalogue {
    /// What serves one runtime identifier.
    package struct Line: Sendable, Hashable {
        package enum Served: Sendable, Hashable {
            /// By the version it names, or by the function's own executable.
            case exactly
            /// By another version of the language.
            case nearest
            case missing
        }
        package var identifier: String
        package var served: Served
        /// `CPython 3.12.1 (/usr)`; empty where nothing serves it.
        package var by: String
        /// What serves it, unless that is the function's own executable.
        package var interpreter: Interpreter?
        /// Why it is not served as AWS serves it: one sentence.
        package var reason: String?
        /// The command that mends it on Debian and Ubuntu, where there is something to mend.
        package var remedy: String?
    }

    /// The line of ``report`` that is not of an identifier.
    package static let powerShellLine = "powershell"

    /// One line for each identifier that can be served, for `apus doctor` and `apus runtimes`, and one for PowerShell,
    /// which AWS has no identifier for.
    package var report: [Line] {
        identifierLines + [powerShellReport]
    }

    private var powerShellReport: Line {
        guard let powerShell else {
            return Line(
                identifier: Self.powerShellLine, served: .missing, by: "",
                reason: "No pwsh is installed: a powershell script is no handler of provided.al2 and provided.al2023 "
                    + "here.")
        }
        return Line(
            identifier: Self.powerShellLine, served: .exactly,
            by: "\(powerShell.language.title) \(powerShell.version) (\(powerShell.prefix))", interpreter: powerShell)
    }

    private var identifierLines: [Line] {
        RuntimeIdentifier.served.map { identifier in
            let remedy = RuntimePackage.command(for: identifier)
            let runtime: ResolvedRuntime
            do throws(RuntimeUnavailable) {
                runtime = try resolve(identifier.name)
            } catch {
                return Line(
                    identifier: identifier.name, served: .missing, by: "", reason: error.description, remedy: remedy)
            }
            let interpreter = interpreters.first { RootBuilder.name(of: $0) == runtime.root }
            let by = interpreter.map { "\($0.language.title) \($0.version) (\($0.prefix))" }
            return Line(
                identifier: identifier.name, served: runtime.substitution == nil ? .exactly : .nearest,
                by: by ?? "the function's own bootstrap", interpreter: interpreter, reason: runtime.substitution,
                remedy: runtime.substitution == nil ? nil : remedy)
        }
    }
}
