import AWSWire
import Delivery
import Logging
import NIOCore
import Storage

/// Sends archived events to their buses again, some at a time, and deletes those that have expired or whose archive is
/// no more.
///
/// What a step sends and how far it has come is one commit, so that a replay goes on after a crash where it was.
final class ReplayRunner: Sendable {
    /// How long to wait after the store has failed.
    private static let pause = Duration.seconds(1)
    private static let expiry = Duration.seconds(3_600)

    private let database: any Database
    private let outbox: Outbox
    private let buses: BusCache
    private let quotas: EventsQuotas
    private let clock: @Sendable () -> Int64
    private let logger: Logger
    private let wakeups: AsyncStream<Void>
    private let signal: AsyncStream<Void>.Continuation

    init(
        database: any Database, outbox: Outbox, buses: BusCache, quotas: EventsQuotas,
        clock: @escaping @Sendable () -> Int64, logger: Logger
    ) {
        self.database = database
        self.outbox = outbox
        self.buses = buses
        self.quotas = quotas
        self.clock = clock
        self.logger = logger
        (wakeups, signal) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
        signal.yield()
    }

    /// There is a replay to begin or to end.
    func wake() { signal.yield() }

    /// Until cancellation.
    func run() async {
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await self.expire() }
            for await _ in wakeups { await work() }
            group.cancelAll()
        }
    }

    /// Takes a step of each replay in turn until there is none.
    private func work() async {
        while !Task.isCancelled {
            do {
                let active = try await database.read { try EventsTable($0).activeReplays() }
                if active.isEmpty { return }
                var isHeldUp = false
                for (key, record) in active where await !take(key, record) { isHeldUp = true }
                if isHeldUp { try? await Task.sleep(for: Self.pause) }
            } catch {
                logger.error("Replays cannot be read", metadata: ["error": "\(error)"])
                try? await Task.sleep(for: Self.pause)
            }
        }
    }

    /// Takes a step of a replay. One that cannot go on must not keep others from it.
    ///
    /// - Returns: Whether it did.
    private func take(_ key: NamedKey, _ record: ReplayRecord) async -> Bool {
        do {
            try await step(key, record)
            return true
        } catch {
            logger.error("A replay could not go on", metadata: ["name": "\(key.name)", "error": "\(error)"])
            return false
        }
    }

    private func step(_ key: NamedKey, _ seen: ReplayRecord) async throws {
        let now = clock()
        var bus: LiveBus?
        if let key = BusKey(arn: seen.destination) { bus = try await buses.bus(key) }
        let publication = try await database.write { [quotas, outbox, bus] connection -> Publisher.Publication in
            var publication = Publisher.Publication()
            let table = EventsTable(connection)
            guard var record = try table.replay(key), record.isActive else { return publication }
            let name = ARN(record.source).map { String($0.resource.dropFirst("archive/".count)) } ?? ""
            let source = NamedKey(account: key.account, region: key.region, name: name)
            let archive = try table.archive(source)
            guard record.state != "CANCELLING", let bus, let archive else {
                record.state = record.state == "CANCELLING" ? "CANCELLED" : "FAILED"
                record.ended = now
                try table.put(record, key)
                return publication
            }
            let (events, endsThere) = try table.next(
                of: record, in: source, since: archive.start(now: now), limit: quotas.replayBatch,
                bytes: quotas.replayBytes)
            var isLast = endsThere
            let rules = record.rules.map { Set($0) }
            for (index, (time, id, body)) in events.enumerated() {
                (record.lastTime, record.lastID) = (time, id)
                guard let old = Event(document: body, milliseconds: time, ingested: now) else { continue }
                var content = old.content
                content.replayName = key.name
                publication.add(try Event(content, milliseconds: time, ingested: now), on: bus, rules: rules)
                // Rules may make a thousand times as much of it.
                if publication.bytes > quotas.replayBytes, index + 1 < events.count {
                    isLast = false
                    break
                }
            }
            record.state = isLast ? "COMPLETED" : "RUNNING"
            if !record.isActive { record.ended = now }
            try publication.write(to: connection, outbox)
            try table.put(record, key)
            return publication
        }
        outbox.wake(publication.targets)
        publication.count(at: now)
    }

    private func expire() async {
        while !Task.isCancelled {
            do {
                let (archives, remains) = try await database.read { connection in
                    (try EventsTable(connection).allArchives(), try EventsTable(connection).remains())
                }
                for key in remains { try await clear(key) }
                for (key, record) in archives where record.days > 0 {
                    try await expire(key, before: record.start(now: clock()))
                }
            } catch {
                logger.error("Archived events could not be deleted", metadata: ["error": "\(error)"])
            }
            try? await Task.sleep(for: Self.expiry)
        }
    }
}

extension ReplayRunner {
    /// Deletes what came before.
    private func expire(_ archive: NamedKey, before start: Int64) async throws {
        try await inParts { try $0.expire(archive, before: start, limit: $1) }
    }

    /// Deletes what is left of an archive that is no more.
    func clear(_ archive: NamedKey) async throws {
        try await inParts { try $0.clear(archive, limit: $1) }
    }

    /// Deletes some at a time: others write in between.
    private func inParts(_ delete: @escaping @Sendable (EventsTable, Int) throws -> Int) async throws {
        let limit = quotas.expiryBatch
        while !Task.isCancelled {
            let count = try await database.write { try delete(EventsTable($0), limit) }
            if count < limit { return }
        }
    }
}
