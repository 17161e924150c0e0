import AWSWire
import Glibc
import Logging
import Sandbox
import Synchronization
import Testing
import TestSupport

@testable import apus

/// Every test names all that it looks at by flags, which go before the variables of whoever runs it.
@Suite struct ServerSettingsTests {
    private let directory = TemporaryDirectory()

    private var flags: ServerSettings.Flags {
        ServerSettings.Flags(
            listen: "127.0.0.1:0", data: "/data", config: nil, account: "000000000001", region: "eu-west-1", auth: "on",
            user: "nobody", accept: [])
    }

    @Test func flagsAreTaken() async throws {
        var flags = flags
        flags.accept = ["memory-limit", "no-internet"]
        flags.images = "/layouts"
        flags.registry = ["registry.example", "LOCALHOST:5000"]
        let settings = try await ServerSettings.read(flags)
        #expect(settings.host == "127.0.0.1")
        #expect(settings.port == 0)
        #expect(settings.data == "/data")
        #expect(settings.account == AccountID("000000000001"))
        #expect(settings.region == "eu-west-1")
        #expect(settings.authentication == .on)
        #expect(settings.user == "nobody")
        #expect(settings.accepted == [.memoryLimit, .noInternet])
        #expect(settings.images == "/layouts" && settings.registries == ["registry.example", "localhost:5000"])
    }

    // What nobody asked for is no reason to warn.
    @Test func connectionsAreAsManyAsDescriptorsAllow() async throws {
        #expect(try await ServerSettings.read(flags).connections == nil)
        let warnings = Mutex(0)
        func limit(_ asked: Int?, _ descriptors: Int) -> Int {
            let logger = Logger(label: "test") { _ in Counter { warnings.withLock { $0 += 1 } } }
            return Server.connections(asked: asked, usual: 16_384, descriptors: descriptors, logger)
        }
        #expect(limit(nil, 4_000) == 3_000 && limit(nil, 1 << 20) == 16_384 && limit(nil, .max) == 16_384)
        #expect(limit(100, 4_000) == 100)
        #expect(warnings.withLock { $0 } == 0)
        #expect(limit(5_000, 4_000) == 3_000)
        #expect(warnings.withLock { $0 } == 1)
    }

    private struct Counter: LogHandler {
        let count: @Sendable () -> Void
        var metadata: Logger.Metadata = [:]
        var logLevel = Logger.Level.warning

        init(_ count: @escaping @Sendable () -> Void) { self.count = count }

        subscript(metadataKey key: String) -> Logger.Metadata.Value? {
            get { metadata[key] }
            set { metadata[key] = newValue }
        }

        func log(event _: LogEvent) { count() }
    }

