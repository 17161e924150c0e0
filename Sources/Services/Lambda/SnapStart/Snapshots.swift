import AWSWire
import Fleet
import Logging
import Storage
import Synchronization

/// Has the versions with SnapStart initialised, once they are published and whenever the server has started.
///
/// A version is `Pending` in the store until that is done, so a new process resumes what a dead one left.
final class Snapshots: Sendable {
    /// How many versions are initialised at a time after they were published, and after the server has started.
    private static let width = 8
    private static let refillWidth = 2
    /// How long to wait after this node or the store failed.
    private static let retryDelay = Duration.seconds(5)

    private let database: any Database
    private let cache: FunctionCache
    private let fleet: any Invoking
    private let resolve: @Sendable (FunctionRecord) -> ResolvedVersion
    private let logger: Logger
    private let wakeups: AsyncStream<Void>
    private let signal: AsyncStream<Void>.Continuation
    /// The versions that are being initialised.
    private let underWay = Mutex<Set<FunctionTarget>>([])

    init(
        database: any Database, cache: FunctionCache, fleet: any Invoking,
        resolve: @escaping @Sendable (FunctionRecord) -> ResolvedVersion, logger: Logger
    ) {
        self.database = database
        self.cache = cache
        self.fleet = fleet
        self.resolve = resolve
        self.logger = logger
        (wakeups, signal) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
    }

    /// A version is to be initialised. Called after the commit that says so, when its code is in place.
    func wake() { signal.yield() }

    /// Works until the task is cancelled. Runs at most once, when the code of all functions is in place.
    func run() async {
        await withDiscardingTaskGroup { group in
            group.addTask { await self.refill() }
            self.wake()
            for await _ in wakeups {
                for version in await owed() where begin(version) {
                    group.addTask {
                        if await !self.initialise(version) { try? await Task.sleep(for: Self.retryDelay) }
                        self.underWay.withLock { _ = $0.remove(version) }
                        self.wake()
                    }
                }
            }
            group.cancelAll()
        }
    }

    private func begin(_ version: FunctionTarget) -> Bool {
        underWay.withLock { $0.count < Self.width && $0.insert(version).inserted }
    }

    private func owed() async -> [FunctionTarget] {
        do {
            return try await database.read { try FunctionRepository($0).owedSnapshots() }
        } catch {
            logger.error("Could not read which versions are to be initialised", metadata: ["error": "\(error)"])
            return []
        }
    }

    /// - Returns: Whether what came of it is in the store.
    private func initialise(_ target: FunctionTarget) async -> Bool {
        do {
            let number = target.qualifier ?? ""
            guard
                var record = try await database.read({ try FunctionRepository($0).find(target.key, version: number) }),
                record.state == .pending
            else { return true }
            record.serving = record.settings
            switch resolve(record).readiness {
            case .ready(let version):
                switch await fleet.publish(version) {
                case nil: try await settle(target, number, nil)
                case .initialisation: try await settle(target, number, .initialisationFailed)
                case .unavailable, .retired: return Task.isCancelled
                }
            case .withoutRuntime(let text):
                try await settle(target, number, StateReason(code: "InvalidRuntime", text: text))
            case .unfit, .initialising, .undecipherable:
                try await settle(
                    target, number, StateReason(code: "InternalError", text: FunctionSettings.undecipherable))
            }
            return true
        } catch {
            logger.error(
                "Could not keep what came of a version's initialisation",
                metadata: ["version": "\(target.arn)", "error": "\(error)"])
            return false
        }
    }

    private func settle(_ target: FunctionTarget, _ number: String, _ failure: StateReason?) async throws {
        let key = target.key
        let isThere = try await database.write { connection -> Bool in
            let functions = FunctionRepository(connection)
            guard var version = try functions.find(key, version: number) else { return false }
            guard version.state == .pending else { return true }
            if let failure {
                version.notDeployed(failure, revisionID: RequestID.make())
            } else {
                version.deployed(revisionID: RequestID.make())
            }
            try functions.save(version: version)
            return true
        }
        cache.invalidate(key)
        guard !isThere || failure != nil else { return }
        // It was deleted meanwhile, or is of no use.
        fleet.retire(account: key.account, region: key.region, name: key.name, version: number, except: nil)
    }

    /// A new process begins: the versions that are active are to find environments again, a few at a time.
    private func refill() async {
        let records: [FunctionRecord]
        do {
            records = try await database.read { try FunctionRepository($0).activeSnapshots() }
        } catch {
            return logger.error("Could not read the versions with SnapStart", metadata: ["error": "\(error)"])
        }
        await withTaskGroup { group in
            var rest = records[...]
            for record in rest.prefix(Self.refillWidth) { group.addTask { await self.refill(record) } }
            rest = rest.dropFirst(Self.refillWidth)
            while await group.next() != nil {
                if let record = rest.popFirst() { group.addTask { await self.refill(record) } }
            }
        }
    }

    private func refill(_ record: FunctionRecord) async {
        guard case .ready(let version) = resolve(record).readiness, let failure = await fleet.publish(version),
            failure != .retired
        else { return }
        logger.error(
            "Could not initialise a version with SnapStart ahead",
            metadata: ["version": "\(record.key.arn):\(record.version)"])
    }
}

extension FunctionRepository {
    /// The published versions that wait for their initialisation and have their code in place.
    fileprivate func owedSnapshots() throws -> [FunctionTarget] {
        try snapshots(state: "Pending").filter { version in
            guard let function = try find(version.key) else { return false }
            return !function.isUnfinished || function.settings.deployment != version.settings.deployment
        }.map { FunctionTarget($0.key, qualifier: $0.version) }
    }

    fileprivate func activeSnapshots() throws -> [FunctionRecord] { try snapshots(state: "Active") }

    private func snapshots(state: String) throws -> [FunctionRecord] {
        try connection.query(
            "SELECT * FROM lambda_versions WHERE state = ? AND settings LIKE ?",
            [.text(state), .text("%\"isSnapStart\":true%")]
        ).map(Self.version).filter(\.isSnapStart)
    }
}
