import Glibc

/// Where interpreters are looked for.
package struct Discovery: Sendable, Hashable {
    /// The server's environment: `PATH` and `HOME` say where to look, and probes run with it.
    package var environment: [String: String]
    /// Whether the directories of `PATH` are looked into.
    package var searchesPath = true
    /// Directories that are always looked into, whatever `PATH` says.
    package var systemDirectories: [String]
    /// Directories whose children are installations: `/opt` for `/opt/python-3.12/bin/python3.12`.
    package var installationParents: [String]
    /// How long all probes together may take. Long, because a machine that has just booted reads every interpreter
    /// from a busy disk at once, and what does not answer is taken as not installed; a healthy host needs a fraction.
    package var timeout: Duration
    /// How long those may take that call a compiler, which happens once for a version.
    package var compileTimeout: Duration = .seconds(60)
    /// Where answers of probes are kept between starts; nil keeps none.
    package var cacheFile: String?

    /// The usual places. `environment` is the server's own, `installed` the directory that ``RuntimeInstaller`` fills:
    /// looked into after the system, and only if nobody else may write to it, because what is found there is run.
    package init(
        environment: [String: String], timeout: Duration = .seconds(30), cacheFile: String? = nil,
        installed: String? = nil
    ) {
        self.environment = environment
        self.systemDirectories = ["/usr/bin", "/usr/local/bin", "/usr/share/dotnet", "/usr/lib/dotnet"]
        self.installationParents = ["/opt", "/usr/lib/jvm"]
        if let home = environment["HOME"], home.hasPrefix("/") {
            let pyenv = environment["PYENV_ROOT"] ?? home + "/.pyenv"
            let nvm = environment["NVM_DIR"] ?? home + "/.nvm"
            self.installationParents += [
                pyenv + "/versions", nvm + "/versions/node", home + "/.local/share/uv/python",
                home + "/.rbenv/versions", home + "/.rubies", home + "/.sdkman/candidates/java",
            ]
            self.systemDirectories.append(environment["DOTNET_ROOT"] ?? home + "/.dotnet")
        }
        if let installed, HostFile.isTrustworthy(installed) { self.installationParents.append(installed) }
        self.timeout = timeout
        self.cacheFile = cacheFile
    }

    /// Files that may be interpreters, in the order of preference, links resolved, each once.
    func candidates() -> [(language: Interpreter.Language, path: String)] {
        let path =
            !searchesPath
            ? [] : (environment["PATH"] ?? "").split(separator: ":").map(String.init).filter { $0.hasPrefix("/") }
        let installations = installationParents.flatMap { parent in
            HostFile.list(parent).reversed().map { parent + "/" + $0 + "/bin" }
        }
        let pythons = Interpreter.lines(of: .python).reversed().map { "python3.\($0)" } + ["python3"]
        let rubies = RuntimeIdentifier.served.map(\.name).filter { $0.hasPrefix("ruby") }.reversed()
        let names =
            pythons.map { (Interpreter.Language.python, $0) } + [
                (.node, "node"), (.node, "nodejs"), (.dotnet, "dotnet"),
            ]
            + [(.java, "java"), (.powershell, "pwsh"), (.ruby, "ruby")] + rubies.map { (.ruby, $0) }
        var seen: Set<String> = []
        var found: [(language: Interpreter.Language, path: String)] = []
        for directory in path + systemDirectories + installations {
            for (language, name) in names where HostFile.isExecutableFile(directory + "/" + name) {
                let candidate = directory + "/" + name
                guard let program = Self.program(candidate), seen.insert(program).inserted else { continue }
                if language == .dotnet {
                    found += Self.frameworks(of: program).map { (.dotnet, $0) }
                } else {
                    found.append((language, program))
                }
            }
        }
        return found
    }

    /// The versions of .NET that one `dotnet` starts, newest first: each is a candidate of its own.
    private static func frameworks(of program: String) -> [String] {
        let directory = program.dropLast("dotnet".count) + "shared/Microsoft.NETCore.App"
        let versions = HostFile.list(String(directory)).compactMap { name in
            Interpreter.Version(name).map { (version: $0, path: "\(directory)/\(name)") }
        }
        return versions.sorted { $0.version > $1.version }.map(\.path)
    }

    /// What is behind a name: links followed, so that a virtual environment leads to the installation it was made from.
    /// Not through the link of a script, which may go by its name (pyenv's shims).
    private static func program(_ candidate: String) -> String? {
        guard let real = HostFile.resolve(candidate) else { return nil }
        return (try? HostFile.read(real, limit: 2)) == Array("#!".utf8) ? candidate : real
    }

    /// Runs what might be an interpreter and keeps what is one. Blocks for at most ``timeout``.
    func interpreters(files: RuntimeFiles) -> [Interpreter] {
        let candidates = candidates()
        var cache = ProbeCache(file: cacheFile)
        var answers: [String: String] = [:]
        var probes: [(path: String, probe: Probe, deadline: ContinuousClock.Instant)] = []
        let deadline = ContinuousClock.now + timeout
        let compileDeadline = ContinuousClock.now + max(timeout, compileTimeout)
        for (language, path) in candidates {
            if let answer = cache.answer(path: path, runtime: files.directory) {
                answers[path] = answer
            } else {
                let arguments = InterpreterProbe.arguments(language, path: path, files: files)
                guard let probe = Probe(arguments, environment: environment) else { continue }
                probes.append((path, probe, language == .dotnet ? compileDeadline : deadline))
            }
        }
        for (path, probe, deadline) in probes {
            guard let answer = probe.answer(until: deadline) else { continue }
            answers[path] = answer
            cache.remember(answer, path: path, runtime: files.directory)
        }
        cache.save()
        var found: [Interpreter] = []
        for (language, path) in candidates {
            guard let answer = answers[path], let interpreter = InterpreterProbe.read(answer, language: language),
                interpreter.isServed, !found.contains(where: { $0.isSameInstallation(as: interpreter) })
            else { continue }
            found.append(interpreter)
        }
        return found
    }
}
