import Delivery
import Storage

/// Takes events in: what rules' targets are to get is in the outbox, and what archives keep is in them, on disk, when
/// it says so.
struct Publisher: Sendable {
    /// What comes of events, before it is committed.
    struct Publication: Sendable {
        fileprivate(set) var entries: [OutboxEntry] = []
        fileprivate(set) var kept: [(event: Event, archive: NamedKey)] = []

        var isEmpty: Bool { entries.isEmpty && kept.isEmpty }

        /// - Parameter rules: The ARNs of those that count; nil: all.
        mutating func add(_ event: Event, on bus: LiveBus, rules: Set<String>? = nil) {
            for rule in bus.rules(for: event) where rules?.contains(rule.key.arn) ?? true {
                add(event, to: rule)
            }
            for archive in bus.archives where archive.wants(event) { kept.append((event, archive.key)) }
        }

        mutating func add(_ event: Event, to rule: LiveRule) {
            entries += rule.targets.compactMap { $0.entry(event, of: rule.key) }
        }

        func write(to connection: any SQLConnection, _ outbox: Outbox) throws {
            try outbox.add(entries, to: connection)
            let table = EventsTable(connection)
            for (event, archive) in kept where try table.archive(archive) != nil { try table.keep(event, in: archive) }
        }

        var targets: [String] { entries.map(\.parcel.target) }
    }

    let database: any Database
    let outbox: Outbox

    func publish(_ publication: Publication) async throws {
        guard !publication.isEmpty else { return }
        try await database.write { [outbox] in try publication.write(to: $0, outbox) }
        outbox.wake(publication.targets)
    }
}
