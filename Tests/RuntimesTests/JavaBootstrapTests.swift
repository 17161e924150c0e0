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

    func compiled(_ name: String) -> String? {
        (try? HostFile.read(directory.path + "/compiled/" + name, limit: 1000)).map {
            String(decoding: $0, as: UTF8.self)
        }
    }

    var calls: [Substring] {
        let text = try? HostFile.read(directory.path + "/bin/javac.calls", limit: 10_000)
        return String(decoding: text ?? [], as: UTF8.self).split(separator: "\n")
    }

    @Test func whoPreparesHasItCompiledOnce() async throws {
        let java = try bootstrap(javac: "sleep 0.1; echo \"$@\" >>\"$0.calls\"", jar: "echo archive >\"$2\"")
        #expect(java.canServe)
        let reasons = await withTaskGroup { group in
            for _ in 0..<4 { group.addTask { await java.prepare() } }
            return await group.reduce(into: [String?]()) { $0.append($1) }
        }
        #expect(reasons == [nil, nil, nil, nil])
        #expect(compiled("runtime-java.jar") == "archive\n")
        // Another server over the same directory has nothing left to do.
        #expect(try await bootstrap(javac: "touch \"$0.again\"").prepare() == nil)
        #expect(calls.count == 1 && calls.first?.hasSuffix("java/Main.java") == true)
    }

    @Test func whatTheCompilerSaysIsTold() async throws {
        let java = try bootstrap(javac: "echo 'no such release' >&2; exit 2")
        #expect(await java.prepare() == "Java's bootstrap cannot be compiled: no such release")
        #expect(compiled("runtime-java.failed") == "no such release\n")
        // What made it fail may be mended by the next time.
        directory.write("bin/javac", "#!/bin/sh\n", mode: 0o755)
        directory.write("bin/jar", "#!/bin/sh\necho archive >\"$2\"\n", mode: 0o755)
        #expect(await java.prepare() == nil)
        #expect(compiled("runtime-java.failed") == nil)
    }

    @Test func whoIsCancelledDoesNotWait() async throws {
        let java = try bootstrap(javac: "while [ ! -e \"$0.go\" ]; do sleep 0.01; done", jar: "echo archive >\"$2\"")
        let impatient = Task { await java.prepare() }
        async let patient = java.prepare()
        impatient.cancel()
        #expect(await impatient.value == "Java's bootstrap is still being compiled.")
        directory.write("bin/javac.go", "")
        #expect(await patient == nil)
    }

    @Test func withoutACompilerOnlyWhatWasCompiledServes() async throws {
        #expect(try !bootstrap(javac: nil).canServe)
        #expect(try await bootstrap(javac: nil).prepare() == "Java's bootstrap cannot be compiled: no JDK was found.")
        directory.write("compiled/runtime-java.jar", "archive")
        #expect(try bootstrap(javac: nil).canServe)
        #expect(try await bootstrap(javac: nil).prepare() == nil)
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
