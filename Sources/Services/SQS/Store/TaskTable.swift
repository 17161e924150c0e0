import Storage

/// A task that moves messages out of a dead-letter queue, as the store has it.
struct TaskRecord: Sendable {
    enum Status: String, Sendable, Hashable {
        case running = "RUNNING"
        case completed = "COMPLETED"
        case cancelling = "CANCELLING"
        case cancelled = "CANCELLED"
        case failed = "FAILED"

        var isActive: Bool { self == .running || self == .cancelling }
    }

    /// A lower-case UUID.
    var id: String
    var source: QueueKey
    /// An ARN; nil: each message goes back to where it came from.
    var destination: String?
    /// Messages in a second.
    var rate: Int?
    /// Milliseconds since 1970.
    var started: Int64
    var status = Status.running
    var moved = 0
    /// How many messages there were at the start.
    var total: Int
    var failure: String?
}

struct TaskTable {
    private static let columns =
        "id, account, region, source, destination, rate, started, status, moved, total, failure"

    private let connection: any SQLConnection

    init(_ connection: any SQLConnection) { self.connection = connection }

    func insert(_ task: TaskRecord) throws {
        try connection.execute(
            """
            INSERT INTO sqs_tasks (\(Self.columns)) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
            """,
            [
                .text(task.id), .text(task.source.account), .text(task.source.region), .text(task.source.arn),
                SQLValue(task.destination), task.rate.map { .integer(Int64($0)) } ?? .null, .integer(task.started),
                .text(task.status.rawValue), .integer(Int64(task.moved)), .integer(Int64(task.total)),
                SQLValue(task.failure),
            ])
    }

    func update(_ task: TaskRecord) throws {
        try connection.execute(
            "UPDATE sqs_tasks SET status = ?, moved = ?, failure = ? WHERE id = ?",
            [
                .text(task.status.rawValue), .integer(Int64(task.moved)), SQLValue(task.failure), .text(task.id),
            ])
    }

    func find(_ id: String) throws -> TaskRecord? {
        try select("id = ?", [.text(id)]).first
    }

    /// Those that run, or are to stop.
    func active() throws -> [TaskRecord] { try select("status IN ('RUNNING', 'CANCELLING')", []) }

    /// The latest first.
    func all(of source: QueueKey, limit: Int) throws -> [TaskRecord] {
        try select("source = ?", [.text(source.arn)], "ORDER BY started DESC, id LIMIT \(limit)")
    }

    private func select(_ condition: String, _ arguments: [SQLValue], _ rest: String = "") throws -> [TaskRecord] {
        try connection.query("SELECT \(Self.columns) FROM sqs_tasks WHERE \(condition) \(rest)", arguments).compactMap {
            row in
            guard let source = QueueKey(arn: try row.text("source")),
                let status = TaskRecord.Status(rawValue: try row.text("status"))
            else { return nil }
            return TaskRecord(
                id: try row.text("id"), source: source, destination: row.optionalText("destination"),
                rate: row.optionalInteger("rate").map(Int.init), started: try row.integer("started"), status: status,
                moved: Int(try row.integer("moved")), total: Int(try row.integer("total")),
                failure: row.optionalText("failure"))
        }
    }
}
