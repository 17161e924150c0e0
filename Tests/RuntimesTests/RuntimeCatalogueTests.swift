import Sandbox
import Testing

@testable import Runtimes

/// Expectations: AWS's runtime identifiers and variables,
/// https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtimes.html and configuration-envvars.html.
@Suite struct RuntimeCatalogueTests {
    static func python(_ minor: Int, _ patch: Int = 1, prefix: String? = nil) -> Interpreter {
        Interpreter(
            language: .python, version: .init(major: 3, minor: minor, patch: patch), prefix: prefix ?? "/py/3.\(minor)",
            executable: "bin/python3.\(minor)", compiledBootstrap: "bootstrap.x.pyc")
    }

    static func node(_ major: Int) -> Interpreter {
        Interpreter(
            language: .node, version: .init(major: major, minor: 2, patch: 3), prefix: "/node/\(major)",
            executable: "bin/node")
    }

    static func dotnet(_ major: Int, _ minor: Int = 0) -> Interpreter {
        Interpreter(
            language: .dotnet, version: .init(major: major, minor: minor, patch: 4), prefix: "/usr/lib/dotnet",
            executable: "dotnet", compiledBootstrap: "bootstrap-dotnet\(major).dll")
    }

    static func java(_ major: Int, compiler: String? = "/java/bin/javac") -> Interpreter {
        Interpreter(
            language: .java, version: .init(major: major, minor: 0, patch: 4), prefix: "/java/\(major)",
            executable: "bin/java", compiler: compiler)
    }

    static func ruby(_ major: Int, _ minor: Int) -> Interpreter {
        Interpreter(
            language: .ruby, version: .init(major: major, minor: minor, patch: 7), prefix: "/ruby/\(major).\(minor)",
            executable: "bin/ruby", packageDirectories: ["/ruby/gems"])
    }

    static func catalogue(_ interpreters: [Interpreter], _ substitution: RuntimeCatalogue.Substitution = .nearest)
        -> RuntimeCatalogue
    {
        RuntimeCatalogue(
            interpreters: interpreters, roots: RootBuilder(files: RuntimeFiles(directory: "/data/runtime-1")),
            substitution: substitution)
    }

    static func reason(_ identifier: String, _ catalogue: RuntimeCatalogue) -> RuntimeUnavailable.Reason? {
        do {
            _ = try catalogue.resolve(identifier)
            return nil
        } catch {
            return error.reason
        }
    }

