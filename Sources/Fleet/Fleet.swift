package import Logging
package import Metrics
package import NIOCore
package import Sandbox
import ServiceLifecycle
import Synchronization

/// The execution environments on this node.
///
/// Each environment lives on one event loop of the group, the one whose connection first needed it: an invocation hops
/// to that loop at most once and its outcome hops back at most once.
package final class Fleet: Invoking, Service {
    private let services: FleetServices
    private var configuration: FleetConfiguration { services.configuration }
    private let ledger: ConcurrencyLedger
    private let pools = Mutex<[FunctionVersion.Key: EnvironmentPool]>([:])
    private let isShuttingDown = Atomic<Bool>(false)
    private let nextID = Atomic<UInt64>(0)

    /// - Parameters:
    ///   - eventLoopGroup: where environments live. Best the group that serves the front door.
    ///   - logger: hears of sandboxes that this host cannot start.
    package init(
        configuration: FleetConfiguration = FleetConfiguration(), sandboxing: any Sandboxing, logs: any LogSink,
        traces: (any TraceSink)? = nil, credentials: any CredentialIssuing, eventLoopGroup: any EventLoopGroup,
        meters: Meters? = nil, logger: Logger
    ) {
        ledger = ConcurrencyLedger(limit: configuration.accountConcurrency, meters: meters)
        services = FleetServices(
            configuration: configuration, sandboxing: sandboxing, logs: logs, traces: traces, credentials: credentials,
            eventLoopGroup: eventLoopGroup, logger: logger)
        services.onEmpty.set { [weak self] in self?.forget($0) }
        services.admission.onShortage.set { [weak self] in self?.makeRoom($0) }
    }

    // MARK: Invoking

    package func invoke(
        _ version: FunctionVersion, _ invocation: Invocation, on eventLoop: any EventLoop
    ) -> EventLoopFuture<InvocationOutcome> {
        let promise = eventLoop.makePromise(of: InvocationOutcome.self)
        let id = nextID.wrappingAdd(1, ordering: .relaxed).newValue
        let rate = services.configuration.requestsPerConcurrency
        let trace = InvocationTrace(
            invocation, version.key, sink: services.traces, clock: services.configuration.wallClock)
        var known = version.place.pool
        while true {
            guard let pool = known ?? self.pool(for: version) else {
                promise.fail(FleetError.shuttingDown)
                trace?.refused(.shuttingDown)
                break
            }
            do throws(FleetError) {
                let permit = try Permit.take(pool.concurrency, rate: rate, now: services.configuration.clock())
                let work = Work(id: id, invocation: invocation, promise: promise, permit: permit, trace: trace)
                if pool.submit(work) { break }
                work.withdraw()
                known = nil
            } catch {
                promise.fail(error)
                invocation.meters?.refused(error)
                trace?.refused(error)
                break
            }
        }
        return promise.futureResult
    }

    package func publish(_ version: FunctionVersion) async -> SnapshotFailure? {
        let (answers, answer) = AsyncStream.makeStream(of: SnapshotFailure?.self)
        while let pool = pool(for: version) {
            guard pool.publish({ answer.yield($0) }) else { continue }
            for await failure in answers { return failure }
            break
        }
        // The fleet shuts down, or the caller's task has been cancelled.
        return .retired
    }

    package func expect(_ version: FunctionVersion) {
        services.sandboxing.expect(SandboxSpec(of: version, for: .initialisation, environment: [], configuration))
    }

    package func retire(account: String, region: String, name: String, version: String?, except revision: String?) {
        let retired = pools.withLock { pools in
            pools.values.filter {
                let key = $0.version.key
                return key.account == account && key.region == region && key.name == name
                    && (version == nil || key.version == version) && key.revision != revision
            }
        }
        for pool in retired { pool.retire() }
    }

    package func concurrency(account: String, region: String) -> Int {
        ledger.running(account: account, region: region)
    }

    /// Sets a function's reserved concurrency: as many invocations of it may run at once, no more, and the functions
    /// without a reservation share what all reservations leave. 0 throttles it at once; nil takes the reservation away.
    package func setReservedConcurrency(account: String, region: String, name: String, _ concurrency: Int?) {
        ledger.reserve(account: account, region: region, function: name, concurrency: concurrency)
    }

    package func provision(
        account: String, region: String, name: String, _ versions: [ProvisionedVersion], total: Int
    ) {
        ledger.provision(account: account, region: region, function: name, concurrency: total)
        let wanted = Set(versions.map(\.version.key))
        let unwanted = pools.withLock { pools in
            pools.values.filter {
                let key = $0.version.key
                return key.account == account && key.region == region && key.name == name && !wanted.contains(key)
            }
        }
        for pool in unwanted { _ = pool.provision(0, generation: "") }
        for provisioned in versions {
            while let pool = pool(for: provisioned.version) {
                if pool.provision(provisioned.executions, generation: provisioned.generation) { break }
            }
        }
    }

    package func provisioned(_ key: FunctionVersion.Key) -> ProvisionedState {
        pools.withLock { $0[key] }?.provisionedState ?? ProvisionedState()
    }

    // MARK: Pools

    /// The version's pool, made when there is none; nil once the fleet shuts down.
    private func pool(for version: FunctionVersion) -> EnvironmentPool? {
        pools.withLock { pools in
            if isShuttingDown.load(ordering: .relaxed) { return nil }
            if let pool = pools[version.key] {
                version.place.pool = pool
                return pool
            }
            let key = version.key
            let (account, function) = ledger.counters(account: key.account, region: key.region, function: key.name)
            let pool = EnvironmentPool(
                version: version, services: services,
                concurrency: VersionConcurrency(account: account, function: function))
            pools[key] = pool
            version.place.pool = pool
            return pool
        }
    }

    private func forget(_ pool: EnvironmentPool) {
        pools.withLock { pools in
            guard pools[pool.version.key] === pool, pool.markForgotten() else { return }
            pools[pool.version.key] = nil
        }
    }

    /// Ends for `missing` MiB what was made ahead, then the environments that have been idle for longest, whosever they
    /// are.
    package func makeRoom(_ missing: Int) {
        let pools = self.pools.withLock { Array($0.values) }
        services.endSpares()
        var missing = missing
        let prepared = pools.compactMap { pool in pool.snapshotsLastUsed.map { (pool, $0) } }
        for (pool, _) in prepared.sorted(by: { $0.1 < $1.1 }) where missing > 0 { missing -= pool.releaseSnapshots() }
        if missing <= 0 { return }
        let idle = pools.flatMap { pool in pool.idle.map { (pool, $0, since: $0.idleSince) } }
        for (pool, environment, _) in idle.sorted(by: { $0.since < $1.since }) where missing > 0 {
            // Not one that has work by now.
            if pool.reap(environment) { missing -= environment.giveWay() }
        }
    }

    /// The memory that environments count with, MiB, and how many wait to be started, for tests and metrics.
    package var pressure: (usedMiB: Int, waiting: Int) {
        (services.admission.budget.usedMiB, services.admission.waiting)
    }

    /// How many invocations had to wait for an environment to be initialised, since the server started.
    package var coldStarts: UInt64 { services.coldStarts }

    /// All environments, by what they do. Each pool is looked at by itself: it is no snapshot of all at one moment.
    package var census: EnvironmentCensus {
        var census = EnvironmentCensus()
        for pool in pools.withLock({ Array($0.values) }) {
            for counts in [pool.counts, pool.provisionedCounts] {
                census.idle += counts.idle
                census.busy += counts.busy
                census.finishing += counts.finishing
                census.starting += counts.starting
                census.waiting += counts.waiting
            }
            census.starting += pool.snapshotCounts.starting
            census.prepared += pool.snapshotCounts.prepared
        }
        return census
    }

    /// What one version's pool holds on demand, for tests and metrics; nil when it has none.
    package func counts(of key: FunctionVersion.Key)
        -> (idle: Int, busy: Int, finishing: Int, starting: Int, waiting: Int)?
    {
        pools.withLock { $0[key] }?.counts
    }

    /// The same of its provisioned concurrency.
    package func provisionedCounts(of key: FunctionVersion.Key)
        -> (idle: Int, busy: Int, finishing: Int, starting: Int, waiting: Int)?
    {
        pools.withLock { $0[key] }?.provisionedCounts
    }

    /// The environments of a version that are initialised ahead of their restoration.
    package func snapshotCounts(of key: FunctionVersion.Key) -> (starting: Int, prepared: Int)? {
        pools.withLock { $0[key] }?.snapshotCounts
    }

    // MARK: Service

    /// Runs until graceful shutdown or cancellation. Then it takes no more invocations, gives the running ones
    /// ``FleetConfiguration/shutdownGrace`` to finish, kills what is left, and returns when every sandbox is gone.
    package func run() async throws {
        try? await gracefulShutdown()
        await shutDown()
    }

    /// As ``run()`` does at its end.
    package func shutDown() async {
        let pools = self.pools.withLock { pools in
            isShuttingDown.store(true, ordering: .relaxed)
            return Array(pools.values)
        }
        services.admission.end()
        for pool in pools { pool.shutDown() }
        let eventLoop = services.eventLoopGroup.next()
        await wait(for: services.tracker.none(on: eventLoop), atMost: services.configuration.shutdownGrace)
        for pool in pools { pool.killAll() }
        await wait(for: services.tracker.none(on: eventLoop), atMost: services.configuration.teardownGrace)
    }

    private func wait(for future: EventLoopFuture<Void>, atMost limit: Duration) async {
        let eventLoop = future.eventLoop
        let either = eventLoop.makePromise(of: Void.self)
        let timeout = eventLoop.scheduleTask(in: TimeAmount(limit)) { either.succeed() }
        future.whenComplete { _ in
            timeout.cancel()
            either.succeed()
        }
        try? await either.futureResult.get()
    }
}

