import Sandbox
import Testing
import TestSupport

@testable import Runtimes

/// A made-up host under a temporary directory; what may be seen of it is the house plan's list.
@Suite struct RootBuilderTests {
    let host: TemporaryDirectory

    init() throws {
        host = TemporaryDirectory()
        for name in [
            "usr/bin", "usr/lib", "usr/local/lib/python3.11/dist-packages", "usr/local/bin", "usr/local/lib/python3.12",
            "opt/secret", "opt/python/3.12/bin", "root", "home/me/.pyenv/versions/3.12.1/bin", "usr/share/zoneinfo",
            "etc/ssl/certs",
            "etc/ssl/private", "data/runtime-1", "lib32",
        ] { host.directory(name) }
        host.link("bin", to: "usr/bin")
        host.link("lib", to: "usr/lib")
        for name in ["etc/shadow", "etc/passwd", "etc/ld.so.cache", "usr/local/bin/python3.12"] { host.write(name) }
        host.write("usr/local/lib/libpython3.12.so.1.0")
    }

    var builder: RootBuilder {
        RootBuilder(files: RuntimeFiles(directory: host.path + "/data/runtime-1"), host: host.path)
    }

    func interpreter(_ prefix: String, packages: [String] = []) -> Interpreter {
        Interpreter(
            language: .python, version: .init(major: 3, minor: 12, patch: 1), prefix: prefix,
            executable: "bin/python3.12", packageDirectories: packages)
    }

    func targets(_ root: RootTemplate) -> Set<String> { Set(root.binds.map(\.target)) }

    @Test func showsTheSystemAndNothingElse() {
        let root = builder.provided()
        #expect(
            targets(root) == [
                "/usr/bin", "/usr/lib", "/usr/share/zoneinfo", "/lib32", "/etc/ssl/certs", "/etc/ld.so.cache",
                "/var/runtime",
            ])
        for bind in root.binds where bind.target != "/var/runtime" { #expect(bind.source == host.path + bind.target) }
        #expect(root.binds.last == .init(source: host.path + "/data/runtime-1", target: "/var/runtime"))
        #expect(root.symlinks.contains(.init(path: "/bin", target: "usr/bin")))
        #expect(root.symlinks.contains(.init(path: "/lib", target: "usr/lib")))
        #expect(!root.symlinks.contains { $0.path == "/var/lang" })
    }

    @Test func showsAnInterpretersPrefixAtTheSamePath() {
        let prefix = "/home/me/.pyenv/versions/3.12.1"
        let root = builder.root(for: interpreter(prefix, packages: [prefix + "/lib/python3.12/site-packages"]))
        #expect(targets(root).subtracting(targets(builder.provided())) == [prefix])
        #expect(root.symlinks.contains(.init(path: "/var/lang", target: prefix)))
        #expect(root.name == "python3.12")
    }

    /// Environments have a /tmp of their own, mounted over anything that the root has there.
    @Test func showsAPrefixInTmpElsewhere() {
        let prefix = "/tmp/data/runtimes/python"
        host.directory(prefix)
        let root = builder.root(for: interpreter(prefix))
        #expect(root.binds.last == .init(source: host.path + prefix, target: "/var/lang"))
        #expect(!root.symlinks.contains { $0.path == "/var/lang" })
        #expect(!targets(root).contains { $0.hasPrefix("/tmp") })
    }

    /// `/opt` is where functions find their layers.
    @Test func movesAnInterpreterOutOfTheLayersWay() {
        let prefix = "/opt/python/3.12"
        let root = builder.root(for: interpreter(prefix, packages: [prefix + "/lib/python3.12/site-packages"]))
        #expect(root.binds.last == .init(source: host.path + prefix, target: "/var/lang"))
        #expect(!targets(root).contains { $0.hasPrefix("/opt") })
        #expect(!root.symlinks.contains { $0.path == "/var/lang" })
    }

    @Test func showsOfASharedPrefixOnlyTheInterpreter() {
        let root = builder.root(for: interpreter("/usr/local"))
        #expect(
            targets(root).subtracting(targets(builder.provided())) == [
                "/usr/local/bin/python3.12", "/usr/local/lib/python3.12", "/usr/local/lib/libpython3.12.so.1.0",
            ])
    }

    /// Debian's OpenJDK: its settings are links to a directory below `/etc`.
    @Test func showsAJavasSettings() throws {
        let prefix = "usr/lib/jvm/java-17"
        host.directory(prefix + "/lib")
        host.directory("etc/java-17")
        host.write("etc/java-17/jvm.cfg")
        host.link(prefix + "/lib/jvm.cfg", to: host.path + "/etc/java-17/jvm.cfg")
        let java = Interpreter(
            language: .java, version: .init(major: 17, minor: 0, patch: 1), prefix: "/" + prefix, executable: "bin/java"
        )
        let root = builder.root(for: java)
        #expect(targets(root).subtracting(targets(builder.provided())) == ["/etc/java-17"])
        #expect(root.symlinks.contains(.init(path: "/var/lang", target: "/" + prefix)))
        #expect(root.name == "java17")
    }

    @Test func showsARubysOwnPrefixAndItsGems() {
        let ruby = Interpreter(
            language: .ruby, version: .init(major: 3, minor: 4, patch: 1), prefix: "/home/me/.pyenv/versions/3.12.1",
            executable: "bin/ruby", packageDirectories: ["/usr/lib/gems", "/opt/secret"])
        let root = builder.root(for: ruby)
        #expect(
            targets(root).subtracting(targets(builder.provided())) == [
                "/home/me/.pyenv/versions/3.12.1", "/opt/secret",
            ])
        #expect(root.name == "ruby3.4")
    }

    @Test func showsTheSystemInterpretersPackages() {
        let packages = "/usr/local/lib/python3.11/dist-packages"
        let root = builder.root(for: interpreter("/usr", packages: [packages, "/usr/lib/python3/dist-packages"]))
        #expect(targets(root).subtracting(targets(builder.provided())) == [packages])
    }

    @Test func makesTheFilesOfAWSsUser() throws {
        let files = Dictionary(
            uniqueKeysWithValues: builder.provided().files.map {
                ($0.path, String(decoding: $0.contents, as: UTF8.self))
            })
        #expect(try #require(files["/etc/passwd"]).contains("sbx_user1051:x:993:990:"))
        #expect(files["/etc/resolv.conf"] == nil)
        #expect(files["/etc/hosts"] == "127.0.0.1 localhost sandbox sandbox.localdomain\n")
        #expect(builder.provided().symlinks.contains(.init(path: "/etc/localtime", target: "/usr/share/zoneinfo/UTC")))
    }
}
