import AWSWire
import Storage

/// One step of a move task, in one transaction: some messages, and the note that they are moved.
struct MoveStep: Sendable {
    /// Messages of one step of a task without a rate.
    static let part = 100

    struct Outcome: Sendable {
        var task: TaskRecord
        /// The queues that got messages, with how many.
        var moved: [QueueKey: Int] = [:]
    }

    let task: String
    let now: Int64
    let limit: Int

    /// - Returns: nil when there is no such task any more, or it has ended.
    func run(on connection: any SQLConnection) throws -> Outcome? {
        guard var record = try TaskTable(connection).find(task), record.status.isActive else { return nil }
        var outcome = Outcome(task: record)
        if record.status == .cancelling {
            record.status = .cancelled
        } else if let source = try QueueTable(connection).find(record.source) {
            try move(from: source, &record, &outcome, on: connection)
        } else {
            record.status = .failed
            record.failure = AWSError.noQueue.entryCode
        }
        try TaskTable(connection).update(record)
        outcome.task = record
        return outcome
    }

    private func move(
        from source: QueueDefinition, _ record: inout TaskRecord, _ outcome: inout Outcome,
        on connection: any SQLConnection
    ) throws {
        let rows = try connection.query(
            """
            SELECT id, source, message_group FROM sqs_messages WHERE queue = ? AND visible_at <= ? AND sent > ?
            ORDER BY \(source.attributes.kind == .fifo ? "sequence" : "visible_at, id") LIMIT ?
            """,
            [
                .integer(source.id), .integer(now), .integer(now - Int64(source.attributes.retention) * 1000),
                .integer(Int64(limit)),
            ])
        var groups: Set<String> = []
        for row in rows {
            guard let arn = record.destination ?? row.optionalText("source") else {
                record.status = .failed
                record.failure = "CouldNotDetermineMessageSource"
                break
            }
            guard let key = QueueKey(arn: arn), let target = try QueueTable(connection).find(key) else {
                record.status = .failed
                record.failure = AWSError.noQueue.entryCode
                break
            }
            let group = row.optionalText("message_group")
            try move(try row.integer("id"), group: group, to: target, on: connection)
            record.moved += 1
            outcome.moved[key, default: 0] += 1
            if source.attributes.kind == .fifo, let group { groups.insert(group) }
        }
        for group in groups { try GroupTable(connection).refresh(group, of: source.id) }
        guard record.status == .running else { return }
        if rows.count < limit {
            record.status = .completed
        } else if now >= record.started + Span.moving {
            record.status = .failed
            record.failure = "TaskTimedOut"
        }
    }

    /// It is a new message there.
    private func move(
        _ message: Int64, group: String?, to target: QueueDefinition, on connection: any SQLConnection
    ) throws {
        var move = MessageMove(
            queue: target.id, uuid: RequestID.make(), sent: now,
            visibleAt: now + Int64(target.attributes.delay) * 1000, receives: 0)
        if target.attributes.kind == .fifo { move.sequence = try QueueTable(connection).nextSequence(of: target.id) }
        try MessageTable(connection).move(message, move)
        if let group, let sequence = move.sequence {
            try GroupTable(connection).append(group, to: target.id, sequence: sequence, visibleAt: move.visibleAt)
        }
    }
}
