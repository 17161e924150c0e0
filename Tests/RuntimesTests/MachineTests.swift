import Glibc
import Sandbox
import Testing
import TestSupport

@testable import Runtimes

/// Over the interpreters that this machine really has; says so where it has none.
@Suite struct MachineTests {
    @Test func realInterpretersAnswerAndAreRemembered() throws {
        let directory = TemporaryDirectory()
        let files = try RuntimeFiles.install(into: directory.path)
        var environment: [String: String] = [:]
        for name in ["PATH", "HOME"] { environment[name] = getenv(name).map { String(cString: $0) } }
        let discovery = Discovery(
            environment: environment, timeout: .seconds(60), cacheFile: directory.path + "/probes")
        let first = RuntimeCatalogue.discover(discovery, files: files)
        guard !first.interpreters.isEmpty else {
            print("SKIPPED: no CPython 3.9-3.14 and no Node.js 18-24 on this machine")
            return
        }
        for interpreter in first.interpreters {
            #expect(access(interpreter.prefix + "/" + interpreter.executable, X_OK) == 0)
            if interpreter.language == .python {
                let compiled = try #require(interpreter.compiledBootstrap)
                #expect(access(files.directory + "/" + compiled, R_OK) == 0)
            }
        }
        for root in first.roots {
            for bind in root.binds { #expect(access(bind.source, R_OK) == 0, "\(root.name) \(bind)") }
            #expect(Set(root.binds.map(\.target)).count == root.binds.count)
            #expect(!root.binds.contains { ["/", "/home", "/root", "/opt", "/usr/local", "/etc"].contains($0.target) })
        }
        #expect(RuntimeCatalogue.discover(discovery, files: files).interpreters == first.interpreters)
    }
}
