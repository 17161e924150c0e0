import AWSWire
import EventPatterns
import Metrics
import NIOCore
import Policies
import Storage

/// A bus as publishing needs it: its rules and archives made ready.
final class LiveBus: Sendable {
    let key: BusKey
    let record: BusRecord
    let policy: CompiledPolicy?
    let archives: [LiveArchive]
    let meters: BusMeters
    private let rules: [LiveRule]
    /// Rules that want these sources only, and those that may want any.
    private let bySource: [String: [Int]]
    private let others: [Int]

    init(
        _ key: BusKey, _ record: BusRecord, rules: [(name: String, record: RuleRecord)],
        archives: [(key: NamedKey, record: ArchiveRecord)], meters: Meters
    ) {
        self.key = key
        self.record = record
        policy = record.policy.flatMap { text in
            (try? PolicyDocument(parsing: ByteBuffer(string: text))).map { CompiledPolicy($0) }
        }
        self.archives = archives.map { LiveArchive($0.key, $0.record) }
        self.meters = BusMeters(key, meters: meters)
        self.rules = rules.map { LiveRule(RuleKey($0.name, on: key), $0.record, meters: meters) }
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
    let meters: RuleMeters

    init(_ key: RuleKey, _ record: RuleRecord, meters: Meters) {
        self.key = key
        self.record = record
        pattern = record.pattern.flatMap { try? EventPattern($0) }
        targets = record.targets.map { LiveTarget($0, roleOfRule: record.role) }
        self.meters = RuleMeters(key, meters: meters)
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

typealias BusCache = StoreCache<BusKey, LiveBus>

extension BusCache {
    convenience init(database: any Database, meters: Meters, clock: @escaping @Sendable () -> Int64) {
        self.init { key in
            let now = clock()
            return try await database.read { connection in
                let table = EventsTable(connection)
                guard let record = try table.bus(key, now: now) else { return nil }
                let archives = try table.archives(of: key.account, in: key.region)
                    .filter { $0.record.source == key.arn }
                    .map { (NamedKey(account: key.account, region: key.region, name: $0.name), $0.record) }
                return LiveBus(key, record, rules: try table.rules(of: key), archives: archives, meters: meters)
            }
        }
    }

    /// - Returns: nil when there is no such bus.
    func bus(_ key: BusKey) async throws -> LiveBus? { try await value(key) }
}
