import Fleet
import Storage
import Synchronization

/// Has the fleet keep the environments that provisioned concurrency promises.
///
/// Whoever commits a change to a configuration, or to a version or an alias that may have one, calls ``apply(_:)``
/// before the acknowledgement. What the fleet is told is read again each time, so that the last call has it all.
final class Provisioner: Sendable {
    private let database: any Database
    private let fleet: any Invoking
    private let resolve: @Sendable (FunctionRecord) -> ResolvedVersion
    /// The functions for which the fleet has been told something.
    private let known = Mutex<Set<FunctionKey>>([])

    init(
        database: any Database, fleet: any Invoking, resolve: @escaping @Sendable (FunctionRecord) -> ResolvedVersion
    ) {
        self.database = database
        self.fleet = fleet
        self.resolve = resolve
    }

    /// A configuration of the function has changed.
    func apply(_ key: FunctionKey) async throws {
        // Writes are serialised: the fleet hears of the configurations in the order of the store.
        try await database.write { [self] connection in try tell(key, FunctionRepository(connection)) }
    }

    /// Something of the function has changed that matters only if it has a configuration.
    func reapply(_ key: FunctionKey) async throws {
        if known.withLock({ $0.contains(key) }) { try await apply(key) }
    }

    /// A new process begins: the code of every function is in place.
    func applyAll() async throws {
        let keys = try await database.read { connection in
            Set(try FunctionRepository(connection).attached(ProvisionedConcurrency.self).map(\.key))
        }
        for key in keys { try await apply(key) }
    }

    private func tell(_ key: FunctionKey, _ functions: FunctionRepository) throws {
        var versions: [ProvisionedVersion] = []
        var total = 0
        for config in try functions.attached(ProvisionedConcurrency.self, ofFunction: key) {
            total += config.document.executions
            for share in try functions.shares(of: config.document, at: config.target) where share.executions > 0 {
                guard let record = try functions.find(key, version: share.version),
                    case .ready(let version) = resolve(record).readiness
                else { continue }
                versions.append(
                    ProvisionedVersion(
                        version: version, executions: share.executions, generation: config.document.generation))
            }
        }
        let isKnown = total > 0
        known.withLock { known in
            if isKnown { known.insert(key) } else { known.remove(key) }
        }
        fleet.provision(account: key.account, region: key.region, name: key.name, versions, total: total)
    }
}
