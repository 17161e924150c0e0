import Linux
import Testing
import TestSupport

@testable import Sandbox

@Suite struct PacketTests {
    private static let spec = SandboxSpec(
        root: "python3.12", code: "0123abcd", layers: "layers-4567",
        fileSystem: FileSystemMount(name: "fsap-0", place: "data"), arguments: ["/usr/bin/python3", "-m", "bootstrap"],
        fallback: "/opt/bootstrap",
        environment: ["A=1", "EMPTY=", "UMLAUT=ä"], workingDirectory: "/var/task",
        limits: {
            var limits = SandboxLimits(memoryMiB: 1769, temporaryStorageMiB: 1024, processes: 77, descriptors: 99)
            limits.initializationCPUMillis = 2000
            return limits
        }())

    private static let configuration = LauncherConfiguration(
        roots: [
            RootTemplate(
                name: "python", binds: [.init(source: "/usr", target: "/usr")],
                files: [.init(path: "/etc/x", contents: [0, 1, 255])],
                symlinks: [.init(path: "/lib", target: "usr/lib")], directories: ["/var/lang"])
        ], codeDirectory: "/data/code",
        fileSystems: [FileSystemDirectory(name: "fsap-0", path: "/srv/shared")], runDirectory: "/run/apus",
        accepted: [.noInternet, .cpuLimit], endpointPort: 4566, userBase: 0x7000_0000, maximumSandboxes: 10)

    private static let reports: [LauncherReport] = [
        .ready(LauncherReadiness(endpointAddress: "169.254.128.1", weaknesses: [.noInternet], notes: ["nft: none"])),
        .unable(SandboxError(operation: "unshare", subject: "user namespace", errno: 1)),
        .started(id: 7, origin: .new, extensions: []),
        .started(id: 7, origin: .booted, extensions: ["a", "ü b"]), .socket(id: 3),
        .started(id: 7, origin: .new, extensions: [], gauges: .memoryPeak),
        .started(id: 7, origin: .new, extensions: ["a"], gauges: [.memoryPeak, .freezer]),
        .failed(id: 8, SandboxError(operation: "execve", subject: "", errno: 2)),
        .exited(id: 9, SandboxExit(cause: .exited(status: 255), outOfMemory: true)),
        .exited(id: 9, SandboxExit(cause: .signalled(number: 9))), .exited(id: .max, SandboxExit(cause: .lost)),
    ]

    private func decode<Value>(
        _ bytes: [UInt8], _ body: (UnsafeRawBufferPointer) throws(PacketError) -> Value
    ) throws -> Value {
        try bytes.withUnsafeBytes { try body($0) }
    }

