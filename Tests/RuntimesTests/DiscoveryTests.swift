import Glibc
import Testing
import TestSupport

@testable import Runtimes

/// Interpreters here are shell scripts that answer as the real ones do.
@Suite struct DiscoveryTests {
    let host: TemporaryDirectory
    let files: RuntimeFiles

    init() throws {
        host = TemporaryDirectory()
        files = RuntimeFiles(directory: host.path + "/runtime")
    }

    func discovery(cache: Bool = false, timeout: Duration = .seconds(30)) -> Discovery {
        var discovery = Discovery(
            environment: ["PATH": host.path + "/bin:relative::/nonexistent"], timeout: timeout,
            cacheFile: cache ? host.path + "/cache" : nil)
        discovery.systemDirectories = [host.path + "/system"]
        discovery.installationParents = [host.path + "/opt"]
        return discovery
    }

    func pythonAnswer(_ version: String, prefix: String) -> String {
        """
        version=\(version)
        implementation=cpython
        prefix=\(prefix)
        executable=\(prefix)/bin/python3
        packages=\(prefix)/lib/site-packages
        compiled=bootstrap.pyc
        """
    }

    @Test func looksIntoThePathThenTheSystemThenInstallations() throws {
        host.program("bin/python3.12", answers: pythonAnswer("3.12.1", prefix: "/path"))
        host.program("system/python3.12", answers: pythonAnswer("3.12.9", prefix: "/system"))
        host.program("opt/python-3.9/bin/python3.9", answers: pythonAnswer("3.9.18", prefix: "/opt/python-3.9"))
        host.program("opt/node/bin/node", answers: "version=v20.20.2\nexecutable=/opt/node/bin/node")
        let found = discovery().interpreters(files: files)
        #expect(found.map(\.prefix) == ["/path", "/system", "/opt/python-3.9", "/opt/node"])
        #expect(found.map(\.version.description) == ["3.12.1", "3.12.9", "3.9.18", "20.20.2"])
        #expect(found.first?.packageDirectories == ["/path/lib/site-packages"])
        #expect(found.first?.compiledBootstrap == "bootstrap.pyc")
    }

    /// A probe of .NET is of one framework, and compiles; here the compiler is a script, and so is what it makes.
    @Test func everyFrameworkOfADotNetIsACandidate() {
        let root = host.path + "/opt/dotnet/bin"
        for version in ["8.0.4", "8.0.11", "10.0.0", "2.1.30", "not-a-version"] {
            host.directory("opt/dotnet/bin/shared/Microsoft.NETCore.App/" + version)
        }
        host.write("opt/dotnet/bin/dotnet", "#!/bin/sh\n# exec DLL --version\nexec /bin/cat \"$2\"\n", mode: 0o755)
        let compiler = """
            #!/bin/sh
            for argument; do case $argument in -out:*) out=${argument#-out:} ;; esac; done
            case $out in *2.1.30*) exit 1 ;; esac
            out=${out##*/} version=${out#bootstrap-dotnet}
            for argument; do case $argument in -out:*) printf %s "${version%.dll}" >"${argument#-out:}" ;; esac; done
            """
        host.write("bin/mcs", compiler, mode: 0o755)
        host.directory("runtime")
        var discovery = discovery()
        discovery.environment["PATH", default: ""] += ":/usr/bin:/bin"
        discovery.searchesPath = false
        let found = discovery.interpreters(files: files)
        #expect(found.map(\.version.description) == ["10.0.0", "8.0.11"])
        #expect(found.allSatisfy { $0.prefix == root && $0.executable == "dotnet" })
        #expect(found.map(\.compiledBootstrap) == ["bootstrap-dotnet10.0.0.dll", "bootstrap-dotnet8.0.11.dll"])
        let configuration = readFile(files.directory + "/bootstrap-dotnet8.0.11.runtimeconfig.json")
        #expect(String(decoding: configuration, as: UTF8.self).contains(#""version":"8.0.11""#))
    }

    @Test func dotnetWithoutACompilerDoesNotServe() {
        host.directory("opt/dotnet/bin/shared/Microsoft.NETCore.App/8.0.4")
        host.write("opt/dotnet/bin/dotnet", "#!/bin/sh\necho 8.0.4\n", mode: 0o755)
        let tools = host.directory("tools")
        for name in ["mktemp", "rm"] { symlink("/usr/bin/" + name, tools + "/" + name) }
        var discovery = discovery()
        discovery.environment["PATH"] = tools
        #expect(discovery.interpreters(files: files).isEmpty)
    }

    /// What is found there is run, by root perhaps.
    @Test func installedRuntimesCountWhereOnlyTheOwnerWrites() {
        let installed = host.directory("data/runtimes")
        let places = { Discovery(environment: [:], installed: installed).installationParents }
        let usual = ["/opt", "/usr/lib/jvm"]
        #expect(places() == usual + [installed])
        chmod(installed, 0o775)
        #expect(places() == usual)
        chmod(installed, 0o755)
        host.link("data/link", to: installed)
        #expect(Discovery(environment: [:], installed: host.path + "/data/link").installationParents == usual)
        #expect(Discovery(environment: [:], installed: host.path + "/data/none").installationParents == usual)
    }

