/// A language interpreter found on this machine.
package struct Interpreter: Sendable, Hashable {
    package enum Language: String, Sendable, Hashable, CaseIterable {
        case python
        case node
        case dotnet
        case java
        case ruby
        /// PowerShell, which AWS has no runtime identifier for: it serves handlers of OS-only runtimes.
        case powershell

        /// The name people know it by, as in "CPython 3.12.1".
        package var title: String {
            switch self {
            case .python: "CPython"
            case .node: "Node.js"
            case .dotnet: ".NET"
            case .java: "Java"
            case .ruby: "Ruby"
            case .powershell: "PowerShell"
            }
        }
    }

    package struct Version: Sendable, Hashable, Comparable, CustomStringConvertible {
        package var major: Int
        package var minor: Int
        package var patch: Int

        package init(major: Int, minor: Int, patch: Int) {
            self.major = major
            self.minor = minor
            self.patch = patch
        }

        /// Reads `3.12.1`, `v20.20.2` or `3.14.0rc2`: three numbers, then anything that is no digit.
        package init?(_ text: some StringProtocol) {
            let parts = (text.first == "v" ? text.dropFirst() : text[...]).split(
                separator: ".", omittingEmptySubsequences: false)
            guard parts.count >= 3, let major = Int(parts[0]), let minor = Int(parts[1]), major >= 0, minor >= 0,
                let patch = Int(parts[2].prefix(while: { $0.isASCII && $0.isNumber }))
            else { return nil }
            self.init(major: major, minor: minor, patch: patch)
        }

        package static func < (left: Self, right: Self) -> Bool {
            (left.major, left.minor, left.patch) < (right.major, right.minor, right.patch)
        }

        package var description: String { "\(major).\(minor).\(patch)" }
    }

    package var language: Language
    package var version: Version
    /// The installation that it is part of (`/usr`, `/home/me/.pyenv/versions/3.12.1`); symbolic links resolved.
    package var prefix: String
    /// The executable's path below `prefix`: `bin/python3.12`.
    package var executable: String
    /// Directories of installed packages that the interpreter looks into, inside and outside of `prefix`.
    package var packageDirectories: [String]
    /// The compiled bootstrap in the runtime files' directory, where compiling it went well.
    package var compiledBootstrap: String?
    /// The compiler that came with it, where a bootstrap is compiled by one of its own: `/usr/lib/jvm/x/bin/javac`.
    package var compiler: String?

    package init(
        language: Language, version: Version, prefix: String, executable: String, packageDirectories: [String] = [],
        compiledBootstrap: String? = nil, compiler: String? = nil
    ) {
        self.language = language
        self.version = version
        self.prefix = prefix
        self.executable = executable
        self.packageDirectories = packageDirectories
        self.compiledBootstrap = compiledBootstrap
        self.compiler = compiler
    }

    /// What tells the versions of one language apart in runtime identifiers: 12 of CPython 3.12.1, 20 of Node.js
    /// 20.1.0, 8 of .NET 8.0.1, 17 of Java 17.0.2, 34 of Ruby 3.4.5, 7 of PowerShell 7.4.6.
    package var line: Int {
        switch language {
        case .python: version.minor
        case .node, .dotnet, .java, .powershell: version.major
        case .ruby: version.major * 10 + version.minor
        }
    }

    /// The lines that Apus serves.
    package static func lines(of language: Language) -> ClosedRange<Int> {
        switch language {
        case .python: 9...14
        case .node: 18...24
        case .dotnet: 3...10
        case .java: 8...30
        case .ruby: 27...49
        case .powershell: 7...7
        }
    }

    /// Whether this is a version that Apus has a bootstrap for.
    var isServed: Bool {
        Self.lines(of: language).contains(line) && (language != .python || version.major == 3)
    }

    /// Whether both are one program that was found under two names.
    func isSameInstallation(as other: Interpreter) -> Bool {
        language == other.language && prefix == other.prefix && line == other.line
    }
}
