import Delivery
import NIOCore
import Storage

/// Takes events in: what rules' targets are to get is in the outbox, and what archives keep is in them, on disk, when
/// it says so.
struct Publisher: Sendable {
    /// What comes of events, before it is committed.
    struct Publication: Sendable {
        /// What happened to a rule.
        private struct Triggered {
            var meters: RuleMeters
            var created = 0
            /// Targets for which the transformer made nothing that they take.
            var failed = 0
        }

        private(set) var entries: [OutboxEntry] = []
        /// Of what targets are to get.
        private(set) var bytes = 0
        private var kept: [(event: Event, archive: NamedKey)] = []
        private var triggered: [Triggered] = []
        /// Of rules and buses, once for each event that they wanted.
        private var matchedRules: [RuleMeters] = []
        private var matchedBuses: [BusMeters] = []

        /// Whether there is nothing to commit.
        fileprivate var isEmpty: Bool { entries.isEmpty && kept.isEmpty }

        /// - Parameter rules: The ARNs of those that count; nil: all.
        mutating func add(_ event: Event, on bus: LiveBus, rules: Set<String>? = nil) {
            let matching = bus.rules(for: event).filter { rules?.contains($0.key.arn) ?? true }
            for rule in matching { add(event, to: rule) }
            matchedRules += matching.map(\.meters)
            if !matching.isEmpty { matchedBuses.append(bus.meters) }
            for archive in bus.archives where archive.wants(event) { kept.append((event, archive.key)) }
        }

        /// What a rule's targets get of an event that it wants.
        mutating func add(_ event: Event, to rule: LiveRule) {
            var this = Triggered(meters: rule.meters)
            for target in rule.targets {
                switch target.invocation(event, of: rule.key) {
                case .made(let entry):
                    this.created += 1
                    bytes += entry.parcel.body.readableBytes
                    entries.append(entry)
                case .failed(let letter):
                    this.failed += 1
                    if let letter { entries.append(letter) }
                }
            }
            triggered.append(this)
        }

        func write(to connection: any SQLConnection, _ outbox: Outbox) throws {
            try outbox.add(entries, to: connection)
            let table = EventsTable(connection)
            for (event, archive) in kept where try table.archive(archive) != nil { try table.keep(event, in: archive) }
        }

        var targets: [String] { entries.map(\.parcel.target) }

        /// Tells the metrics of rules and buses. Called once it is committed.
        ///
        /// - Parameter time: Milliseconds since 1970.
        func count(at time: Int64) {
            for this in triggered {
                this.meters.record(.triggered, at: time)
                if this.created > 0 { this.meters.record(.created, Double(this.created), at: time) }
                for _ in 0..<this.failed { this.meters.recordFailure(at: time) }
            }
            for meters in matchedRules { meters.record(.matched, at: time) }
            for meters in matchedBuses { meters.recordMatch(at: time) }
        }
    }

    let database: any Database
    let outbox: Outbox
    /// Milliseconds since 1970.
    let clock: @Sendable () -> Int64

    func publish(_ publication: Publication) async throws {
        if !publication.isEmpty {
            try await database.write { [outbox] in try publication.write(to: $0, outbox) }
            outbox.wake(publication.targets)
        }
        publication.count(at: clock())
    }
}