    @Test func imagesAreInTheDataDirectoryAndNoRegistryIsAskedUnlessSaid() async throws {
        var flags = flags
        directory.write("apus.json", #"{"registryCredentials": "/keys.json"}"#)
        flags.config = directory.path + "/apus.json"
        let settings = try await ServerSettings.read(flags)
        #expect(settings.images == "/data/images" && settings.registries.isEmpty)
        #expect(settings.registryCredentials == "/keys.json")
        flags.registry = ["https://registry.example", "here"]
        let error = try #require(await #expect(throws: SettingsError.self) { try await ServerSettings.read(flags) })
        #expect(error.problems.count == 2)
    }

    @Test func theFileIsTakenBelowFlags() async throws {
        directory.write(
            "apus.json",
            """
            {"region": "ap-south-1", "concurrency": 7, "burst": 5, "requestsPerConcurrency": 3,
             "idleTimeoutSeconds": 30, "logRetentionDays": 3, "strictRuntimes": true, "zygotes": false}
            """)
        var flags = flags
        flags.config = directory.path + "/apus.json"
        let settings = try await ServerSettings.read(flags)
        #expect(settings.region == "eu-west-1")
        #expect(settings.concurrency == 7)
        #expect(settings.burst == 5)
        #expect(settings.requestsPerConcurrency == 3)
        #expect(settings.idleTimeout == .seconds(30))
        #expect(settings.logRetentionDays == 3)
        #expect(settings.strictRuntimes)
        #expect(!settings.zygotes)
    }

    @Test func everyProblemIsToldAtOnce() async throws {
        directory.write(
            "apus.json", #"{"concurrency": 0, "burst": 0, "requestsPerConcurrency": "x", "idleTimeoutSeconds": 86401}"#)
        let flags = ServerSettings.Flags(
            listen: "nowhere", data: "/data", config: directory.path + "/apus.json", account: "12", region: "EU",
            auth: "maybe", user: nil, accept: ["everything"])
        let error = try #require(await #expect(throws: SettingsError.self) { try await ServerSettings.read(flags) })
        let keys = error.problems.map { $0.prefix { $0 != ":" } }
        #expect(
            keys == [
                "listen", "account", "region", "auth", "accept", "concurrency", "burst", "requestsPerConcurrency",
                "idleTimeoutSeconds",
            ])
    }

    private static let accessPoint = "fsap-0123456789abcdef0"

    /// A directory that functions may have: it is not root's.
    private func shared(_ name: String = "shared") -> String {
        let path = directory.directory(name)
        if geteuid() == 0 { chown(path, 1234, 1234) }
        return path
    }

    @Test func fileSystemsAreTaken() async throws {
        var flags = flags
        let path = shared()
        flags.fileSystems = ["\(Self.accessPoint)=\(path)", "fsap-0123456789abcdef1=\(path)"]
        let settings = try await ServerSettings.read(flags)
        #expect(
            settings.fileSystems == [
                FileSystemDirectory(name: Self.accessPoint, path: path),
                FileSystemDirectory(name: "fsap-0123456789abcdef1", path: path),
            ])
        directory.write("apus.json", #"{"fileSystems": ["\#(Self.accessPoint)=\#(path)"]}"#)
        flags.fileSystems = []
        flags.config = directory.path + "/apus.json"
        #expect(try await ServerSettings.read(flags).fileSystems.count == 1)
    }

    @Test func everyProblemOfFileSystemsIsToldAtOnce() async throws {
        let path = shared()
        let data = shared("data")
        directory.write("file")
        symlink(data, directory.path + "/link")
        let id = Self.accessPoint
        let texts = [
            path, "=\(path)", "fsap-1=\(path)", "fsap-0123456789ABCDEF0=\(path)", "\(id)0=\(path)", "\(id)=",
            "\(id)=shared",
            "\(id)=\(directory.path)/../x", "\(id)=\(directory.path)/none", "\(id)=\(directory.path)/file", "\(id)=/",
            "\(id)=\(data)", "\(id)=\(directory.path)", "\(id)=\(directory.path)/link", "\(id)=\(shared("data/code"))",
        ]
        var flags = flags
        flags.data = data
        flags.account = "12"
        flags.fileSystems = texts + ["\(id)=\(path)", "\(id)=\(path)"]
        let error = try #require(await #expect(throws: SettingsError.self) { try await ServerSettings.read(flags) })
        #expect(error.problems.count == texts.count + 2, "\(error)")
        #expect(error.problems.filter { $0.hasPrefix("fileSystems: ") }.count == texts.count + 1)
    }

    /// Functions act as the directory's owner.
    @Test func fileSystemsBelongToSomebodyWhomFunctionsMayBe() {
        let path = directory.directory("owned")
        var problems: [String] = []
        func read(as user: UInt32) -> [String] {
            problems = []
            let read = FileSystemSettings.read(
                ["\(Self.accessPoint)=\(path)"], data: "/data", user: user, problems: &problems)
            #expect(read.isEmpty == !problems.isEmpty)
            return problems
        }
        if geteuid() == 0 {
            for (user, group, problemCount) in [(0, 0, 1), (0, 5, 1), (5, 0, 1), (5, 6, 0)] as [(UInt32, UInt32, Int)] {
                chown(path, user, group)
                #expect(read(as: 0).count == problemCount)
            }
            #expect(read(as: 5).isEmpty)
            #expect(read(as: 6).first?.contains("another user") == true)
        } else {
            #expect(read(as: geteuid()).isEmpty)
            #expect(read(as: geteuid() + 1).first?.contains("another user") == true)
        }
    }

    /// Without signatures anybody who reaches the port owns all accounts.
    @Test(arguments: [
        ("127.0.0.1:4566", true), ("127.9.9.9:1", true), ("[::1]:4566", true), ("localhost:4566", true),
        ("0.0.0.0:4566", false), ("[::]:4566", false), ("192.168.1.2:4566", false), ("127.evil.example:4566", false),
        ("127.0.0.evil.example:4566", false), ("127.a.b.c:4566", false), ("localhost.example:4566", false),
    ])
    func onlyLoopbackGoesWithoutSignatures(listen: String, isAllowed: Bool) async throws {
        var flags = flags
        flags.listen = listen
        flags.auth = "off"
        let settings = try? await ServerSettings.read(flags)
        #expect((settings?.authentication == .off) == isAllowed)
    }

    @Test(arguments: [
        ("127.0.0.1:4566", "127.0.0.1", 4566), ("[::1]:80", "::1", 80), ("host:0", "host", 0),
    ])
    func addressesAreRead(text: String, host: String, port: Int) throws {
        let address = try #require(ServerSettings.hostAndPort(text))
        #expect(address.host == host)
        #expect(address.port == port)
    }

    @Test(arguments: ["", ":", ":80", "host", "host:", "host:x", "host:65536", "host:-1", "[]:80"])
    func otherTextsAreNoAddresses(text: String) {
        #expect(ServerSettings.hostAndPort(text) == nil)
    }
}