    /// The release file of a Java, as OpenJDK's builds write it.
    @Test(arguments: [
        ("17.0.15", "17.0.15", "bin"), ("25", "25.0.0", "bin"), ("1.8.0_392", "8.0.392", "jre/bin"),
        ("21.0.5-beta", "21.0.5", "bin"),
    ]) func readsWhatAJavaSaysOfItself(said: String, version: String, place: String) throws {
        host.write("opt/jdk/release", "IMPLEMENTOR=\"x\"\nJAVA_VERSION=\"\(said)\"\nJAVA_VERSION_DATE=\"2026\"\n")
        for name in ["opt/jdk/bin/java", "opt/jdk/bin/javac", "opt/jdk/\(place)/java"] {
            host.write(name, "\u{7f}ELF", mode: 0o755)
        }
        host.directory("bin")
        host.link("bin/java", to: host.path + "/opt/jdk/\(place)/java")
        let java = try #require(discovery().interpreters(files: files).first)
        #expect(java.language == .java && java.version.description == version)
        #expect(java.prefix == host.path + "/opt/jdk" && java.executable == "bin/java")
        #expect(java.compiler == host.path + "/opt/jdk/bin/javac")
        unlink(host.path + "/opt/jdk/bin/javac")
        #expect(discovery().interpreters(files: files).first?.compiler == nil)
    }

    @Test func findsRubiesAndNoOtherImplementationOfTheLanguage() throws {
        let answer = "version=3.3.6\nengine=ruby\nprefix=/r\nexecutable=/r/bin/ruby\npackages=/r/gems"
        host.program("bin/ruby", answers: answer)
        host.program("bin/ruby3.4", answers: "version=3.4.0\nengine=jruby\nprefix=/j\nexecutable=/j/bin/ruby")
        let found = discovery().interpreters(files: files)
        #expect(found.map(\.line) == [33])
        #expect(found.first?.packageDirectories == ["/r/gems"])
    }

    /// What the probe's script prints: https://learn.microsoft.com/powershell/module/microsoft.powershell.core/about/
    /// about_automatic_variables has PSHOME and PSVersionTable.
    @Test func findsPowerShell() throws {
        host.program("opt/old/bin/pwsh", answers: "version=6.2.7\nexecutable=/old/pwsh")
        host.program("opt/tool/bin/pwsh", answers: "version=7.5.0")
        host.program("bin/pwsh", answers: "version=7.4.6\nexecutable=/opt/microsoft/powershell/7/pwsh")
        let found = discovery().interpreters(files: files)
        #expect(found.map(\.version.description) == ["7.4.6"])
        #expect(found.first?.prefix == "/opt/microsoft/powershell/7" && found.first?.executable == "pwsh")
        for answer in ["version=7.4.6\nexecutable=/pwsh", "version=7.4.6-preview.1\nexecutable=/a/dotnet"] {
            #expect(InterpreterProbe.read(answer, language: .powershell) == nil)
        }
        let preview = InterpreterProbe.read("version=7.5.0-preview.1\nexecutable=/a/pwsh", language: .powershell)
        #expect(preview?.version.description == "7.5.0")
    }

    @Test func oneInstallationUnderTwoNamesCountsOnce() throws {
        host.program("bin/python3", answers: pythonAnswer("3.12.1", prefix: "/one"))
        host.program("bin/python3.12", answers: pythonAnswer("3.12.1", prefix: "/one"))
        #expect(discovery().interpreters(files: files).count == 1)
    }

    @Test func leavesOutWhatIsNotServedOrNoInterpreter() throws {
        host.program("bin/python3", answers: pythonAnswer("3.8.18", prefix: "/old"))
        host.program("bin/node", answers: "version=v16.1.0\nexecutable=/old/bin/node")
        host.program("bin/python3.13", answers: "Python 3.13.0")
        host.write("bin/python3.12", "#!/bin/sh\nexit 1\n", mode: 0o755)
        host.write("bin/python3.11", "not executable")
        host.write("bin/python3.10", "\u{7f}ELF but not really", mode: 0o755)
        host.directory("bin/python3.9")
        #expect(discovery().interpreters(files: files).isEmpty)
    }

    @Test func doesNotWaitForWhatDoesNotAnswer() throws {
        host.write("bin/python3.12", "#!/bin/sh\nexec /bin/sleep 1000\n", mode: 0o755)
        host.write("bin/python3.13", "#!/bin/sh\nexec >&-\nexec /bin/sleep 1000\n", mode: 0o755)
        #expect(discovery(timeout: .milliseconds(200)).interpreters(files: files).isEmpty)
    }

