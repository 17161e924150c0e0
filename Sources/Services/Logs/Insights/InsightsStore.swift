import LogsModel
import Synchronization

/// The queries that were started lately, and what they came to. They are in memory: after a restart nobody knows them.
final class InsightsStore: Sendable {
    /// How many queries of an account and region run at a time; AWS has the same quota.
    private static let runningLimit = 30
    /// How many are known of one.
    private static let knownLimit = 100
    /// How many bytes of lines are kept of one's queries: the oldest go.
    static let linesLimit = 128 << 20

    struct Owner: Sendable, Hashable {
        var account: String
        var region: String
    }

    struct Entry: Sendable {
        var id: String
        var groups: [String]
        /// As DescribeQueries shows it.
        var text: String
        /// Milliseconds since 1970.
        var created: Int64
        var status = Logs.QueryStatus.running
        private(set) var lines: [[Logs.ResultField]] = []
        /// Of the lines' texts.
        fileprivate var size = 0
        var scanned = 0
        var matched = 0
        var bytes = 0
        /// What the result leaves out.
        var skipped = (events: 0, bytes: 0)
        fileprivate var task: Task<Void, Never>?

        init(id: String, groups: [String], text: String, created: Int64) {
            self.id = id
            self.groups = groups
            self.text = text
            self.created = created
        }

        mutating func keep(_ lines: [[Logs.ResultField]]) {
            self.lines = lines
            size = lines.joined().reduce(0) { $0 + ($1.field?.utf8.count ?? 0) + ($1.value?.utf8.count ?? 0) + 64 }
        }
    }

    private let linesLimit: Int
    private let entries = Mutex<[Owner: [Entry]]>([:])

    init(linesLimit: Int = InsightsStore.linesLimit) { self.linesLimit = linesLimit }

    /// - Parameter run: What the query does, in a task of its own.
    /// - Returns: false when too many run.
    func start(_ entry: Entry, of owner: Owner, _ run: @escaping @Sendable () async -> Void) -> Bool {
        entries.withLock { entries in
            var own = entries[owner] ?? []
            guard own.count(where: { $0.status == .running }) < Self.runningLimit else { return false }
            if own.count >= Self.knownLimit, let oldest = own.firstIndex(where: { $0.status != .running }) {
                own.remove(at: oldest)
            }
            var entry = entry
            // It waits for this lock before it changes anything.
            entry.task = Task { await run() }
            entries[owner] = own + [entry]
            return true
        }
    }

    /// - Returns: Whether it still ran.
    @discardableResult
    func change(_ id: String, of owner: Owner, _ body: (inout Entry) -> Void) -> Bool {
        entries.withLock { entries in
            guard let own = entries[owner], let index = own.firstIndex(where: { $0.id == id && $0.status == .running })
            else { return false }
            var entry = own[index]
            body(&entry)
            entries[owner]?[index] = entry
            while entry.size > 0, let own = entries[owner], own.reduce(0, { $0 + $1.size }) > linesLimit,
                let oldest = own.firstIndex(where: { $0.size > 0 && $0.id != id })
            {
                entries[owner]?.remove(at: oldest)
            }
            return true
        }
    }

    func cancel(_ id: String, of owner: Owner) -> Bool {
        change(id, of: owner) { entry in
            entry.task?.cancel()
            entry.status = .cancelled
        }
    }

    func find(_ id: String, of owner: Owner) -> Entry? {
        entries.withLock { $0[owner]?.first { $0.id == id } }
    }

    /// The newest first.
    func all(of owner: Owner) -> [Entry] { entries.withLock { ($0[owner] ?? []).reversed() } }

    func reset() {
        entries.withLock { entries in
            for entry in entries.values.joined() { entry.task?.cancel() }
            entries = [:]
        }
    }
}
