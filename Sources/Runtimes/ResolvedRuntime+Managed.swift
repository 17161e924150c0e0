extension ResolvedRuntime {
    /// Where AWS looks for the executable of an OS-only runtime, in this order.
    private static let bootstraps = ["/var/task/bootstrap", "/opt/bootstrap"]

    static func provided(_ identifier: RuntimeIdentifier) -> ResolvedRuntime {
        ResolvedRuntime(
            identifier: identifier.name, root: providedRoot, arguments: [bootstraps[0]],
            environment: common(language: []), entrypoints: bootstraps)
    }

    /// The same for a handler that names a script or a module: with PowerShell beside, which runs the handler unless
    /// the function brings an executable.
    static func provided(_ identifier: RuntimeIdentifier, with powerShell: Interpreter) -> ResolvedRuntime {
        ResolvedRuntime(
            identifier: identifier.name, root: RootBuilder.name(of: powerShell),
            arguments: [
                "/bin/sh", "/var/runtime/bootstrap-powershell.sh", RootBuilder.language + "/" + powerShell.executable,
            ], environment: common(language: []))
    }

    static func managed(
        _ identifier: RuntimeIdentifier, line: Int, by interpreter: Interpreter, java: JavaBootstrap? = nil
    )
        -> ResolvedRuntime
    {
        let substitution: String? =
            interpreter.line == line
            ? nil
            : "Runtime \(identifier.name) is not installed here; "
                + "\(interpreter.language.title) \(interpreter.version) serves it."
        var environment = common(language: ["/var/lang"])
        environment.append(("AWS_EXECUTION_ENV", "AWS_Lambda_" + identifier.name))
        if interpreter.language == .node { environment.append(("NODE_PATH", nodePath(interpreter))) }
        if interpreter.language == .ruby { environment += rubyPaths(interpreter, line: line) }
        if interpreter.language == .dotnet { environment.append(("DOTNET_ROOT", RootBuilder.language)) }
        return ResolvedRuntime(
            identifier: identifier.name, root: RootBuilder.name(of: interpreter), arguments: command(interpreter, java),
            environment: environment, substitution: substitution,
            heapFlags: heapFlags(interpreter.language), isBootable: true, isForkable: isForkable(interpreter.language))
    }

    /// Others need threads from the start.
    private static func isForkable(_ language: Interpreter.Language) -> Bool {
        switch language {
        case .python, .ruby: true
        case .node, .java, .dotnet, .powershell: false
        }
    }

    private static func heapFlags(_ language: Interpreter.Language) -> HeapFlags {
        switch language {
        case .node: .v8
        case .java, .dotnet: .script
        case .python, .ruby, .powershell: .none
        }
    }

    /// Through `/var/lang`, so that functions see the paths of AWS, not this machine's.
    private static func command(_ interpreter: Interpreter, _ java: JavaBootstrap?) -> [String] {
        let executable = RootBuilder.language + "/" + interpreter.executable
        return switch interpreter.language {
        case .python: [executable, "/var/runtime/" + (interpreter.compiledBootstrap ?? "bootstrap.py")]
        case .node: [executable, "/var/runtime/bootstrap.mjs"]
        case .ruby: [executable, "--disable-gems", "/var/runtime/bootstrap.rb"]
        // Not a managed runtime of AWS's.
        case .powershell: [executable, "/var/runtime/bootstrap.ps1"]
        case .java: ["/bin/sh", "/var/runtime/bootstrap-java.sh", executable] + (java?.places(interpreter) ?? [])
        case .dotnet:
            [
                "/bin/sh", "/var/runtime/bootstrap-dotnet.sh", executable,
                "/var/runtime/" + (interpreter.compiledBootstrap ?? "bootstrap.dll"),
            ]
        }
    }

    /// As on AWS: a version's own layer directory first.
    private static func nodePath(_ interpreter: Interpreter) -> String {
        "/opt/nodejs/node\(interpreter.line)/node_modules:/opt/nodejs/node_modules:/var/runtime/node_modules"
            + ":/var/runtime:/var/task"
    }

    /// As on AWS, and the gems that came with the interpreter. Layers name the version that the function asks for,
    /// though another may serve it.
    /// https://docs.aws.amazon.com/lambda/latest/dg/packaging-layers.html
    private static func rubyPaths(_ interpreter: Interpreter, line: Int) -> [(name: String, value: String)] {
        let versions = line == interpreter.line ? [line] : [line, interpreter.line]
        let gems = ["/var/task/vendor/bundle/ruby", "/opt/ruby/gems"].flatMap { directory in
            versions.map { "\(directory)/\($0 / 10).\($0 % 10).0" }
        }
        return [
            ("GEM_PATH", (gems + interpreter.packageDirectories).joined(separator: ":")),
            ("RUBYLIB", "/var/task:/var/runtime/lib:/opt/ruby/lib"),
        ]
    }

    /// The variables that AWS sets for every function, but those that differ between functions.
    /// https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html
    private static func common(language: [String]) -> [(name: String, value: String)] {
        let path = language.map { $0 + "/bin" } + ["/usr/local/bin", "/usr/bin/", "/bin", "/opt/bin"]
        let libraries =
            language.map { $0 + "/lib" } + [
                "/lib64", "/usr/lib64", "/var/runtime", "/var/runtime/lib", "/var/task", "/var/task/lib", "/opt/lib",
            ]
        return [
            ("LANG", "en_US.UTF-8"), ("TZ", ":UTC"), ("PATH", path.joined(separator: ":")),
            ("LD_LIBRARY_PATH", libraries.joined(separator: ":")), ("LAMBDA_TASK_ROOT", "/var/task"),
            ("LAMBDA_RUNTIME_DIR", "/var/runtime"),
        ]
    }
}
