/// The question that is put to a possible interpreter, and the reading of its answer: `name=value` lines.
enum InterpreterProbe {
    static func arguments(_ language: Interpreter.Language, path: String, files: RuntimeFiles) -> [String] {
        switch language {
        case .python: [path, "-I", "-c", pythonQuestion, files.directory]
        case .node: [path, "-p", nodeQuestion]
        case .java: ["/bin/sh", "-c", javaQuestion, path]
        case .ruby: [path, "--disable-gems", "-e", rubyQuestion]
        case .powershell: [path, "-NoLogo", "-NoProfile", "-NonInteractive", "-Command", powerShellQuestion]
        case .dotnet: ["/bin/sh", "-c", dotnetQuestion, "sh", path, files.directory, dotnetBootstrap]
        }
    }

    /// Inside a virtual environment the base installation answers: that is what can be bound into a sandbox. Compiling
    /// the bootstrap once here saves every cold start of it; a directory that cannot be written to only costs that.
    private static let pythonQuestion = """
        import os, sys, sysconfig, py_compile
        print("version=%d.%d.%d" % sys.version_info[:3])
        print("implementation=" + sys.implementation.name)
        print("prefix=" + os.path.realpath(sys.base_prefix))
        print("executable=" + os.path.realpath(getattr(sys, "_base_executable", None) or sys.executable))
        paths = {"base": sys.base_prefix, "platbase": sys.base_exec_prefix}
        dirs = [sysconfig.get_path("purelib", vars=paths), sysconfig.get_path("platlib", vars=paths)]
        if sys.prefix == sys.base_prefix:
            import site
            dirs += site.getsitepackages()
        for directory in dict.fromkeys(os.path.realpath(d) for d in dirs):
            if os.path.isdir(directory):
                print("packages=" + directory)
        name = "bootstrap.%s-%x.pyc" % (sys.implementation.cache_tag, sys.hexversion)
        try:
            py_compile.compile(os.path.join(sys.argv[1], "bootstrap.py"), os.path.join(sys.argv[1], name),
                dfile="/var/runtime/bootstrap.py", doraise=True,
                invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH)
            print("compiled=" + name)
        except Exception:
            pass
        """

    private static let nodeQuestion = #""version=" + process.version + "\nexecutable=" + process.execPath"#

    /// An installation has its executable beside its assemblies; a global tool of .NET's has none there.
    private static let powerShellQuestion = """
        "version=$($PSVersionTable.PSVersion)"
        if (Test-Path -LiteralPath "$PSHOME/pwsh") { "executable=$((Get-Item -LiteralPath $PSHOME).FullName)/pwsh" }
        """

    private static let dotnetQuestion = String(decoding: PackageResources.probe_dotnet_sh, as: UTF8.self)
    private static let javaQuestion = String(decoding: PackageResources.probe_java_sh, as: UTF8.self)
    private static let rubyQuestion = String(decoding: PackageResources.probe_rb, as: UTF8.self)
    private static let dotnetBootstrap = String(decoding: PackageResources.bootstrap_cs, as: UTF8.self)

    /// Nil when the answer is no interpreter's: whatever was run may have printed anything.
    static func read(_ answer: String, language: Interpreter.Language) -> Interpreter? {
        var values: [Substring: [String]] = [:]
        for line in answer.split(separator: "\n") {
            let parts = line.split(separator: "=", maxSplits: 1)
            if parts.count == 2 { values[parts[0], default: []].append(String(parts[1])) }
        }
        guard let version = values["version"]?.first.flatMap({ Interpreter.Version($0) }),
            let executable = values["executable"]?.first, isPlain(executable)
        else { return nil }
        let prefix: String
        switch language {
        case .python:
            guard values["implementation"]?.first == "cpython", let given = values["prefix"]?.first else { return nil }
            prefix = given
        case .node:
            guard executable.hasSuffix("/bin/node") || executable.hasSuffix("/bin/nodejs") else { return nil }
            prefix = parent(parent(executable))
        case .java:
            guard executable.hasSuffix("/bin/java") else { return nil }
            prefix = parent(parent(executable))
        case .ruby:
            guard values["engine"]?.first == "ruby", let given = values["prefix"]?.first else { return nil }
            prefix = given
        case .powershell:
            guard executable.hasSuffix("/pwsh") else { return nil }
            prefix = parent(executable)
        case .dotnet:
            guard executable.hasSuffix("/dotnet"), values["compiled"] != nil else { return nil }
            prefix = parent(executable)
        }
        guard isPlain(prefix), executable.hasPrefix(prefix + "/") else { return nil }
        let compiled = values["compiled"]?.first.flatMap { $0.contains("/") ? nil : $0 }
        return Interpreter(
            language: language, version: version, prefix: prefix,
            executable: String(executable.dropFirst(prefix.count + 1)),
            packageDirectories: (values["packages"] ?? []).filter(isPlain), compiledBootstrap: compiled,
            compiler: values["compiler"]?.first.flatMap { isPlain($0) ? $0 : nil })
    }

    private static func parent(_ path: String) -> String {
        guard let slash = path.lastIndex(of: "/") else { return "" }
        return String(path[..<slash])
    }

    /// An absolute path other than the root, without `.` and `..`: one that a sandbox may be built on.
    private static func isPlain(_ path: String) -> Bool {
        guard path.hasPrefix("/"), path.count > 1, !path.utf8.contains(0) else { return false }
        let components = path.dropFirst().split(separator: "/", omittingEmptySubsequences: false)
        return components.allSatisfy { !$0.isEmpty && $0 != "." && $0 != ".." }
    }
}
