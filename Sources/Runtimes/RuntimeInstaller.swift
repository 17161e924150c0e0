import Glibc

/// Gets runtimes by the names of packages, into a directory that ``Discovery`` looks into, or by the system's package
/// manager. For the command line: a server never installs anything.
package struct RuntimeInstaller: Sendable {
    /// Where wheels are unpacked to, a directory for each runtime; made where it is missing.
    package let directory: String
    /// For the programs that it calls (`python3`, `apt-get`), which `PATH` finds.
    package let environment: [String: String]
    private let isRoot: Bool

    package init(directory: String, environment: [String: String], isRoot: Bool = geteuid() == 0) {
        self.directory = directory
        self.environment = environment
        self.isRoot = isRoot
    }

    /// Blocks while the package is downloaded, which the called program shows on this process's standard error.
    ///
    /// - Parameter name: A runtime identifier, or `dotnetcore3.1`.
    /// - Returns: The interpreter, which was run to see that it works.
    package func install(_ name: String) throws(RuntimeInstallFailure) -> Interpreter {
        let plan = try RuntimePackage.plan(name)
        switch plan.package {
        case .debian(let package): return try installDebian(package, plan)
        case .wheel(let requirement, let inside): return try installWheel(requirement, inside, plan)
        }
    }

    // MARK: The distribution's packages

    private func installDebian(_ package: String, _ plan: RuntimePackage.Plan) throws(RuntimeInstallFailure)
        -> Interpreter
    {
        let command = ["apt-get", "install", "-y", "-qq", "--no-install-recommends", package]
        guard isRoot else { throw .needsRoot(name: plan.name, command: "apt-get install \(package)") }
        try run(command, for: plan)
        guard let found = interpreter(plan, Discovery(environment: environment, timeout: .seconds(60))) else {
            throw .notWorking(name: plan.name, place: "the package \(package)", note: note(plan))
        }
        return found
    }

    // MARK: Wheels

    /// Nothing is seen under the runtime's name before it was run, and an earlier installation stays until then.
    private func installWheel(_ requirement: String, _ inside: String, _ plan: RuntimePackage.Plan)
        throws(RuntimeInstallFailure) -> Interpreter
    {
        try makeDirectory()
        let staging = directory + "/.staging-" + String(UInt64.random(in: 0 ... .max), radix: 36)
        defer { Self.remove(staging) }
        let command = [
            "python3", "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input", "--no-deps",
            "--no-compile", "--only-binary", ":all:", "--root-user-action=ignore", "--target", staging, requirement,
        ]
        try run(command, for: plan)
        let got = staging + "/" + inside
        guard interpreter(plan, only(staging)) != nil else {
            throw .notWorking(name: plan.name, place: requirement, note: note(plan))
        }
        let place = directory + "/" + plan.name
        let old = staging + "/.old"
        if rename(place, old) != 0, errno != ENOENT {
            throw .file(.init(operation: "rename", path: place, errno: errno))
        }
        guard rename(got, place) == 0 else {
            let code = errno
            rename(old, place)
            throw .file(.init(operation: "rename", path: got, errno: code))
        }
        guard let found = interpreter(plan, only(directory)) else {
            throw .notWorking(name: plan.name, place: place, note: note(plan))
        }
        return found
    }

    /// Its owner is who calls, and nobody else may write to it: ``Discovery`` runs what is in it.
    private func makeDirectory() throws(RuntimeInstallFailure) {
        do throws(RuntimeFiles.Failure) {
            try RuntimeFiles.makeDirectories(directory)
        } catch {
            throw .file(error)
        }
        guard HostFile.isTrustworthy(directory) else {
            throw .file(.init(operation: "install into", path: directory, errno: EPERM))
        }
    }

    private func only(_ parent: String) -> Discovery {
        var discovery = Discovery(environment: environment, timeout: .seconds(60))
        discovery.searchesPath = false
        discovery.systemDirectories = []
        discovery.installationParents = [parent]
        return discovery
    }

    private func interpreter(_ plan: RuntimePackage.Plan, _ discovery: Discovery) -> Interpreter? {
        discovery.interpreters(files: RuntimeFiles(directory: "/nonexistent"))
            .first { $0.language == plan.language && $0.line == plan.line }
    }

    private func note(_ plan: RuntimePackage.Plan) -> String {
        plan.language == .dotnet
            ? " .NET also needs a C# compiler: its SDK's, or Mono's (apt-get install mono-mcs)." : ""
    }

    private func run(_ command: [String], for plan: RuntimePackage.Plan) throws(RuntimeInstallFailure) {
        let status = ChildProcess.run(command, environment: environment)
        guard status == 0 else {
            throw .failed(name: plan.name, command: command.joined(separator: " "), status: status)
        }
    }

    /// A tree that only this process wrote. Links are removed, not followed.
    private static func remove(_ path: String) {
        var status = stat()
        guard lstat(path, &status) == 0 else { return }
        guard status.st_mode & S_IFMT == S_IFDIR else {
            unlink(path)
            return
        }
        for name in HostFile.list(path) { remove(path + "/" + name) }
        rmdir(path)
    }
}
