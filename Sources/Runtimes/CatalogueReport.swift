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
        /// The command that mends it on Debian and Ubuntu, where there is something to mend.
        package var remedy: String?
    }

    /// One line for each identifier that can be served, for `apus doctor`.
    package var report: [Line] {
        RuntimeIdentifier.served.map { identifier in
            guard let runtime = try? lookup(identifier.name) else {
                return Line(identifier: identifier.name, served: .missing, by: "", remedy: Self.remedy(identifier))
            }
            let interpreter = interpreters.first { RootBuilder.name(of: $0) == runtime.root }
            let by = interpreter.map { "\($0.language.title) \($0.version) (\($0.prefix))" }
            return Line(
                identifier: identifier.name, served: runtime.substitution == nil ? .exactly : .nearest,
                by: by ?? "the function's own bootstrap",
                remedy: runtime.substitution == nil ? nil : Self.remedy(identifier))
        }
    }

    /// Distributions package one version of each language; others are named all the same, for those who have a
    /// repository with more of them.
    private static func remedy(_ identifier: RuntimeIdentifier) -> String? {
        switch identifier.kind {
        case .python(let minor): "apt-get install python3.\(minor)"
        case .node: "apt-get install nodejs"
        case .dotnet(let major): "apt-get install dotnet-sdk-\(major).0"
        case .java(let major): "apt-get install openjdk-\(major)-jdk-headless"
        case .ruby(let line): "apt-get install ruby\(line / 10).\(line % 10)"
        case .provided, .unserved: nil
        }
    }
}