    @Test func exactVersion() throws {
        let runtime = try Self.catalogue([Self.python(11), Self.python(12), Self.node(20)]).resolve("python3.12")
        #expect(runtime.root == "python3.12")
        #expect(runtime.arguments == ["/var/lang/bin/python3.12", "/var/runtime/bootstrap.x.pyc"])
        #expect(runtime.entrypoints == ["/var/lang/bin/python3.12"])
        #expect(runtime.arguments(memoryMiB: 128) == runtime.arguments)
        #expect(runtime.substitution == nil)
        let variables = Dictionary(uniqueKeysWithValues: runtime.environment.map { ($0.name, $0.value) })
        #expect(
            variables == [
                "AWS_EXECUTION_ENV": "AWS_Lambda_python3.12", "LANG": "en_US.UTF-8", "TZ": ":UTC",
                "PATH": "/var/lang/bin:/usr/local/bin:/usr/bin/:/bin:/opt/bin",
                "LD_LIBRARY_PATH":
                    "/var/lang/lib:/lib64:/usr/lib64:/var/runtime:/var/runtime/lib:/var/task:/var/task/lib:/opt/lib",
                "LAMBDA_TASK_ROOT": "/var/task", "LAMBDA_RUNTIME_DIR": "/var/runtime",
            ])
    }

    @Test func uncompiledBootstrapServesToo() throws {
        var interpreter = Self.python(9)
        interpreter.compiledBootstrap = nil
        let runtime = try Self.catalogue([interpreter]).resolve("python3.9")
        #expect(runtime.arguments == ["/var/lang/bin/python3.9", "/var/runtime/bootstrap.py"])
    }

    @Test func nodeKnowsItsMemory() throws {
        let runtime = try Self.catalogue([Self.node(20)]).resolve("nodejs20.x")
        #expect(
            runtime.arguments(memoryMiB: 1000) == [
                "/var/lang/bin/node", "--max-old-space-size=900", "--max-semi-space-size=50",
                "/var/runtime/bootstrap.mjs",
            ])
        #expect(
            runtime.environment.first { $0.name == "NODE_PATH" }?.value
                == "/opt/nodejs/node20/node_modules:/opt/nodejs/node_modules:/var/runtime/node_modules:/var/runtime:/var/task"
        )
    }

    @Test func nearestVersionSaysSo() throws {
        let catalogue = Self.catalogue([Self.python(13, 0), Self.python(9), Self.node(20)])
        #expect(
            try catalogue.resolve("python3.14").substitution
                == "Runtime python3.14 is not installed here; CPython 3.13.0 serves it.")
        #expect(try catalogue.resolve("python3.10").root == "python3.9")
        #expect(
            try catalogue.resolve("nodejs22.x").substitution
                == "Runtime nodejs22.x is not installed here; Node.js 20.2.3 serves it.")
        // AWS_EXECUTION_ENV stays what the function asked for.
        #expect(
            try catalogue.resolve("python3.14").environment.contains {
                $0 == ("AWS_EXECUTION_ENV", "AWS_Lambda_python3.14")
            })
    }

    @Test(arguments: [10, 11, 12]) func ofTwoEquallyNearTheNewerServes(_ line: Int) throws {
        let catalogue = Self.catalogue([Self.python(line - 1), Self.python(line + 1)])
        #expect(try catalogue.resolve("python3.\(line)").root == "python3.\(line + 1)")
    }

    @Test func dotnetStartsByAScriptThatLooksAtTheHandler() throws {
        let runtime = try Self.catalogue([Self.dotnet(8)]).resolve("dotnet8")
        #expect(
            runtime.arguments == [
                "/bin/sh", "/var/runtime/bootstrap-dotnet.sh", "/var/lang/dotnet",
                "/var/runtime/bootstrap-dotnet8.dll",
            ])
        #expect(runtime.root == "dotnet8" && runtime.substitution == nil)
        #expect(runtime.environment.contains { $0 == ("DOTNET_ROOT", "/var/lang") })
    }

    /// A .NET runs assemblies that were built for an older one; those of a newer name libraries that it lacks.
    @Test(arguments: [
        ([3, 9], "dotnet6", 9), ([3, 6, 10], "dotnet8", 10), ([3, 6], "dotnet8", 6), ([3], "dotnet10", 3),
    ])
    func aNewerDotNetServesBeforeAnOlder(_ installed: [Int], _ identifier: String, _ expected: Int) throws {
        let catalogue = Self.catalogue(installed.map { Self.dotnet($0, $0 == 3 ? 1 : 0) })
        #expect(try catalogue.resolve(identifier).root == "dotnet\(expected)")
    }

    /// https://learn.microsoft.com/dotnet/core/runtime-config/
    @Test func dotNetStartsAheadButOfFunctionsWithSettingsForIt() throws {
        let runtime = try Self.catalogue([Self.dotnet(8)]).resolve("dotnet8")
        #expect(runtime.arguments(memoryMiB: 256) == runtime.arguments + ["256"])
        #expect(runtime.canBoot(before: ["TZ", "ASPNETCORE_ENVIRONMENT"]))
        for name in ["DOTNET_gcServer", "COMPlus_TieredCompilation", "CORECLR_ENABLE_PROFILING"] {
            #expect(!runtime.canBoot(before: ["TZ", name]))
        }
    }

    /// docs/adr/0008
    @Test func forksWhatHasNoThreadsFromTheStart() throws {
        let catalogue = Self.catalogue([Self.python(12), Self.ruby(3, 1), Self.node(20), Self.dotnet(8)])
        for name in ["python3.12", "ruby3.3"] { #expect(try catalogue.resolve(name).isForkable, "\(name)") }
        for name in ["nodejs20.x", "dotnet8"] { #expect(try !catalogue.resolve(name).isForkable, "\(name)") }
    }

    /// https://docs.aws.amazon.com/lambda/latest/dg/packaging-layers.html
    @Test func rubyLooksForGemsWhereLayersKeepThem() throws {
        let runtime = try Self.catalogue([Self.ruby(3, 1)]).resolve("ruby3.3")
        #expect(runtime.root == "ruby3.1")
        #expect(runtime.arguments == ["/var/lang/bin/ruby", "--disable-gems", "/var/runtime/bootstrap.rb"])
        #expect(runtime.substitution == "Runtime ruby3.3 is not installed here; Ruby 3.1.7 serves it.")
        let variables = Dictionary(uniqueKeysWithValues: runtime.environment.map { ($0.name, $0.value) })
        #expect(variables["AWS_EXECUTION_ENV"] == "AWS_Lambda_ruby3.3")
        #expect(
            variables["GEM_PATH"]
                == "/var/task/vendor/bundle/ruby/3.3.0:/var/task/vendor/bundle/ruby/3.1.0:/opt/ruby/gems/3.3.0:"
                + "/opt/ruby/gems/3.1.0:/ruby/gems")
        #expect(variables["RUBYLIB"] == "/var/task:/var/runtime/lib:/opt/ruby/lib")
        #expect(try Self.catalogue([Self.ruby(3, 4), Self.ruby(4, 0)]).resolve("ruby4.0").substitution == nil)
    }

    @Test func javaIsStartedWithItsArchive() throws {
        let runtime = try Self.catalogue([Self.java(17)]).resolve("java17")
        #expect(runtime.root == "java17" && runtime.substitution == nil)
        #expect(
            runtime.arguments == [
                "/bin/sh", "/var/runtime/bootstrap-java.sh", "/var/lang/bin/java", "/var/runtime/runtime-1-java",
                "/var/runtime/runtime-1-java-17.0.4.jsa",
            ])
        #expect(runtime.arguments(memoryMiB: 512) == runtime.arguments + ["512"])
        #expect(try Self.catalogue([Self.java(11)]).resolve("java11").arguments.last == "-")
        #expect(try Self.catalogue([Self.java(8)]).resolve("java8.al2").root == "java8")
    }

    /// What a virtual machine reads when it starts: https://docs.oracle.com/en/java/javase/21/docs/specs/man/java.html
    @Test func javaStartsAheadButOfFunctionsWithOptionsForIt() throws {
        let runtime = try Self.catalogue([Self.java(17)]).resolve("java17")
        #expect(runtime.canBoot(before: ["JAVA_HOME", "TZ", "OPTIONS"]))
        for name in ["JAVA_TOOL_OPTIONS", "JDK_JAVA_OPTIONS", "_JAVA_OPTIONS", "LD_PRELOAD"] {
            #expect(!runtime.canBoot(before: ["TZ", name]))
        }
    }

    /// Class files of a newer Java do not run on an older one.
    @Test func aNewerJavaServesBeforeANearerOlderOne() throws {
        let catalogue = Self.catalogue([Self.java(11), Self.java(16), Self.java(25)])
        #expect(try catalogue.resolve("java17").root == "java25")
        #expect(try catalogue.resolve("java8.al2").root == "java11")
        #expect(try Self.catalogue([Self.java(11), Self.java(17)]).resolve("java21").root == "java17")
    }

    @Test func aJavaWithoutAnyCompilerServesNothing() throws {
        let alone = Self.catalogue([Self.java(17, compiler: nil)])
        #expect(Self.reason("java17", alone) == .noCompiler)
        let line = try #require(alone.report.first { $0.identifier == "java17" })
        #expect(line.served == .missing && line.remedy == "apt-get install openjdk-17-jdk-headless")
        let helped = Self.catalogue([Self.java(17, compiler: nil), Self.java(25)])
        #expect(try helped.resolve("java17").root == "java17")
    }

    @Test func strictSettingRefusesOtherVersions() {
        let catalogue = Self.catalogue([Self.python(13)], .refused)
        #expect(Self.reason("python3.13", catalogue) == nil)
        #expect(Self.reason("python3.12", catalogue) == .exactVersionNotInstalled)
        #expect(Self.reason("nodejs20.x", catalogue) == .notInstalled)
    }

    @Test func everyIdentifierOfAWSIsRecognised() {
        let catalogue = Self.catalogue([])
        for identifier in RuntimeIdentifier.unserved { #expect(Self.reason(identifier.name, catalogue) == .unserved) }
        for identifier in RuntimeIdentifier.served where identifier.kind != .provided {
            #expect(Self.reason(identifier.name, catalogue) == .notInstalled)
        }
        for name in ["", "python", "python3.15", "python3.12 ", "nodejs20", "Python3.12", "provided.al2024"] {
            #expect(Self.reason(name, catalogue) == .unknown)
        }
        // As many as the enumeration has in AWS's service model.
        #expect(Set((RuntimeIdentifier.served + RuntimeIdentifier.unserved).map(\.name)).count == 46)
    }

    @Test(arguments: ["provided.al2", "provided.al2023"]) func providedLooksWhereAWSLooks(_ identifier: String) throws {
        let runtime = try Self.catalogue([]).resolve(identifier)
        #expect(runtime.root == "provided")
        #expect(runtime.entrypoints == ["/var/task/bootstrap", "/opt/bootstrap"])
        #expect(!runtime.environment.contains { $0.name == "AWS_EXECUTION_ENV" })
        #expect(runtime.environment.contains { $0 == ("PATH", "/usr/local/bin:/usr/bin/:/bin:/opt/bin") })
    }

    static func powerShell(_ minor: Int = 4) -> Interpreter {
        Interpreter(
            language: .powershell, version: .init(major: 7, minor: minor, patch: 6),
            prefix: "/opt/microsoft/powershell/7", executable: "pwsh")
    }

    // The forms of handlers are those of awslabs/aws-lambda-powershell-runtime's readme.
    @Test(arguments: ["app.ps1", "lib/App.PS1", "app.ps1::Invoke-Hello", "Module::Hello::Invoke-Hello"])
    func powerShellServesItsHandlers(_ handler: String) throws {
        let runtime = try Self.catalogue([Self.powerShell()]).resolve("provided.al2023")
        #expect(!runtime.lacksPowerShell)
        let serving = runtime.serving(handler)
        #expect(serving.root == "powershell7")
        #expect(
            serving.arguments == ["/bin/sh", "/var/runtime/bootstrap-powershell.sh", "/var/lang/pwsh"])
        #expect(serving.identifier == "provided.al2023")
        // As for every OS-only runtime: AWS_LAMBDA_EXEC_WRAPPER is for managed ones.
        #expect(!serving.isManaged)
        #expect(serving.environment.map(\.name) == runtime.environment.map(\.name))
        let without = try Self.catalogue([Self.python(12)]).resolve("provided.al2023")
        #expect(without.lacksPowerShell)
        #expect(without.serving(handler) == without)
    }

    @Test(arguments: [
        "bootstrap", "app.handler", "", "::", ".ps1::", "app.ps1::a::b", "module::a", "Hello::Hello.Function::Handle",
        "Module::a::b::c", "::app.ps1",
    ])
    func otherHandlersAreNotPowerShells(_ handler: String) throws {
        let runtime = try Self.catalogue([Self.powerShell()]).resolve("provided.al2")
        #expect(runtime.serving(handler) == runtime)
    }

    @Test func managedRuntimesDoNotMindPowerShell() throws {
        let runtime = try Self.catalogue([Self.powerShell(), Self.dotnet(8)]).resolve("dotnet8")
        #expect(runtime.serving("app.ps1") == runtime)
        #expect(!runtime.lacksPowerShell)
        #expect(runtime.isManaged)
    }

    @Test func everyResolvedRootIsDefined() throws {
        let catalogue = Self.catalogue([
            Self.python(9), Self.python(13), Self.python(13, 5, prefix: "/other"), Self.node(18), Self.dotnet(8),
            Self.java(17), Self.ruby(3, 1), Self.powerShell(),
        ])
        let names = catalogue.roots.map(\.name)
        #expect(
            names == ["python3.9", "python3.13", "nodejs18", "dotnet8", "java17", "ruby3.1", "powershell7", "provided"])
        for identifier in RuntimeIdentifier.served {
            #expect(names.contains(try catalogue.resolve(identifier.name).root ?? ""))
        }
        #expect(catalogue.interpreters.first { $0.line == 13 }?.prefix == "/py/3.13")
    }

    @Test func reportNamesWhatServesAndWhatMends() throws {
        let report = Self.catalogue([Self.python(12)]).report
        let lines = Dictionary(uniqueKeysWithValues: report.map { ($0.identifier, $0) })
        #expect(report.count == RuntimeIdentifier.served.count + 1)
        #expect(lines["powershell"]?.served == .missing && lines["powershell"]?.remedy == nil)
        let other = Self.catalogue([Self.powerShell()]).report.first { $0.identifier == "powershell" }
        #expect(other?.served == .exactly && other?.by == "PowerShell 7.4.6 (/opt/microsoft/powershell/7)")
        #expect(
            lines["python3.12"]
                == .init(
                    identifier: "python3.12", served: .exactly, by: "CPython 3.12.1 (/py/3.12)",
                    interpreter: Self.python(12)))
        #expect(lines["python3.9"]?.served == .nearest)
        #expect(lines["python3.9"]?.reason == "Runtime python3.9 is not installed here; CPython 3.12.1 serves it.")
        #expect(lines["python3.9"]?.remedy == "apt-get install python3.9")
        #expect(
            lines["nodejs20.x"]
                == .init(
                    identifier: "nodejs20.x", served: .missing, by: "",
                    reason: RuntimeUnavailable(identifier: "nodejs20.x", reason: .notInstalled).description,
                    remedy: "apus runtimes install nodejs20.x"))
        #expect(lines["nodejs18.x"]?.remedy == "apt-get install nodejs")
        #expect(lines["dotnet8"]?.remedy == "apt-get install dotnet-sdk-8.0")
        #expect(lines["provided.al2023"]?.served == .exactly)
    }
}
