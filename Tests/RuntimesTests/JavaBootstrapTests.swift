import Glibc
import Testing
import TestSupport

@testable import Runtimes

/// Compilers here are shell scripts; the real one runs in the client tests.
@Suite struct JavaBootstrapTests {
    let directory: TemporaryDirectory

    init() throws {
        directory = TemporaryDirectory()
        directory.directory("compiled")
        directory.write("runtime/java/Main.java", "class Main {}")
    }

    func bootstrap(javac: String?, jar: String = "exit 1") throws -> JavaBootstrap {
        if let javac { directory.write("bin/javac", "#!/bin/sh\n\(javac)\n", mode: 0o755) }
        directory.write("bin/jar", "#!/bin/sh\n\(jar)\n", mode: 0o755)
        let java = Interpreter(
            language: .java, version: .init(major: 11, minor: 0, patch: 1), prefix: "/java", executable: "bin/java",
            compiler: javac == nil ? nil : directory.path + "/bin/javac")
        var files = RuntimeFiles(directory: directory.path + "/runtime")
        files.compiled = directory.path + "/compiled"
        return JavaBootstrap(files: files, interpreters: [java])
    }

    func wait(for name: String) -> String? {
        let end = ContinuousClock.now + .seconds(60)
        while ContinuousClock.now < end {
            if let text = try? HostFile.read(directory.path + "/compiled/" + name, limit: 1000) {
                return String(decoding: text, as: UTF8.self)
            }
            usleep(5000)
        }
        return nil
    }

    @Test func compilesOnceWhenAsked() throws {
        let java = try bootstrap(javac: "echo \"$@\" >>\"$0.calls\"", jar: "echo archive >\"$2\"")
        #expect(java.canServe)
        java.prepare()
        java.prepare()
        #expect(wait(for: "runtime-java.jar") == "archive\n")
        // Another server over the same directory has nothing left to do.
        try bootstrap(javac: "touch \"$0.again\"").prepare()
        let calls = try String(
            decoding: HostFile.read(directory.path + "/bin/javac.calls", limit: 10_000), as: UTF8.self)
        #expect(calls.split(separator: "\n").count == 1 && calls.hasSuffix("java/Main.java\n"))
    }

    @Test func whatTheCompilerSaysIsKeptForTheLog() throws {
        try bootstrap(javac: "echo 'no such release' >&2; exit 2").prepare()
        #expect(wait(for: "runtime-java.failed") == "no such release\n")
    }

    @Test func withoutACompilerOnlyWhatWasCompiledServes() throws {
        #expect(try !bootstrap(javac: nil).canServe)
        directory.write("compiled/runtime-java.jar", "archive")
        #expect(try bootstrap(javac: nil).canServe)
    }

    @Test func everySourceIsCarriedAlong() throws {
        let names = JavaBootstrap.sources.map(\.name)
        #expect(Set(names).count == names.count)
        for (name, contents) in JavaBootstrap.sources where name.hasSuffix(".java") {
            let text = String(decoding: contents, as: UTF8.self)
            let type = name.dropFirst("java/".count).dropLast(".java".count)
            #expect(
                text.hasPrefix("package ")
                    && ["class", "interface", "enum"].contains { text.contains("\($0) \(type)") })
        }
    }
}
