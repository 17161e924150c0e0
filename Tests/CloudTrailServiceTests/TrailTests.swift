import AWSWire
import Glibc
import NIOCore
import Storage
import Synchronization
import TestSupport
import Testing

@testable import CloudTrailService

@Suite struct TrailTests {
    /// A database that fails when it is told to.
    final class Failing: Database {
        let inner: SQLiteDatabase
        let fails = Mutex(false)
        init(_ inner: SQLiteDatabase) { self.inner = inner }

        func read<Value: Sendable>(_ work: @escaping @Sendable (any SQLConnection) throws -> Value) async throws
            -> Value
        { try await inner.read(work) }

        func write<Value: Sendable>(_ work: @escaping @Sendable (any SQLConnection) throws -> Value) async throws
            -> Value
        {
            try await inner.write { connection in
                let value = try work(connection)
                if self.fails.withLock({ $0 }) {
                    throw StorageError.file(operation: "write", path: "audit.db", errno: ENOSPC)
                }
                return value
            }
        }
    }

    @Test func eachDayHasAFileOfItsOwnAndOldOnesGo() async throws {
        let rig = try Rig(days: 2)
        rig.record(rig.logs("CreateLogGroup"))
        rig.clock.now += 86_399
        rig.record(rig.logs("CreateLogStream"))
        rig.clock.now += 1
        rig.record(rig.logs("DeleteLogGroup"))
        await rig.service.trail.flush()
        #expect(rig.lines("2026-01-01").count == 2)
        #expect(rig.lines("2026-01-02").count == 1)
        var status = stat()
        #expect(lstat(rig.directory.path + "/audit/2026-01-01.jsonl", &status) == 0)
        #expect(status.st_mode & 0o777 == 0o600)
        try await rig.service.trail.expire()
        #expect(rig.lines("2026-01-01").count == 2)
        rig.clock.now += 2 * 86_400
        try await rig.service.trail.expire()
        #expect(rig.lines("2026-01-01").isEmpty && rig.lines("2026-01-02").count == 1)
    }

