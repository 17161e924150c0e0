import AWSWire
import NIOCore
import Storage
import Synchronization
import Testing
import TestSupport

@testable import LogsService

@Suite struct StoreTests {
    /// Many event loops append while clients read.
    @Test func streamsKeepTheirOrder() async throws {
        let rig = try Rig()
        let count = 400
        try await withThrowingTaskGroup(of: Void.self) { group in
            for stream in 0..<6 {
                group.addTask {
                    for index in 0..<count {
                        rig.append(["\(index)"], stream: "\(stream)")
                        if index % 50 == stream { await rig.service.store.flush() }
                    }
                    // A writer reads what it wrote, all of it, at once.
                    let body =
                        #"{"logGroupName":"/aws/lambda/f","logStreamName":"\#(stream)","startFromHead":true}"#
                    let messages = try await rig.messages("GetLogEvents", body)
                    #expect(messages == (0..<count).map { "\($0)" })
                }
            }
            try await group.waitForAll()
        }
        #expect(try await rig.count("logs_events") == Int64(6 * count))
        #expect(try await rig.count("logs_groups") == 1)
        #expect(try await rig.count("logs_streams") == 6)
    }

    @Test func overflowLeavesANotice() async throws {
        let rig = try Rig(capacity: 20_000)
        rig.append(["quiet"], stream: "quiet")
        for index in 0..<1000 { rig.append(["\(index)"], stream: "loud", at: Int64(index)) }
        let read = { (stream: String) in
            try await rig.messages(
                "GetLogEvents",
                #"{"logGroupName":"/aws/lambda/f","logStreamName":"\#(stream)","startFromHead":true}"#)
        }
        #expect(try await read("quiet") == ["quiet"])
        let loud = try await read("loud")
        let lost = 1000 - (loud.count - 1)
        #expect(lost > 0)
        #expect(loud.first == "\(lost) log lines were lost here: they came faster than they could be stored.")
        #expect(Array(loud.dropFirst()) == (lost..<1000).map { "\($0)" })
    }

    /// What the store refuses waits and comes out in order.
    @Test func failuresKeepTheLines() async throws {
        let failures = Failures(2)
        let rig = try Rig { FailingDatabase(database: $0, failures: failures) }
        rig.append(["1", "2"])
        await rig.service.store.flush()
        rig.append(["3"])
        await rig.service.store.flush()
        #expect(failures.count == 0)
        #expect(try await rig.count("logs_events") == 0)
        rig.append(["4"])
        #expect(
            try await rig.messages("FilterLogEvents", #"{"logGroupName":"/aws/lambda/f"}"#) == ["1", "2", "3", "4"])
    }

    /// Lines reach the store without a reader, and the end of the service writes the rest.
    @Test func runWritesAndEndsWithAFlush() async throws {
        let rig = try Rig()
        let run = Task { try await rig.service.run() }
        rig.append(["1"])
        #expect(try await eventually { try await rig.count("logs_events") == 1 })
        rig.append(["2"])
        #expect(try await eventually { try await rig.count("logs_events") == 2 })
        rig.append(["3"])
        run.cancel()
        try await run.value
        #expect(try await rig.count("logs_events") == 3)
    }

    /// A transaction that cannot even begin, as on a full disk, must not keep the writer from what comes later.
    @Test func theWriterSurvivesATransactionThatDoesNotBegin() async throws {
        // The writer's first one, and those of the retention and the removal, which do not try again.
        let failures = Failures(3)
        let rig = try Rig { FailingDatabase(database: $0, failures: failures, when: .beginning) }
        let run = Task { try await rig.service.run() }
        rig.append(["1"])
        #expect(try await eventually { failures.count == 0 })
        let isWritten = try await eventually {
            rig.append(["2"])
            return try await rig.count("logs_events") >= 2
        }
        #expect(isWritten)
        run.cancel()
        try await run.value
    }

    @Test func resetEmptiesEveryAccount() async throws {
        let rig = try Rig()
        rig.append(["1"])
        rig.append(["2"], account: "111111111111")
        _ = try await rig.send("CreateLogGroup", #"{"logGroupName":"g","tags":{"a":"b"}}"#)
        rig.append(["buffered"])
        try await rig.service.reset()
        for table in ["groups", "streams", "events", "tags"] { #expect(try await rig.count("logs_\(table)") == 0) }
        rig.append(["new"])
        #expect(try await rig.messages("FilterLogEvents", #"{"logGroupName":"/aws/lambda/f"}"#) == ["new"])
    }

    /// Names that text columns cannot hold do not keep the others from being stored.
    @Test func namesMayHoldNUL() async throws {
        let rig = try Rig()
        rig.append(["odd"], group: "g", stream: "a\0b")
        rig.append(["even"], group: "g", stream: "s")
        #expect(try await rig.messages("FilterLogEvents", #"{"logGroupName":"g"}"#) == ["odd", "even"])
        #expect(
            try await rig.messages("GetLogEvents", #"{"logGroupName":"g","logStreamName":"a\u0000b"}"#) == ["odd"])
    }
}

/// A database whose first writes fail.
private final class FailingDatabase: Database {
    /// Before or after the work is done.
    enum Moment {
        case beginning
        case end
    }

    private let database: SQLiteDatabase
    private let failures: Failures
    private let moment: Moment

    init(database: SQLiteDatabase, failures: Failures, when moment: Moment = .end) {
        self.database = database
        self.failures = failures
        self.moment = moment
    }

    func read<Value: Sendable>(
        _ work: @escaping @Sendable (any SQLConnection) throws -> Value
    ) async throws -> Value { try await database.read(work) }

    func write<Value: Sendable>(
        _ work: @escaping @Sendable (any SQLConnection) throws -> Value
    ) async throws -> Value {
        let fails = failures.takeOne()
        let full = StorageError.statement(sql: "COMMIT", code: 13, message: "database or disk is full")
        if fails, moment == .beginning { throw full }
        return try await database.write { connection in
            let value = try work(connection)
            if fails { throw full }
            return value
        }
    }
}

/// How many failures are left.
private final class Failures: Sendable {
    private let left: Mutex<Int>

    init(_ count: Int) { left = Mutex(count) }

    var count: Int { left.withLock { $0 } }

    func takeOne() -> Bool {
        left.withLock { left in
            guard left > 0 else { return false }
            left -= 1
            return true
        }
    }
}
