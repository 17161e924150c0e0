import AWSWire
import EventPatterns
import NIOCore
import Policies
import Storage
import Synchronization

/// A bus as publishing needs it: its rules and archives made ready.
final class LiveBus: Sendable {
    let key: BusKey
    let record: BusRecord
    let policy: CompiledPolicy?
    let archives: [LiveArchive]
    private let rules: [LiveRule]
    /// Rules that want these sources only, and those that may want any.
    private let bySource: [String: [Int]]
    private let others: [Int]

    init(
        _ key: BusKey, _ record: BusRecord, rules: [(name: String, record: RuleRecord)],
        archives: [(key: NamedKey, record: ArchiveRecord)]
    ) {
        self.key = key
        self.record = record
        policy = record.policy.flatMap { text in
            (try? PolicyDocument(parsing: ByteBuffer(string: text))).map { CompiledPolicy($0) }
        }
        self.archives = archives.map { LiveArchive($0.key, $0.record) }
        self.rules = rules.map { LiveRule(RuleKey($0.name, on: key), $0.record) }
        var bySource: [String: [Int]] = [:]
        var others: [Int] = []
        for (index, rule) in self.rules.enumerated() where rule.record.isEnabled {
            guard let pattern = rule.pattern else { continue }
            guard let sources = pattern.texts(of: "source") else {
                others.append(index)
                continue
            }
            for source in sources { bySource[source, default: []].append(index) }
        }
        self.bySource = bySource
        self.others = others
    }

    /// The rules that are on and match.
    func rules(for event: Event) -> [LiveRule] {
        ((bySource[event.source] ?? []) + others).sorted().map { rules[$0] }
            .filter { $0.pattern?.matches(event.value) ?? false }
    }

    func rule(_ name: String) -> LiveRule? { rules.first { $0.key.name == name } }
}

/// A rule, its pattern and its targets made ready.
struct LiveRule: Sendable {
    let key: RuleKey
    let record: RuleRecord
    let pattern: EventPattern?
    let targets: [LiveTarget]

    init(_ key: RuleKey, _ record: RuleRecord) {
        self.key = key
        self.record = record
        pattern = record.pattern.flatMap { try? EventPattern($0) }
        targets = record.targets.map { LiveTarget($0) }
    }
}

struct LiveArchive: Sendable {
    let key: NamedKey
    private let pattern: EventPattern?
    private let takesAll: Bool

    init(_ key: NamedKey, _ record: ArchiveRecord) {
        self.key = key
        pattern = record.pattern.flatMap { try? EventPattern($0) }
        takesAll = record.pattern == nil
    }

    /// What is replayed is in an archive already.
    func wants(_ event: Event) -> Bool {
        event.replayName == nil && (takesAll || pattern?.matches(event.value) ?? false)
    }
}

/// The buses that were asked for lately, as they were last committed. Who changes one says so after its commit.
final class BusCache: Sendable {
    private struct State {
        var buses: [BusKey: LiveBus] = [:]
        /// How often something was changed: what was read meanwhile may be old.
        var changes = 0
    }

    private static let limit = 10_000

    private let database: any Database
    private let clock: @Sendable () -> Int64
    private let state = Mutex(State())

    init(database: any Database, clock: @escaping @Sendable () -> Int64) {
        self.database = database
        self.clock = clock
    }

    /// - Returns: nil when there is no such bus.
    func bus(_ key: BusKey) async throws -> LiveBus? {
        let (known, changes) = state.withLock { ($0.buses[key], $0.changes) }
        if let known { return known }
        let now = clock()
        let found = try await database.read { connection -> LiveBus? in
            let table = EventsTable(connection)
            guard let record = try table.bus(key, now: now) else { return nil }
            let archives = try table.archives(of: key.account, in: key.region).filter { $0.record.source == key.arn }
            return LiveBus(
                key, record, rules: try table.rules(of: key),
                archives: archives.map {
                    (NamedKey(account: key.account, region: key.region, name: $0.name), $0.record)
                })
        }
        guard let found else { return nil }
        state.withLock { state in
            guard state.changes == changes else { return }
            if state.buses.count >= Self.limit { state.buses.removeAll() }
            state.buses[key] = found
        }
        return found
    }

    func forget(_ key: BusKey) {
        state.withLock { state in
            state.changes += 1
            state.buses[key] = nil
        }
    }

    func forgetAll() {
        state.withLock { state in
            state.changes += 1
            state.buses.removeAll()
        }
    }
}
