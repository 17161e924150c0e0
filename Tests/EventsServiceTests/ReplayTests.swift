import AWSWire
import Delivery
import NIOCore
import Storage
import TestSupport
import Testing

@testable import EventsService

/// Archives and their replays: https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-archive.html
@Suite struct ReplayTests {
    private static let bus = "arn:aws:events:us-east-1:000000000000:event-bus"
    private static let archive = "arn:aws:events:us-east-1:000000000000:archive"

    private static func start(
        _ name: String, of archive: String = "a", on bus: String = "default", rules: [String] = []
    ) -> String {
        let (from, to) = (Rig.start / 1_000 - 86_400, Rig.start / 1_000 + 10 * 86_400)
        let filter = rules.isEmpty ? "" : #","FilterArns":[\#(rules.map { #""\#($0)""# }.joined(separator: ","))]"#
        return #"""
            {"ReplayName":"\#(name)","EventSourceArn":"\#(Self.archive)/\#(archive)","EventStartTime":\#(from),
            "EventEndTime":\#(to),"Destination":{"Arn":"\#(Self.bus)/\#(bus)"\#(filter)}}
            """#
    }

    private static func makeArchive(_ name: String, of bus: String = "default", _ more: String = "", in rig: Rig)
        async throws
    {
        try await rig.ask(
            "CreateArchive", #"{"ArchiveName":"\#(name)","EventSourceArn":"\#(Self.bus)/\#(bus)"\#(more)}"#)
    }

    private static func state(_ name: String, _ rig: Rig) async throws -> String? {
        try await rig.ask("DescribeReplay", #"{"ReplayName":"\#(name)"}"#)["State"]?.string
    }

    // MARK: Retention

    @Test func eventsGoWhenTheirDaysAreOver() async throws {
        let rig = try Rig()
        try await Self.makeArchive("a", #","RetentionDays":2"#, in: rig)
        try await Self.makeArchive("forever", in: rig)
        try await rig.put(Rig.entry(#"{"n":1}"#))
        rig.clock.advance(seconds: 86_400)
        try await rig.put(Rig.entry(#"{"n":2}"#))
        rig.clock.advance(seconds: 86_400)
        // To the second there are two days: the first is still there.
        #expect(try await rig.ask("DescribeArchive", #"{"ArchiveName":"a"}"#)["EventCount"]?.double == 2)
        rig.clock.advance(seconds: 1)
        let shown = try await rig.ask("DescribeArchive", #"{"ArchiveName":"a"}"#)
        #expect(shown["EventCount"]?.double == 1)
        // What has expired is not replayed, deleted yet or not.
        try await rig.rule("r")
        try await rig.ask("StartReplay", Self.start("replay"))
        rig.run()
        #expect(try await rig.arrived(1).map { $0.json?["detail"]?["n"]?.double } == [2])
        #expect(try await eventually { try await Self.state("replay", rig) == "COMPLETED" })
        #expect(try await eventually { try await rig.count("events_archived") == 3 })
        #expect(try await rig.ask("DescribeArchive", #"{"ArchiveName":"forever"}"#)["EventCount"]?.double == 2)
        #expect(rig.sink.parcels(to: Rig.queue).count == 1)
    }

    @Test(arguments: [Int.max, Int.max / 86_400_000, 2_147_483_647])
    func anArchiveMayKeepEventsForAnyNumberOfDays(_ days: Int) async throws {
        let rig = try Rig()
        try await Self.makeArchive("a", #","RetentionDays":\#(days)"#, in: rig)
        try await rig.put(Rig.entry())
        #expect(try await rig.ask("DescribeArchive", #"{"ArchiveName":"a"}"#)["EventCount"]?.double == 1)
    }

    @Test func whatHasExpiredGoesSomeAtATime() async throws {
        var quotas = EventsQuotas()
        quotas.expiryBatch = 3
        let rig = try Rig(quotas: quotas)
        try await Self.makeArchive("a", #","RetentionDays":1"#, in: rig)
        for number in 0..<8 { try await rig.put(Rig.entry(#"{"n":\#(number)}"#)) }
        rig.clock.advance(seconds: 86_401)
        try await rig.put(Rig.entry())
        rig.run()
        #expect(try await eventually { try await rig.count("events_archived") == 1 })
    }

    @Test func anArchiveKeepsWhatItsPatternSays() async throws {
        let rig = try Rig()
        try await Self.makeArchive("a", #","EventPattern":\#(Rig.text(#"{"detail":{"n":[1]}}"#))"#, in: rig)
        try await rig.put(Rig.entry(#"{"n":1}"#), Rig.entry(#"{"n":2}"#))
        try await rig.ask(
            "UpdateArchive", #"{"ArchiveName":"a","EventPattern":\#(Rig.text(#"{"detail":{"n":[2]}}"#))}"#)
        try await rig.put(Rig.entry(#"{"n":1}"#), Rig.entry(#"{"n":2}"#))
        #expect(try await rig.count("events_archived") == 2)
        try await rig.ask("DeleteArchive", #"{"ArchiveName":"a"}"#)
        try await rig.put(Rig.entry(#"{"n":2}"#))
        #expect(try await rig.count("events_archived") == 0)
    }

    // MARK: Deletion

    /// Others write in between; whoever makes an archive of that name begins with none of it.
    @Test func whatADeletedArchiveHeldGoesSomeAtATime() async throws {
        var quotas = EventsQuotas()
        quotas.expiryBatch = 3
        let rig = try Rig(quotas: quotas)
        for name in ["a", "b"] { try await Self.makeArchive(name, in: rig) }
        for number in 0..<8 { try await rig.put(Rig.entry(#"{"n":\#(number)}"#)) }
        let key = NamedKey(account: "000000000000", region: "us-east-1", name: "a")
        #expect(try await rig.database.write { try EventsTable($0).clear(key, limit: 3) } == 0)
        // As a crash leaves it.
        try await rig.database.write { try EventsTable($0).deleteArchive(key) }
        #expect(try await rig.database.read { try EventsTable($0).remains() } == [key])
        #expect(try await rig.database.write { try EventsTable($0).clear(key, limit: 3) } == 3)
        #expect(try await rig.count("events_archived") == 13)
        try await Self.makeArchive("a", in: rig)
        #expect(try await rig.ask("DescribeArchive", #"{"ArchiveName":"a"}"#)["EventCount"]?.double == 0)
        #expect(try await rig.count("events_archived") == 8)
        try await rig.ask("DeleteArchive", #"{"ArchiveName":"b"}"#)
        #expect(try await rig.count("events_archived") == 0)
    }

    @Test func whatACrashLeftOfADeletedArchiveGoes() async throws {
        let rig = try Rig()
        for name in ["a", "b"] { try await Self.makeArchive(name, in: rig) }
        try await rig.put(Rig.entry())
        try await rig.database.write { connection in
            try EventsTable(connection).deleteArchive(
                NamedKey(account: "000000000000", region: "us-east-1", name: "a"))
        }
        rig.run()
        #expect(try await eventually { try await rig.count("events_archived") == 1 })
        #expect(try await rig.ask("DescribeArchive", #"{"ArchiveName":"b"}"#)["EventCount"]?.double == 1)
    }

    // MARK: Replays

    @Test func onlyTheRulesThatAreNamedGetThem() async throws {
        let rig = try Rig()
        try await Self.makeArchive("a", in: rig)
        try await rig.put(Rig.entry(#"{"n":1}"#), Rig.entry(#"{"n":2}"#))
        try await rig.rule("wanted")
        try await rig.rule("other", to: Rig.function)
        let rule = "arn:aws:events:us-east-1:000000000000:rule/wanted"
        try await rig.ask("StartReplay", Self.start("replay", rules: [rule]))
        rig.run()
        let arrived = try await rig.arrived(2).compactMap(\.json)
        #expect(Set(arrived.map { $0["replay-name"]?.string }) == ["replay"])
        #expect(try await eventually { try await Self.state("replay", rig) == "COMPLETED" })
        #expect(rig.sink.parcels(to: Rig.function).isEmpty)
        // What is replayed is not archived once more.
        #expect(try await rig.count("events_archived") == 2)
        let shown = try await rig.ask("DescribeReplay", #"{"ReplayName":"replay"}"#)
        #expect(shown["Destination"]?["FilterArns"]?.elements.map(\.string) == [rule])
        #expect(shown["EventLastReplayedTime"]?.double == Double(Rig.start) / 1_000)
    }

    /// Neither are all events read at once that are large, nor is all written at once that rules make of them.
    @Test(arguments: [1, 500, 1_000_000])
    func largeEventsGoInParts(_ bytes: Int) async throws {
        var quotas = EventsQuotas()
        quotas.replayBytes = bytes
        let rig = try Rig(quotas: quotas)
        try await Self.makeArchive("a", in: rig)
        for number in 0..<7 { try await rig.put(Rig.entry(#"{"n":\#(number)}"#)) }
        try await rig.rule("one", to: Rig.queue + ".fifo", #""SqsParameters":{"MessageGroupId":"g"}"#)
        try await rig.rule("two", to: Rig.function, #""Input":"\#(String(repeating: "1", count: 300))""#)
        try await rig.ask("StartReplay", Self.start("replay"))
        rig.run()
        #expect(try await eventually { try await Self.state("replay", rig) == "COMPLETED" })
        #expect(try await rig.arrived(7, at: Rig.function).count == 7)
        let numbers = try await rig.arrived(7, at: Rig.queue + ".fifo").map { $0.json?["detail"]?["n"]?.int }
        #expect(Set(numbers) == Set(0..<7))
        #expect(numbers.count == 7)
    }

    /// Each event goes once, however many nodes take steps.
    @Test func twoNodesReplayTogether() async throws {
        var quotas = EventsQuotas()
        quotas.replayBatch = 2
        let rig = try Rig(quotas: quotas)
        try await Self.makeArchive("a", in: rig)
        for number in 0..<51 { try await rig.put(Rig.entry(#"{"n":\#(number)}"#)) }
        try await rig.rule("r")
        try await rig.ask("StartReplay", Self.start("replay"))
        rig.run()
        rig.runSecondNode(quotas)
        #expect(try await eventually { try await Self.state("replay", rig) == "COMPLETED" })
        #expect(try await eventually { try await rig.count("outbox_parcels") == 0 })
        #expect(rig.sink.parcels(to: Rig.queue).count == 51)
        #expect(Set(rig.sink.parcels(to: Rig.queue).map { $0.json?["detail"]?["n"]?.int }) == Set(0..<51))
    }

    @Test func oneThatHasNotBegunIsCancelled() async throws {
        let rig = try Rig()
        try await Self.makeArchive("a", in: rig)
        try await rig.put(Rig.entry())
        try await rig.rule("r")
        try await rig.ask("StartReplay", Self.start("replay"))
        #expect(try await rig.ask("CancelReplay", #"{"ReplayName":"replay"}"#)["State"]?.string == "CANCELLING")
        #expect(try await Self.state("replay", rig) == "CANCELLING")
        #expect(
            await rig.refusal("CancelReplay", #"{"ReplayName":"replay"}"#)
                == "IllegalStatusException: Replay replay is not in a valid state for this operation.")
        rig.run()
        #expect(try await eventually { try await Self.state("replay", rig) == "CANCELLED" })
        #expect(try await rig.count("outbox_parcels") == 0)
        #expect(rig.sink.parcels(to: Rig.queue).isEmpty)
    }

    /// It stops where it is; what was sent is sent. It runs for as long as one of its events cannot be read.
    @Test func oneThatRunsIsCancelled() async throws {
        var quotas = EventsQuotas()
        quotas.replayBatch = 1
        let rig = try Rig(quotas: quotas)
        try await Self.makeArchive("a", in: rig)
        try await rig.rule("r")
        let key = NamedKey(account: "000000000000", region: "us-east-1", name: "a")
        try await rig.database.write { connection in
            let table = EventsTable(connection)
            for number in 0..<9 {
                let content = Event.Content(
                    id: "\(number)", source: "shop", detailType: "sold", account: key.account, region: key.region,
                    time: Event.time(Rig.start), detail: ByteBuffer(string: #"{"n":\#(number)}"#))
                try table.keep(
                    Event(content, milliseconds: Rig.start + Int64(number) * 1_000, ingested: Rig.start), in: key)
            }
            try connection.execute("UPDATE events_archived SET body = 7 WHERE id = '5'", [])
        }
        try await rig.ask("StartReplay", Self.start("replay"))
        rig.run()
        #expect(try await rig.arrived(5).count == 5)
        #expect(try await Self.state("replay", rig) == "RUNNING")
        try await rig.ask("CancelReplay", #"{"ReplayName":"replay"}"#)
        #expect(try await eventually { try await Self.state("replay", rig) == "CANCELLED" })
        let shown = try await rig.ask("DescribeReplay", #"{"ReplayName":"replay"}"#)
        #expect(shown["EventLastReplayedTime"]?.double == Double(Rig.start) / 1_000 + 4)
        #expect(shown["ReplayEndTime"] != nil)
        #expect(try await rig.count("outbox_parcels") == 0)
        #expect(Set(rig.sink.parcels(to: Rig.queue).map { $0.json?["detail"]?["n"]?.int }) == Set(0..<5))
    }

    @Test func withoutItsArchiveAReplayFails() async throws {
        let rig = try Rig()
        try await Self.makeArchive("a", in: rig)
        try await rig.ask("StartReplay", Self.start("replay"))
        try await rig.ask("DeleteArchive", #"{"ArchiveName":"a"}"#)
        rig.run()
        #expect(try await eventually { try await Self.state("replay", rig) == "FAILED" })
    }

    /// One whose bus cannot be read keeps none from going on.
    @Test func replaysDoNotWaitForEachOther() async throws {
        let rig = try Rig()
        try await rig.rule("broken", on: "broken")
        try await rig.rule("r", on: "whole")
        try await Self.makeArchive("a", of: "broken", in: rig)
        try await Self.makeArchive("b", of: "whole", in: rig)
        try await rig.put(Rig.entry(on: "broken"), Rig.entry(on: "whole"))
        _ = try await rig.arrived(2)
        try await rig.ask("StartReplay", Self.start("a", of: "a", on: "broken"))
        try await rig.ask("StartReplay", Self.start("b", of: "b", on: "whole"))
        _ = try await rig.database.write { connection in
            try connection.execute("UPDATE events_rules SET document = '{' WHERE scope = 'broken'", [])
        }
        rig.service.buses.forgetAll()
        rig.run()
        #expect(try await eventually { try await Self.state("b", rig) == "COMPLETED" })
        #expect(try await rig.arrived(3).count == 3)
        #expect(try await Self.state("a", rig) == "STARTING")
    }

    @Test func soManyRunAtOnce() async throws {
        var quotas = EventsQuotas()
        quotas.activeReplays = 2
        let rig = try Rig(quotas: quotas)
        try await Self.makeArchive("a", in: rig)
        for name in ["1", "2"] { try await rig.ask("StartReplay", Self.start(name)) }
        #expect(await rig.refusal("StartReplay", Self.start("3"))?.hasPrefix("LimitExceededException") == true)
        rig.run()
        #expect(try await eventually { try await Self.state("2", rig) == "COMPLETED" })
        #expect(try await eventually { try await Self.state("1", rig) == "COMPLETED" })
        try await rig.ask("StartReplay", Self.start("3"))
    }

    /// Those that an earlier version left are found again, and only those that are not over.
    @Test func replaysOfAnEarlierVersionGoOn() async throws {
        let folder = TemporaryDirectory()
        func open(_ migrations: [Migration]) throws -> SQLiteDatabase {
            try SQLiteDatabase(path: folder.file("events.db"), durability: .relaxed, migrations: migrations)
        }
        let states = ["STARTING", "RUNNING", "CANCELLING", "COMPLETED", "CANCELLED", "FAILED"]
        let old = try open(Array(EventsTable.migrations.prefix(1)))
        try await old.write { connection in
            for state in states {
                var record = ReplayRecord(created: 0, source: "a", destination: "b", from: 0, to: 1, state: state)
                record.description = #""state":"RUNNING""#
                try connection.execute(
                    """
                    INSERT INTO events_replays (account, region, scope, name, document)
                    VALUES ('000000000000', 'us-east-1', '', ?, ?)
                    """, [.text(state), .text(try EventsTable.encode(record))])
            }
        }
        try old.close()
        let new = try open(EventsTable.migrations)
        let active = try await new.read { try EventsTable($0).activeReplays() }
        #expect(active.map(\.key.name) == ["CANCELLING", "RUNNING", "STARTING"])
        let count = try await new.read { try EventsTable($0).countActiveReplays(of: "000000000000", in: "us-east-1") }
        #expect(count == 3)
        try new.close()
    }
}