/// How many environments there are of each kind, and how many invocations wait for one.
package struct EnvironmentCensus: Sendable, Hashable {
    package var starting = 0
    package var idle = 0
    package var busy = 0
    /// They have answered, and not yet asked for more.
    package var finishing = 0
    /// They wait to be restored (SnapStart).
    package var prepared = 0
    /// Invocations.
    package var waiting = 0
}

/// What every pool and environment of a fleet uses.
final class FleetServices: Sendable {
    let configuration: FleetConfiguration
    let sandboxing: any Sandboxing
    let logs: any LogSink
    let traces: (any TraceSink)?
    let credentials: any CredentialIssuing
    let eventLoopGroup: any EventLoopGroup
    let logger: Logger
    let tracker = SandboxTracker()
    let admission: Admission
    /// Hears of a pool that has nothing left.
    let onEmpty = Hook<EnvironmentPool>()

    init(
        configuration: FleetConfiguration, sandboxing: any Sandboxing, logs: any LogSink, traces: (any TraceSink)?,
        credentials: any CredentialIssuing, eventLoopGroup: any EventLoopGroup, logger: Logger
    ) {
        self.configuration = configuration
        admission = Admission(configuration: configuration, eventLoopGroup: eventLoopGroup)
        self.sandboxing = sandboxing
        self.logs = logs
        self.traces = traces
        self.credentials = credentials
        self.eventLoopGroup = eventLoopGroup
        self.logger = logger
    }

    private let coldStartCount = Atomic<UInt64>(0)

    /// An invocation had its environment initialised for it.
    func noteColdStart() { coldStartCount.add(1, ordering: .relaxed) }

    /// Since the server started.
    var coldStarts: UInt64 { coldStartCount.load(ordering: .relaxed) }

    /// When the sandboxes that were made ahead were last ended, on the fleet's clock.
    private let sparesEnded = Atomic<UInt64>(0)

    /// Ends the sandboxes that were made ahead, if that is long ago.
    func endSpares() {
        let (now, last) = (configuration.clock(), sparesEnded.load(ordering: .relaxed))
        guard last == 0 || now > last + 10_000_000,
            sparesEnded.compareExchange(expected: last, desired: now, ordering: .relaxed).exchanged
        else { return }
        sandboxing.endSpares()
    }
}
