package import Logging
import ServiceLifecycle
package import Storage
import Synchronization

/// Parcels that were accepted in a transaction of their source, and are tried until they have arrived: at least once,
/// also after a crash. Those for one FIFO target arrive in the order in which they were added.
///
/// It lies in the database of its sources, so that a source's change and what it tells of it are one commit.
package final class Outbox: ServiceLifecycle.Service {
    package static let migrations = OutboxTable.migrations

    /// How long a node has a parcel for itself, in milliseconds: longer than any try takes.
    private static let lease: Int64 = 120_000
    /// How many parcels are under way at most, and how many of them to one target.
    private static let limit = 256
    private static let laneLimit = 32
    /// How long to wait after the store has failed.
    private static let pause = Duration.seconds(1)

    private struct State {
        var lanes = Lanes(limit: Outbox.limit, laneLimit: Outbox.laneLimit)
        var lastPosition: Int64 = 0
        var owners: [String: any OutboxOwner] = [:]
    }

    private let database: any Database
    private let delivery: Delivery
    private let node: String
    private let clock: @Sendable () -> Int64
    private let logger: Logger
    private let state = Mutex(State())
    private let wakeups: AsyncStream<Void>
    private let signal: AsyncStream<Void>.Continuation

    /// - Parameters:
    ///   - database: Has had ``migrations`` applied.
    ///   - node: The name of this process among those that share the database; the same after a restart.
    ///   - clock: Milliseconds since 1970.
    package init(
        database: any Database, delivery: Delivery, node: String = "node", clock: @escaping @Sendable () -> Int64,
        logger: Logger
    ) {
        self.database = database
        self.delivery = delivery
        self.node = node
        self.clock = clock
        self.logger = logger
        (wakeups, signal) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
    }

    /// - Parameter name: As entries name it.
    package func register(_ owner: any OutboxOwner, as name: String) { state.withLock { $0.owners[name] = owner } }

    // MARK: Adding

    /// Adds parcels within the source's transaction. After its commit ``wake(_:)`` has them sent at once.
    package func add(_ entries: [OutboxEntry], to connection: any SQLConnection) throws(StorageError) {
        let table = OutboxTable(connection: connection)
        for entry in entries { try table.insert(entry, position: nextPosition(), now: clock()) }
    }

    /// There is something for these targets. Called after the commit that says so.
    package func wake(_ targets: some Sequence<String>) {
        let now = clock()
        state.withLock { state in
            for target in targets { state.lanes.note(target, due: now) }
        }
        signal.yield()
    }

    /// Grows from parcel to parcel, beyond a restart, too.
    private func nextPosition() -> Int64 {
        let now = clock() << 10
        return state.withLock { state in
            state.lastPosition = max(state.lastPosition + 1, now)
            return state.lastPosition
        }
    }

    /// How many parcels there are, for metrics.
    package func count() async throws -> Int {
        try await database.read { try OutboxTable(connection: $0).count() }
    }

    /// Deletes everything.
    package func reset() async throws { try await database.write { try OutboxTable(connection: $0).deleteAll() } }

    // MARK: Sending

    /// Sends until graceful shutdown or cancellation. What is under way then is tried again by the next process.
    package func run() async throws {
        await cancelWhenGracefulShutdown {
            await self.resume()
            await self.loop()
        }
    }

    /// Takes up what an earlier process left.
    private func resume() async {
        while !Task.isCancelled {
            do {
                let targets = try await database.write { [node] connection in
                    let table = OutboxTable(connection: connection)
                    try table.release(node: node)
                    return try table.targets()
                }
                state.withLock { state in
                    for (target, due) in targets { state.lanes.note(target, due: due) }
                }
                signal.yield()
                return
            } catch {
                logger.error("The outbox cannot be read", metadata: ["error": "\(error)"])
                try? await Task.sleep(for: Self.pause)
            }
        }
    }

    private func loop() async {
        await withDiscardingTaskGroup { group in
            let time = ContinuousClock()
            var alarm: ContinuousClock.Instant?
            for await _ in wakeups {
                guard let claimed = await claim() else {
                    group.addTask { await self.rest() }
                    continue
                }
                for claim in claimed { group.addTask { await self.send(claim) } }
                guard let due = state.withLock({ $0.lanes.nextDue() }) else { continue }
                let instant = time.now.advanced(by: .milliseconds(max(0, due - clock())))
                if let alarm, alarm > time.now, alarm <= instant { continue }
                alarm = instant
                group.addTask {
                    try? await Task.sleep(until: instant, clock: time)
                    self.signal.yield()
                }
            }
            group.cancelAll()
        }
    }

    private func rest() async {
        try? await Task.sleep(for: Self.pause)
        signal.yield()
    }

    /// Takes on what is due; nil when the store failed.
    private func claim() async -> [OutboxTable.Claim]? {
        let now = clock()
        let taken = state.withLock { $0.lanes.take(now: now) }
        if taken.isEmpty { return [] }
        do {
            let found = try await database.write { [node] connection in
                let table = OutboxTable(connection: connection)
                return try taken.map { target, count in
                    let isOrdered = Lanes.isOrdered(target)
                    let claims =
                        isOrdered
                        ? try table.claimFirst(target, node: node, now: now, lease: Self.lease)
                        : try table.claim(target, node: node, now: now, lease: Self.lease, limit: count)
                    return (target, count, claims, try table.nextDue(target, inOrder: isOrdered))
                }
            }
            state.withLock { state in
                for (target, count, claims, due) in found {
                    state.lanes.settle(target, count - claims.count, due: due)
                }
            }
            return found.flatMap(\.2)
        } catch {
            logger.error("The outbox cannot be read", metadata: ["error": "\(error)"])
            state.withLock { state in
                for (target, count) in taken { state.lanes.settle(target, count, due: now) }
            }
            return nil
        }
    }

    private func send(_ claim: OutboxTable.Claim) async {
        let due = await attempt(claim)
        state.withLock { $0.lanes.settle(claim.entry.parcel.target, 1, due: due) }
        signal.yield()
    }

    /// Leaves a parcel for later, as if it had not been claimed.
    ///
    /// - Returns: When it is due.
    private func giveBack(_ claim: OutboxTable.Claim) async -> Int64? {
        do {
            try await database.write { try OutboxTable(connection: $0).giveBack(claim) }
            return claim.accepted
        } catch {
            // Its lease ends.
            logger.error("A delivery could not be put off", metadata: ["error": "\(error)"])
            return nil
        }
    }

    /// Tries a parcel once and writes down what came of it.
    ///
    /// - Returns: When something for its target is due because of it.
    private func attempt(_ claim: OutboxTable.Claim) async -> Int64? {
        let owner = owner(of: claim.entry)
        let parcel = owner?.parcel(claim.entry, attempt: claim.attempts) ?? claim.entry.parcel
        let begun = clock()
        var failure: DeliveryFailure?
        do throws(DeliveryFailure) { try await delivery.send(parcel) } catch { failure = error }
        if let turn = failure?.turn {
            state.withLock { $0.lanes.rest(parcel.target, until: turn) }
            return await giveBack(claim)
        }
        // Who was cut off has not refused it: it is for the next process.
        if failure != nil, Task.isCancelled { return await giveBack(claim) }
        owner?.attempted(
            claim.entry,
            DeliveryAttempt(
                number: claim.attempts, accepted: claim.accepted, begun: begun, ended: clock(), failure: failure))
        if let failure { return await failed(claim, failure) }
        do {
            _ = try await database.write { try OutboxTable(connection: $0).delete(claim) }
        } catch {
            // Its lease ends, and it is sent once more.
            logger.error("A delivery could not be noted", metadata: ["error": "\(error)"])
        }
        return Lanes.isOrdered(claim.entry.parcel.target) ? clock() : nil
    }

    private func owner(of entry: OutboxEntry) -> (any OutboxOwner)? {
        entry.owner.flatMap { name in state.withLock { $0.owners[name] } }
    }

    private func failed(_ claim: OutboxTable.Claim, _ failure: DeliveryFailure) async -> Int64? {
        let now = clock()
        let entry = claim.entry
        let next =
            failure.isFinal
            ? nil : entry.policy.nextTry(after: claim.attempts, accepted: claim.accepted, now: now)
        do {
            if let next {
                try await database.write { try OutboxTable(connection: $0).postpone(claim, until: next) }
                return next
            }
            let others = owner(of: entry)?.givenUp(entry, failure, attempts: claim.attempts) ?? []
            let isFirst = try await database.write { connection in
                guard try OutboxTable(connection: connection).delete(claim) else { return false }
                try self.add(others, to: connection)
                return true
            }
            if isFirst {
                logger.notice(
                    "An event was given up",
                    metadata: [
                        "target": "\(entry.parcel.target)", "id": "\(entry.parcel.id)", "code": "\(failure.code)",
                    ])
                wake(others.map(\.parcel.target))
            }
        } catch {
            logger.error("A failed delivery could not be noted", metadata: ["error": "\(error)"])
        }
        return Lanes.isOrdered(entry.parcel.target) ? now : nil
    }
}
