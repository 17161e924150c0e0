import AWSWire
import Storage
import TestSupport
import Testing

@testable import LogsService

/// However many groups, streams and events there are, a page walks an index: what is read is what is answered.
@Suite struct PlanTests {
    private static let account = "000000000000"

    /// What SQLite does beside that, and how many rows came.
    private func looked(
        _ rig: Rig, _ work: @escaping @Sendable (LookedAt) throws -> Void
    ) async throws -> (rows: Int, detours: [String]) {
        try await rig.database.write { connection in
            let looked = LookedAt(connection)
            try work(looked)
            return (looked.rows, looked.detours)
        }
    }

    private func rig() async throws -> Rig {
        let rig = try Rig()
        for number in 0..<300 {
            rig.append((0..<3).map { "line \($0)" }, group: "g", stream: "s\(number)", at: Int64(number))
        }
        for number in 0..<120 { rig.append(["x"], group: "group-\(number)") }
        await rig.service.store.flush()
        return rig
    }

    @Test func pagesOfGroupsAndStreams() async throws {
        let rig = try await rig()
        let groups = try await looked(rig) { connection in
            _ = try GroupRecord.list(
                account: Self.account, region: "us-east-1", from: "group-5", inclusive: false, limit: 20,
                on: connection)
        }
        #expect(groups.rows == 20 && groups.detours.isEmpty)
        let streams = try await looked(rig) { connection in
            let key = GroupKey(account: Self.account, region: "us-east-1", name: "g")
            let group = try #require(try GroupRecord.find(key, on: connection)).id
            for listing in [
                StreamRecord.Listing(order: .name, isDescending: false, prefix: "s1", after: .name("s10")),
                StreamRecord.Listing(order: .name, isDescending: true, prefix: ""),
                StreamRecord.Listing(
                    order: .lastEvent, isDescending: true, prefix: "", after: .lastEvent(time: Rig.start + 200, id: 1)),
                StreamRecord.Listing(order: .lastEvent, isDescending: false, prefix: ""),
            ] {
                _ = try StreamRecord.list(listing, in: group, limit: 20, on: connection)
            }
        }
        #expect(streams.rows == 1 + 4 * 20)
        #expect(streams.detours.isEmpty)
    }

    @Test(arguments: [EventQuery.Direction.forward, .backward])
    func pagesOfEvents(direction: EventQuery.Direction) async throws {
        let rig = try await rig()
        let events = try await looked(rig) { connection in
            let key = GroupKey(account: Self.account, region: "us-east-1", name: "g")
            let group = try #require(try GroupRecord.find(key, on: connection)).id
            let stream = try #require(try StreamRecord.find("s7", in: group, on: connection)).id
            for scope in [EventQuery.Scope.group(group), .stream(stream)] {
                let query = EventQuery(
                    scope: scope, direction: direction, after: EventPosition(time: Rig.start, sequence: 0),
                    before: EventPosition(time: .max, sequence: .max))
                var seen = 0
                _ = try query.forEach(on: connection) { _ in
                    seen += 1
                    return seen < 10 ? .proceed : .stop
                }
            }
        }
        #expect(events.rows == 1 + 1 + EventQuery.batch + 3)
        #expect(events.detours.isEmpty)
    }
}
