/// A runtime identifier of AWS Lambda, taken apart: `python3.12`, `nodejs20.x`, `provided.al2023`.
package struct RuntimeIdentifier: Sendable, Hashable {
    package enum Kind: Sendable, Hashable {
        /// CPython 3.`minor`.
        case python(minor: Int)
        /// Node.js `major`.
        case node(major: Int)
        /// .NET `major`.
        case dotnet(major: Int)
        /// Java `major`.
        case java(major: Int)
        /// Ruby `major`.`minor`, as 10 × `major` + `minor`.
        case ruby(line: Int)
        /// The function brings its own executable, `bootstrap`.
        case provided
        /// An identifier that AWS knows or knew and that is not served here.
        case unserved
    }

    package let name: String
    package let kind: Kind

    /// Nil for a name that is no identifier of AWS's at all.
    package init?(_ name: String) {
        guard let known = Self.byName[name] else { return nil }
        self = known
    }

    private init(name: String, kind: Kind) {
        self.name = name
        self.kind = kind
    }

    /// The identifiers that can be served, given the interpreters, in AWS's order of language and version.
    package static let served: [RuntimeIdentifier] =
        (9...14).map { Self(name: "python3.\($0)", kind: .python(minor: $0)) }
        + [18, 20, 22, 24].map { Self(name: "nodejs\($0).x", kind: .node(major: $0)) }
        + [6, 8, 10].map { Self(name: "dotnet\($0)", kind: .dotnet(major: $0)) }
        + [8, 11, 17, 21, 25].map { Self(name: $0 == 8 ? "java8.al2" : "java\($0)", kind: .java(major: $0)) }
        + [32, 33, 34, 40].map { Self(name: "ruby\($0 / 10).\($0 % 10)", kind: .ruby(line: $0)) }
        + ["provided.al2", "provided.al2023"].map { Self(name: $0, kind: .provided) }

    /// The other members of the enumeration `Runtime` in AWS's service model.
    package static let unserved: [RuntimeIdentifier] = [
        "nodejs", "nodejs4.3", "nodejs4.3-edge", "nodejs6.10", "nodejs8.10", "nodejs10.x", "nodejs12.x", "nodejs14.x",
        "nodejs16.x", "java8", "python2.7", "python3.6",
        "python3.7", "python3.8", "dotnetcore1.0", "dotnetcore2.0", "dotnetcore2.1", "dotnetcore3.1", "go1.x",
        "ruby2.5", "ruby2.7", "provided",
    ].map { Self(name: $0, kind: .unserved) }

    private static let byName: [String: RuntimeIdentifier] =
        .init((served + unserved).map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
}

/// Why no interpreter here can run a function's runtime. `description` is one sentence for the caller.
package struct RuntimeUnavailable: Error, Sendable, Hashable, CustomStringConvertible {
    package enum Reason: Sendable, Hashable {
        /// The name is no runtime identifier of AWS's.
        case unknown
        /// AWS has or had this runtime; Apus does not serve it.
        case unserved
        /// No interpreter of the language was found.
        case notInstalled
        /// The language is here, but not the compiler that its bootstrap takes once.
        case noCompiler
        /// Another version of the language is here, and substitution is switched off.
        case exactVersionNotInstalled
    }
    package var identifier: String
    package var reason: Reason

    package init(identifier: String, reason: Reason) {
        self.identifier = identifier
        self.reason = reason
    }

    package var description: String {
        switch reason {
        case .unknown: "Runtime \(identifier) is not known."
        case .unserved: "Runtime \(identifier) is not available on this machine."
        case .notInstalled:
            "Runtime \(identifier) is not available on this machine: no interpreter of its language is installed."
        case .noCompiler:
            "Runtime \(identifier) is not available on this machine: no compiler of its language is installed."
        case .exactVersionNotInstalled:
            "Runtime \(identifier) is not available on this machine: that version is not installed and no other may serve it."
        }
    }
}