    @Test func aTornLineStaysByItself() async throws {
        let directory = TemporaryDirectory()
        directory.write("audit/2026-01-01.jsonl", #"{"eventVersion":"1."#)
        let rig = try Rig(in: directory)
        rig.record(rig.logs("CreateLogGroup"))
        await rig.service.trail.flush()
        let lines = rig.lines("2026-01-01")
        #expect(lines.count == 2)
        #expect(try JSONValue(parsing: .init(string: lines[1]))["eventName"]?.string == "CreateLogGroup")
    }

    @Test func whatCannotBeStoredWaits() async throws {
        let boxes = Mutex<Failing?>(nil)
        let rig = try Rig(over: { database in
            let failing = Failing(database)
            boxes.withLock { $0 = failing }
            return failing
        })
        let failing = try #require(boxes.withLock { $0 })
        failing.fails.withLock { $0 = true }
        rig.record(rig.logs("CreateLogGroup"))
        await rig.service.trail.flush()
        #expect(rig.lines("2026-01-01").count == 1)
        #expect(try await rig.database.read { try TrailTables($0).count() } == 0)
        failing.fails.withLock { $0 = false }
        rig.record(rig.logs("DeleteLogGroup"))
        #expect(try await rig.names() == ["DeleteLogGroup", "CreateLogGroup"])
        #expect(rig.lines("2026-01-01").count == 2)
    }

    @Test func aFileThatCannotBeWrittenStopsNothing() async throws {
        let directory = TemporaryDirectory()
        // A file where the directory belongs.
        directory.write("audit", "")
        let rig = try Rig(in: directory)
        rig.record(rig.logs("CreateLogGroup"))
        #expect(try await rig.names() == ["CreateLogGroup"])
        unlink(directory.path + "/audit")
        rig.record(rig.logs("DeleteLogGroup"))
        #expect(try await rig.names() == ["DeleteLogGroup", "CreateLogGroup"])
        #expect(rig.lines("2026-01-01").count == 2)
    }

    @Test func floodsAreCountedAndChangesAlwaysKept() async throws {
        let rig = try Rig()
        for _ in 0..<600 { rig.record(rig.iam("Action=ListUsers", status: 403, isAuthenticated: false)) }
        for _ in 0..<2_100 { rig.record(rig.logs("DescribeLogGroups")) }
        for _ in 0..<300 { rig.record(rig.logs("CreateLogGroup")) }
        await rig.service.trail.flush()
        let lines = rig.lines("2026-01-01")
        #expect(lines.filter { $0.contains("ListUsers") }.count == 500)
        #expect(lines.filter { $0.contains("DescribeLogGroups") }.count == 2_000)
        #expect(lines.filter { $0.contains("CreateLogGroup") }.count == 300)
        rig.clock.now += 1
        rig.record(rig.iam("Action=ListUsers", status: 403, isAuthenticated: false))
        rig.record(rig.logs("DescribeLogGroups"))
        await rig.service.trail.flush()
        let told = try rig.lines("2026-01-01").suffix(2)
            .map { try JSONValue(parsing: .init(string: $0))[path: "additionalEventData.eventsLeftOutBefore"]?.int }
        #expect(told == [100, 100])
    }

    @Test func aFullBufferDropsAndAHeavyEventGoesWithoutItsBody() async throws {
        var limits = AuditTrail.Limits()
        limits.events = 2
        limits.bytes = 150
        let rig = try Rig(limits: limits)
        rig.record(rig.logs("CreateLogGroup", #"{"logGroupName":"\#(String(repeating: "a", count: 200))"}"#))
        rig.record(rig.logs("DeleteLogGroup", #"{"logGroupName":"b"}"#))
        rig.record(rig.logs("DeleteLogStream"))
        #expect(try await rig.names() == ["DeleteLogGroup", "CreateLogGroup"])
        let records = try rig.lines("2026-01-01").map { try JSONValue(parsing: .init(string: $0)) }
        #expect(records[0]["requestParameters"]?.isNull == true)
        #expect(records[1][path: "requestParameters.logGroupName"]?.string == "b")
    }

    @Test func theOldestMakeRoomAndExpire() async throws {
        var limits = AuditTrail.Limits()
        limits.stored = 2
        let rig = try Rig(limits: limits)
        for name in ["CreateLogGroup", "CreateLogStream", "DeleteLogGroup"] {
            rig.record(rig.logs(name))
            rig.clock.now += 1
        }
        await rig.service.trail.flush()
        try await rig.service.trail.expire()
        #expect(try await rig.names() == ["DeleteLogGroup", "CreateLogStream"])
        rig.clock.now += 90 * 86_400
        try await rig.service.trail.expire()
        #expect(try await rig.database.read { try TrailTables($0).count() } == 0)
    }

    @Test func aRestartGoesOnWhereItEnded() async throws {
        let directory = TemporaryDirectory()
        let first = try Rig(in: directory)
        first.record(first.logs("CreateLogGroup"))
        await first.service.trail.flush()
        let second = try Rig(in: directory)
        second.record(second.logs("DeleteLogGroup"))
        #expect(try await second.names() == ["DeleteLogGroup", "CreateLogGroup"])
    }

    @Test func regionsAndAccountsSeeTheirOwn() async throws {
        let rig = try Rig()
        rig.record(rig.logs("CreateLogGroup"))
        #expect(try await rig.names(region: "eu-west-1").isEmpty)
        let other = try #require(AccountID("111122223333"))
        rig.record(rig.logs("DeleteLogGroup", by: .root(other, accessKeyID: "AKIAOTHER")))
        #expect(try await rig.names() == ["CreateLogGroup"])
    }

    // Whoever is not let in could otherwise have the audit say anything.
    @Test func nothingIsCalledByANameThatNoOperationHas() async throws {
        let rig = try Rig()
        rig.record(rig.iam("Action=ListUsers", status: 403, isAuthenticated: false))
        rig.record(rig.iam("Action=Nonsense", status: 403, isAuthenticated: false))
        rig.record(rig.iam("Action=Nonsense", status: 400))
        #expect(try await rig.names() == ["UnknownOperation", "ListUsers"])
    }

    @Test func resettingForgetsTheHistoryButNotTheFiles() async throws {
        let rig = try Rig()
        rig.record(rig.logs("CreateLogGroup"))
        try await rig.service.reset()
        #expect(try await rig.names().isEmpty)
        #expect(rig.lines("2026-01-01").count == 1)
    }

    @Test func pagesEndWhereTheNextBegins() async throws {
        let rig = try Rig()
        for index in 0..<7 {
            rig.record(rig.logs("CreateLogGroup", #"{"logGroupName":"\#(index)"}"#))
            if index % 3 == 0 { rig.clock.now += 1 }
        }
        var seen: [String] = []
        var token: String?
        repeat {
            let page = try await rig.lookup(
                #"{"MaxResults":3\#(token.map { #","NextToken":"\#($0)""# } ?? "")}"#)
            for event in page["Events"]?.elements ?? [] {
                let record = try JSONValue(parsing: .init(string: event["CloudTrailEvent"]?.string ?? ""))
                seen.append(record[path: "requestParameters.logGroupName"]?.string ?? "")
            }
            token = page["NextToken"]?.string
        } while token != nil
        #expect(seen == ["6", "5", "4", "3", "2", "1", "0"])
    }
}
