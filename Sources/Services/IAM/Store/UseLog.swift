import Logging
import ServiceLifecycle
import Storage
import Synchronization

/// When keys and roles were last used. Noted in memory by whoever checks requests, and stored now and then: what was
/// noted within the last minute may be lost when the process dies.
final class UseLog: Sendable {
    struct Use: Sendable, Hashable {
        var account: String
        /// Seconds since 1970.
        var time: Int64
        var region: String
        var service: String
    }

    private struct State {
        var uses: [String: Use] = [:]
        var unstored: Set<String> = []
    }

    private static let period = Duration.seconds(60)

    private let database: any Database
    private let clock: @Sendable () -> Int64
    private let state = Mutex(State())

    init(database: any Database, clock: @escaping @Sendable () -> Int64) {
        self.database = database
        self.clock = clock
    }

    /// - Parameter id: Of a key or a role.
    subscript(id: String) -> Use? { state.withLock { $0.uses[id] } }

    func note(_ id: String, account: String, service: String, region: String) {
        let now = clock()
        state.withLock { state in
            // The same again within a minute tells nobody anything.
            if let last = state.uses[id], now - last.time < 60, last.service == service, last.region == region {
                return
            }
            state.uses[id] = Use(account: account, time: now, region: region, service: service)
            state.unstored.insert(id)
        }
    }

    /// Forgets what was deleted, as the store does with the next that is stored.
    func drop(_ id: String) {
        state.withLock { state in
            if state.uses.removeValue(forKey: id) != nil { state.unstored.insert(id) }
        }
    }

    func load() async throws {
        let rows = try await database.read { try $0.query("SELECT * FROM iam_uses", []) }
        for row in rows {
            let use = Use(
                account: try row.text("account"), time: try row.integer("used"), region: try row.text("region"),
                service: try row.text("service"))
            let id = try row.text("id")
            state.withLock { $0.uses[id] = use }
        }
    }

    func forget() { state.withLock { $0 = State() } }

    /// Stores what was noted, every minute and at the end.
    func run(logger: Logger) async throws {
        await withTaskGroup(of: Void.self) { group in
            group.addTask {
                while !Task.isCancelled {
                    try? await Task.sleep(for: Self.period)
                    await self.store(logger)
                }
            }
            try? await gracefulShutdown()
            group.cancelAll()
        }
        await store(logger)
    }

    func store(_ logger: Logger) async {
        let noted = state.withLock { state in
            defer { state.unstored.removeAll() }
            return state.unstored.map { ($0, state.uses[$0]) }
        }
        guard !noted.isEmpty else { return }
        do {
            try await store(noted)
        } catch {
            state.withLock { $0.unstored.formUnion(noted.map(\.0)) }
            logger.error("The last uses of keys and roles could not be stored", metadata: ["error": "\(error)"])
        }
    }

    private func store(_ noted: [(String, Use?)]) async throws {
        try await database.write { connection in
            for (id, use) in noted {
                guard let use else {
                    try connection.execute("DELETE FROM iam_uses WHERE id = ?", [.text(id)])
                    continue
                }
                try connection.execute(
                    """
                    INSERT INTO iam_uses (account, id, used, region, service) VALUES (?, ?, ?, ?, ?)
                    ON CONFLICT (account, id) DO UPDATE
                    SET used = excluded.used, region = excluded.region, service = excluded.service
                    """,
                    [.text(use.account), .text(id), .integer(use.time), .text(use.region), .text(use.service)])
            }
        }
    }
}
