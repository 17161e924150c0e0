import AWSWire
import Glibc
import Logging
import NIOCore
import NIOHTTP1
import Storage
import Synchronization
import TestSupport
import Testing

@testable import CloudTrailService

/// What becomes of the audit when it cannot be written. A disk that is really full: Tests/Clients/test_audit.py.
@Suite struct TroubleTests {
    /// What the server's log is told.
    struct Recorder: LogHandler {
        final class Lines: Sendable {
            private let lines = Mutex<[String]>([])
            func add(_ line: String) { lines.withLock { $0.append(line) } }
            func all(_ part: String) -> [String] { lines.withLock { $0.filter { $0.contains(part) } } }
        }

        let lines: Lines
        var metadata: Logger.Metadata = [:]
        var logLevel = Logger.Level.info

        subscript(metadataKey key: String) -> Logger.Metadata.Value? {
            get { metadata[key] }
            set { metadata[key] = newValue }
        }

        func log(event: LogEvent) {
            let metadata = (event.metadata ?? [:]).sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }
            lines.add("\(event.message) \(metadata.joined(separator: " "))")
        }
    }

    private let lines = Recorder.Lines()
    private var logger: Logger { Logger(label: "test") { [lines] _ in Recorder(lines: lines) } }
    private let directory = TemporaryDirectory()

    /// A file is where the directory belongs.
    private func block() { directory.write("audit", "") }
    private func unblock() { unlink(directory.path + "/audit") }

    @Test func filesThatCannotBeWrittenAreToldOnceAndLossesAreCounted() async throws {
        block()
        var limits = AuditTrail.Limits()
        limits.events = 2
        let rig = try Rig(in: directory, limits: limits, logger: logger)
        for name in ["CreateLogGroup", "CreateLogStream", "DeleteLogStream", "DeleteLogGroup"] {
            rig.record(rig.logs(name))
            await rig.service.trail.flush()
        }
        #expect(lines.all("cannot be written: requests go on").count == 1)
        #expect(lines.all("are lost").count == 1)
        unblock()
        await rig.service.trail.flush()
        #expect(lines.all("are written again") == ["Audit records are written again lost=2 to=files"])
        #expect(rig.lines().map { $0.contains("DeleteLog") } == [true, true])
        // The store had no trouble.
        #expect(try await rig.names().count == 4)
        rig.record(rig.logs("CreateLogGroup"))
        await rig.service.trail.flush()
        #expect(lines.all("").count == 3)
    }

    @Test func aStoreThatFailsIsToldOnce() async throws {
        let boxes = Mutex<TrailTests.Failing?>(nil)
        var limits = AuditTrail.Limits()
        limits.events = 2
        let rig = try Rig(
            in: directory, limits: limits,
            over: { database in
                let failing = TrailTests.Failing(database)
                boxes.withLock { $0 = failing }
                return failing
            }, logger: logger)
        let failing = try #require(boxes.withLock { $0 })
        failing.fails.withLock { $0 = true }
        for name in ["CreateLogGroup", "CreateLogStream", "DeleteLogStream"] {
            rig.record(rig.logs(name))
            await rig.service.trail.flush()
        }
        #expect(lines.all("cannot be written: requests go on").count == 1)
        failing.fails.withLock { $0 = false }
        #expect(try await rig.names() == ["DeleteLogStream", "CreateLogStream"])
        #expect(lines.all("are written again") == ["Audit records are written again lost=1 to=store"])
        #expect(rig.lines().count == 3)
    }

    @Test func whatWaitsIsWrittenThoughNothingElseHappens() async throws {
        block()
        let rig = try Rig(in: directory, logger: logger)
        let writing = Task { await rig.service.trail.writeRecorded() }
        rig.record(rig.logs("CreateLogGroup"))
        try await until { !lines.all("cannot be written").isEmpty }
        unblock()
        try await until { rig.lines().count == 1 }
        writing.cancel()
        await writing.value
    }

    private func until(_ condition: () -> Bool) async throws {
        let holds = try await eventually { condition() }
        #expect(holds)
    }

    @Test func largeHeadsDoNotWaitWithoutALimit() async throws {
        var limits = AuditTrail.Limits()
        limits.bytes = 200
        let rig = try Rig(in: directory, limits: limits, logger: logger)
        var large = rig.logs("CreateLogGroup")
        large.request.headers.add(name: "x-filler", value: String(repeating: "x", count: 500))
        rig.record(large)
        rig.record(rig.logs("DeleteLogGroup"))
        #expect(try await rig.names() == ["DeleteLogGroup"])
        #expect(lines.all("left out").count == 1)
    }

    @Test func aFloodOfRequestsIsNoneOfTheLog() async throws {
        var limits = AuditTrail.Limits()
        limits.events = 1
        let rig = try Rig(in: directory, limits: limits, logger: logger)
        func flood() async {
            for _ in 0..<3 { rig.record(rig.logs("CreateLogGroup")) }
            await rig.service.trail.flush()
        }
        for _ in 0..<5 { await flood() }
        #expect(lines.all("left out") == ["Requests were left out of the audit count=2"])
        rig.clock.now += 60
        await flood()
        #expect(lines.all("left out").last == "Requests were left out of the audit count=10")
    }

    // Whatever the machine's disk does: the line that could not be written whole is not there in part.
    @Test func aFullDiskLeavesNoPartOfALine() async throws {
        let mount = directory.path + "/audit"
        mkdir(mount, 0o700)
        guard Self.mount("tmpfs", mount, "tmpfs", 0, "size=8k") == 0 else {
            print("a full disk needs root to be tested")
            return
        }
        defer { #expect(Self.detach(mount, 2) == 0) }  // MNT_DETACH
        let rig = try Rig(in: directory, logger: logger)
        let body = #"{"logGroupName":"\#(String(repeating: "a", count: 6_000))"}"#
        rig.record(rig.logs("CreateLogGroup", body))
        await rig.service.trail.flush()
        rig.record(rig.logs("DeleteLogGroup", body))
        await rig.service.trail.flush()
        #expect(rig.lines().count == 1 && rig.lines()[0].hasSuffix("}"))
        #expect(lines.all("errno=\(ENOSPC)").count == 1)
        #expect(try await rig.names() == ["DeleteLogGroup", "CreateLogGroup"])
        #expect(Self.mount("tmpfs", mount, "tmpfs", 32, "size=64k") == 0)  // MS_REMOUNT
        await rig.service.trail.flush()
        #expect(rig.lines().count == 2)
    }

    private static let mount = function(
        "mount",
        as: (@convention(c) (
            UnsafePointer<CChar>?, UnsafePointer<CChar>?, UnsafePointer<CChar>?, UInt, UnsafePointer<CChar>?
        ) -> Int32).self)
    private static let detach = function("umount2", as: (@convention(c) (UnsafePointer<CChar>?, Int32) -> Int32).self)

    private static func function<Function>(_ name: String, as _: Function.Type) -> Function {
        unsafeBitCast(dlsym(nil, name), to: Function.self)
    }
}