    @Test func readsVersions() {
        #expect(Interpreter.Version("v20.20.2") == .init(major: 20, minor: 20, patch: 2))
        #expect(Interpreter.Version("3.14.0rc2") == .init(major: 3, minor: 14, patch: 0))
        for text in ["", "3", "3.12", "3.12.", "a.b.c", "-3.1.1", "3..1", "v"] {
            #expect(Interpreter.Version(text) == nil)
        }
    }

    @Test(arguments: [
        "", "version=3.12.1", "version=3.12.1\nimplementation=pypy\nprefix=/p\nexecutable=/p/bin/python3",
        "version=3.12.1\nimplementation=cpython\nprefix=/\nexecutable=/bin/python3",
        "version=3.12.1\nimplementation=cpython\nprefix=/p/../q\nexecutable=/p/../q/bin/python3",
        "version=3.12.1\nimplementation=cpython\nprefix=/p\nexecutable=/q/bin/python3",
        "version=3.12.1\nimplementation=cpython\nprefix=p\nexecutable=p/bin/python3",
    ]) func refusesAnswersThatNoRootCanBeBuiltOn(_ answer: String) {
        #expect(InterpreterProbe.read(answer, language: .python) == nil)
    }

    /// Whatever a program prints, what is taken from it can be bound into a sandbox.
    @Test func anyAnswerIsReadSafely() {
        var random = SeededGenerator(seed: 42)
        let seed = Array(pythonAnswer("3.12.1", prefix: "/usr/x").utf8)
        for _ in 0..<20_000 {
            let text = String(decoding: random.mutate(seed), as: UTF8.self)
            for language in Interpreter.Language.allCases {
                guard let found = InterpreterProbe.read(text, language: language) else { continue }
                for path in [found.prefix, found.prefix + "/" + found.executable] + found.packageDirectories {
                    let parts = path.dropFirst().split(separator: "/", omittingEmptySubsequences: false)
                    #expect(path.hasPrefix("/") && parts.allSatisfy { !["", ".", ".."].contains($0) }, "\(text)")
                }
                #expect(found.compiledBootstrap?.contains("/") != true)
            }
        }
    }

    @Test func remembersAnswersOfTheSameFile() throws {
        let path = host.write("bin/python", "binary", mode: 0o755)
        host.directory("runtime")
        let compiled = host.write("runtime/bootstrap.pyc")
        let answer = pythonAnswer("3.12.1", prefix: "/one")
        var cache = ProbeCache(file: host.path + "/cache")
        #expect(cache.answer(path: path, runtime: files.directory) == nil)
        cache.remember(answer, path: path, runtime: files.directory)
        cache.save()
        var again = ProbeCache(file: host.path + "/cache")
        #expect(again.answer(path: path, runtime: files.directory) == answer)
        #expect(again.answer(path: path, runtime: "/other") == nil)
        unlink(compiled)
        #expect(again.answer(path: path, runtime: files.directory) == nil)
        host.write("runtime/bootstrap.pyc")
        host.write("bin/python", "another binary", mode: 0o755)
        #expect(again.answer(path: path, runtime: files.directory) == nil)
    }

    @Test func aDamagedCacheIsAnEmptyOneOrAReadableOne() {
        let entries = ["/usr/bin/python3|a|1": "version=3.12.1\nprefix=/usr", "/x|b|2": "version=v20.1.1"]
        let encoded = ProbeCache.encode(entries)
        #expect(ProbeCache.decode(encoded) == entries)
        var random = SeededGenerator(seed: 7)
        for _ in 0..<20_000 {
            let damaged = random.mutate(encoded)
            let decoded = ProbeCache.decode(damaged)
            #expect(ProbeCache.decode(ProbeCache.encode(decoded)) == decoded)
        }
        #expect(ProbeCache.decode(Array(encoded.dropLast())) == [:])
        #expect(ProbeCache.decode([0xFF, 0x0A]) == [:])
    }
}

extension SeededGenerator {
    /// The bytes with a few of them changed, removed or added.
    mutating func mutate(_ bytes: [UInt8]) -> [UInt8] {
        var bytes = bytes
        for _ in 0..<Int.random(in: 1...4, using: &self) {
            let index = Int.random(in: 0...bytes.count, using: &self)
            let byte = Array("/.=\n\tv0x\u{0}".utf8).randomElement(using: &self) ?? 0
            switch Int.random(in: 0..<4, using: &self) {
            case 0 where index < bytes.count: bytes[index] = byte
            case 1 where index < bytes.count: bytes.remove(at: index)
            case 2 where index < bytes.count: bytes[index] = .random(in: 0 ... .max, using: &self)
            default: bytes.insert(byte, at: index)
            }
        }
        return bytes
    }
}

extension TemporaryDirectory {
    /// A program that answers a probe with `answer`.
    func program(_ name: String, answers answer: String) {
        write(name, "#!/bin/sh\n/bin/cat <<'END'\n\(answer)\nEND\n", mode: 0o755)
    }
}