    @Test func startsComeBackAsTheyWere() throws {
        let bytes = LauncherRequest.encodeStart(id: 42, Self.spec)
        guard case .start(let request) = try decode(bytes, LauncherRequest.init(decoding:)) else {
            Issue.record("no start")
            return
        }
        func text(_ range: Range<Int>) -> String { String(decoding: bytes[range], as: UTF8.self) }
        #expect(request.id == 42 && request.root == Self.spec.root && request.code == Self.spec.code)
        #expect(request.layers == Self.spec.layers && request.fallback.map(text) == Self.spec.fallback)
        #expect(request.arguments.map(text) == Self.spec.arguments)
        #expect(request.environment.map(text) == Self.spec.environment)
        #expect(text(request.workingDirectory) == Self.spec.workingDirectory)
        #expect(request.fileSystem == Self.spec.fileSystem)
        #expect(request.limits == Self.spec.limits)
        #expect(request.bootEnvironment.isEmpty && request.precedence == .ordinary)
        // The launcher hands them to execve where they are.
        for range in request.arguments + request.environment { #expect(bytes[range.upperBound] == 0) }
    }

    @Test func expectationsComeBackAsTheyWere() throws {
        var spec = Self.spec
        spec.bootEnvironment = ["LANG=C", "TZ=:UTC"]
        let bytes = LauncherRequest.encodeExpect(spec)
        guard case .expect(let request) = try decode(bytes, LauncherRequest.init(decoding:)) else {
            Issue.record("no expectation")
            return
        }
        #expect(request.bootEnvironment.map { String(decoding: bytes[$0], as: UTF8.self) } == spec.bootEnvironment)
        spec.precedence = .yielding
        var start = LauncherRequest.encodeStart(id: 1, spec)
        guard case .start(let yielding) = try decode(start, LauncherRequest.init(decoding:)) else {
            Issue.record("no start")
            return
        }
        #expect(yielding.precedence == .yielding)
        start[start.count - 1] = 2
        #expect(LauncherRequest.problem(in: start) == "precedence")
        spec.workingDirectory = "relative"
        #expect(LauncherRequest.problem(in: LauncherRequest.encodeExpect(spec)) == "working directory")
    }

    @Test func killsReportsAndConfigurationsComeBackAsTheyWere() throws {
        #expect(try decode(LauncherRequest.encodeKill(id: 5), LauncherRequest.init(decoding:)) == .kill(id: 5))
        #expect(try decode(LauncherRequest.encodeSettle(id: 6), LauncherRequest.init(decoding:)) == .settle(id: 6))
        #expect(try decode(LauncherRequest.encodeRaise(id: 6), LauncherRequest.init(decoding:)) == .raise(id: 6))
        #expect(try decode(LauncherRequest.encodeEndSpares(), LauncherRequest.init(decoding:)) == .endSpares)
        #expect(
            try decode(LauncherRequest.encodeTerminate(id: 7), LauncherRequest.init(decoding:)) == .terminate(id: 7))
        #expect(try decode(LauncherRequest.encodeSocket(id: 8), LauncherRequest.init(decoding:)) == .socket(id: 8))
        let datagrams = LauncherRequest.encodeSocket(id: 8, datagramPort: 2000)
        #expect(try decode(datagrams, LauncherRequest.init(decoding:)) == .socket(id: 8, datagramPort: 2000))
        for report in Self.reports {
            #expect(try decode(report.encoded(), LauncherReport.init(decoding:)) == report)
        }
        #expect(
            try decode(Self.configuration.encoded(), LauncherConfiguration.init(decoding:)) == Self.configuration)
    }

    @Test(arguments: ["", ".", "..", "a/b", "/", "a/", String(repeating: "x", count: 256), "nul\0"])
    func refusesCodeThatIsNoDirectoryEntry(code: String) {
        var spec = Self.spec
        spec.code = code
        #expect(throws: PacketError.self) {
            try decode(LauncherRequest.encodeStart(id: 1, spec), LauncherRequest.init(decoding:))
        }
    }

    @Test(arguments: [".", "..", "a/b", "/", "", String(repeating: "x", count: 256), "nul\0"])
    func refusesFileSystemsThatDoNotAppearDirectlyBelowMnt(text: String) throws {
        for mount in [FileSystemMount(name: text, place: "data"), FileSystemMount(name: "fsap-0", place: text)] {
            var spec = Self.spec
            spec.fileSystem = mount
            #expect(throws: PacketError.self) {
                try decode(LauncherRequest.encodeStart(id: 1, spec), LauncherRequest.init(decoding:))
            }
        }
        var spec = Self.spec
        spec.fileSystem = nil
        guard
            case .start(let request) = try decode(
                LauncherRequest.encodeStart(id: 1, spec), LauncherRequest.init(decoding:))
        else {
            Issue.record("no start")
            return
        }
        #expect(request.fileSystem == nil)
    }

    @Test func knowsNoLayersFromSome() throws {
        var spec = Self.spec
        spec.layers = nil
        spec.fallback = nil
        guard
            case .start(let request) = try decode(
                LauncherRequest.encodeStart(id: 1, spec), LauncherRequest.init(decoding:))
        else {
            Issue.record("no start")
            return
        }
        #expect(request.layers == nil && request.fallback == nil)
    }

    /// What an image starts may be found by its name alone; layers and other commands are for templates.
    @Test func imagesHaveNoTemplate() throws {
        var spec = Self.spec
        (spec.root, spec.layers, spec.fallback, spec.arguments) = (nil, nil, nil, ["sh"])
        guard
            case .start(let request) = try decode(
                LauncherRequest.encodeStart(id: 1, spec), LauncherRequest.init(decoding:))
        else {
            Issue.record("no start")
            return
        }
        #expect(request.root == nil && request.code == spec.code)
        for (field, change) in [
            ("arguments", { $0.arguments = [""] }), ("root", { $0.layers = "layers" }),
            ("root", { $0.fallback = "/bin/sh" }), ("working directory", { $0.workingDirectory = "work" }),
            ("code", { $0.code = ".." }),
        ] as [(String, (inout SandboxSpec) -> Void)] {
            var changed = spec
            change(&changed)
            #expect(throws: PacketError(field)) {
                try decode(LauncherRequest.encodeStart(id: 1, changed), LauncherRequest.init(decoding:))
            }
            #expect(LauncherRequest.problem(in: LauncherRequest.encodeStart(id: 1, changed)) == field)
        }
    }

    @Test(arguments: [".", "..", "a/b", "/", "a/", String(repeating: "x", count: 256), "nul\0"])
    func refusesLayersThatAreNoDirectoryEntry(layers: String) {
        var spec = Self.spec
        spec.layers = layers
        #expect(throws: PacketError.self) {
            try decode(LauncherRequest.encodeStart(id: 1, spec), LauncherRequest.init(decoding:))
        }
    }

    @Test func refusesRelativeCommandsAndLimitsOutOfRange() {
        var specs: [SandboxSpec] = []
        for change: (inout SandboxSpec) -> Void in [
            { $0.arguments = [] }, { $0.arguments = ["sh"] }, { $0.arguments = ["/bin/sh", "nul\0"] },
            { $0.fallback = "sh" }, { $0.workingDirectory = "tmp" }, { $0.limits.memoryMiB = 0 },
            { $0.limits.memoryMiB = 1 << 40 },
            { $0.limits.cpuMillis = 0 }, { $0.limits.temporaryStorageMiB = -1 }, { $0.limits.processes = 1 },
            { $0.limits.descriptors = 0 }, { $0.environment = Array(repeating: "A=1", count: 4097) },
        ] {
            var spec = Self.spec
            change(&spec)
            specs.append(spec)
        }
        for spec in specs {
            #expect(throws: PacketError.self) {
                try decode(LauncherRequest.encodeStart(id: 1, spec), LauncherRequest.init(decoding:))
            }
        }
    }

    @Test func refusesConfigurationsThatCouldReachElsewhere() {
        for change: (inout LauncherConfiguration) -> Void in [
            { $0.roots[0].binds[0].target = "/usr/../etc" }, { $0.roots[0].files[0].path = "etc/x" },
            { $0.roots.append($0.roots[0]) }, { $0.codeDirectory = "code" }, { $0.userBase = 1000 },
            { $0.userBase = .max }, { $0.maximumSandboxes = 0 }, { $0.maximumSandboxes = 40_000 },
        ] {
            var configuration = Self.configuration
            change(&configuration)
            #expect(throws: PacketError.self) {
                try decode(configuration.encoded(), LauncherConfiguration.init(decoding:))
            }
        }
    }

    /// What a decoder accepts means the same when it is written again; everything else is an error and never a trap.
    @Test func survivesMutations() {
        var random = SeededGenerator(seed: 3)
        let seeds =
            [LauncherRequest.encodeStart(id: 42, Self.spec), LauncherRequest.encodeKill(id: 5)]
            + Self.reports.map { $0.encoded() } + [Self.configuration.encoded()]
        for round in 0..<20_000 {
            var bytes = seeds[round % seeds.count]
            for _ in 0...Int(random.next() % 4) {
                if bytes.isEmpty { break }
                let index = Int(random.next() % UInt64(bytes.count))
                switch random.next() % 5 {
                case 0: bytes[index] = UInt8(truncatingIfNeeded: random.next())
                case 1: bytes[index] = 0xff
                case 2: bytes.remove(at: index)
                case 3: bytes.insert(UInt8(truncatingIfNeeded: random.next()), at: index)
                default: bytes.removeLast(Int(random.next() % UInt64(bytes.count + 1)))
                }
            }
            if let request = try? decode(bytes, LauncherRequest.init(decoding:)), case .start(let start) = request {
                for range in start.arguments + start.environment + [start.workingDirectory] {
                    #expect(range.upperBound < bytes.count && bytes[range.upperBound] == 0)
                }
                #expect(!start.code.isEmpty && !start.code.contains("/"))
                #expect(start.layers?.isEmpty != true && start.layers?.contains("/") != true)
            }
            if let report = try? decode(bytes, LauncherReport.init(decoding:)) { #expect(report.encoded() == bytes) }
            if let configuration = try? decode(bytes, LauncherConfiguration.init(decoding:)) {
                #expect(configuration.encoded() == bytes)
            }
        }
    }
}
