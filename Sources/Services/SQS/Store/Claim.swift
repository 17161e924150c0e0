import Storage

/// Takes messages out of a queue's sight for one consumer, in one transaction. On the way it deletes what has expired
/// and puts what was received too often where dead letters go.
struct Claim: Sendable {
    struct DeadLetters: Sendable {
        var queue: Int64
        var kind: QueueAttributes.Kind
        var maxReceives: Int64
        /// The ARN of the queue that they come from.
        var source: String
    }

    struct Outcome: Sendable {
        var messages: [ReceivedMessage] = []
        /// How many went to the dead-letter queue.
        var moved = 0
        /// How many are in flight, where they were counted.
        var inFlight: Int?
        var isOverLimit = false
    }

    let queue: Queue
    let count: Int
    let now: Int64
    /// When what is taken becomes visible again.
    let visibleAt: Int64
    /// What was sent until then has expired.
    let expiry: Int64
    let deadLetters: DeadLetters?
    /// How many may be in flight; nil where that is known to be so.
    let inFlightLimit: Int?
    /// The id of the attempt, of FIFO queues.
    let attempt: String?

    func run(on connection: any SQLConnection) throws -> Outcome {
        var outcome = Outcome()
        if let inFlightLimit {
            let inFlight = try MessageTable(connection).inFlight(in: queue.id, now: now)
            guard inFlight < inFlightLimit else {
                outcome.isOverLimit = true
                return outcome
            }
            outcome.inFlight = inFlight
        }
        if queue.isFIFO { try claimInOrder(&outcome, on: connection) } else { try claim(&outcome, on: connection) }
        return outcome
    }

    // MARK: Standard queues

    private func claim(_ outcome: inout Outcome, on connection: any SQLConnection) throws {
        let messages = MessageTable(connection)
        var mustGoOn = true
        while mustGoOn, outcome.messages.count < count {
            let rows = try connection.query(
                """
                UPDATE sqs_messages
                SET visible_at = ?, receives = receives + 1, first_received = COALESCE(first_received, ?)
                WHERE id IN (
                    SELECT id FROM sqs_messages WHERE queue = ? AND visible_at <= ? ORDER BY visible_at, id LIMIT ?
                )
                RETURNING \(MessageTable.columns)
                """,
                [
                    .integer(visibleAt), .integer(now), .integer(queue.id), .integer(now),
                    .integer(Int64(count - outcome.messages.count)),
                ])
            mustGoOn = false
            for row in rows {
                let id = try row.integer("id")
                if try row.integer("sent") <= expiry {
                    try messages.delete(id)
                    mustGoOn = true
                } else if try bury(id, receivedBefore: try row.integer("receives") - 1, on: connection) {
                    outcome.moved += 1
                    mustGoOn = true
                } else {
                    outcome.messages.append(try messages.received(row))
                }
            }
            // What is visible again at once would be found again.
            if visibleAt <= now { break }
        }
        // Which is the order in which they were sent.
        outcome.messages.sort { $0.id < $1.id }
    }

    /// Makes a message a dead letter where it was received too often.
    private func bury(
        _ message: Int64, receivedBefore receives: Int64, group: String? = nil, on connection: any SQLConnection
    ) throws -> Bool {
        guard let deadLetters, receives >= deadLetters.maxReceives else { return false }
        var move = MessageMove(
            queue: deadLetters.queue, visibleAt: now, receives: receives, source: deadLetters.source)
        if deadLetters.kind == .fifo {
            // A queue that is gone takes none.
            guard let sequence = try QueueTable(connection).nextSequence(of: deadLetters.queue) else { return false }
            move.sequence = sequence
            move.sent = now
        } else {
            guard try QueueTable(connection).find(deadLetters.queue) != nil else { return false }
        }
        try MessageTable(connection).move(message, move)
        if let group, let sequence = move.sequence {
            try GroupTable(connection).append(group, to: deadLetters.queue, sequence: sequence, visibleAt: now)
        }
        return true
    }

    // MARK: FIFO queues

    private func claimInOrder(_ outcome: inout Outcome, on connection: any SQLConnection) throws {
        if let attempt, let repeated = try repeated(attempt, on: connection) {
            outcome.messages = repeated
            return
        }
        let groups = GroupTable(connection)
        var mustGoOn = true
        while mustGoOn, outcome.messages.count < count {
            mustGoOn = false
            for group in try groups.ready(in: queue.id, now: now, limit: count) where outcome.messages.count < count {
                let hasShrunk = try claim(from: group, &outcome, on: connection)
                try groups.refresh(group, of: queue.id)
                mustGoOn = mustGoOn || hasShrunk
            }
            if visibleAt <= now { break }
        }
        if let attempt, !outcome.messages.isEmpty {
            try DeduplicationTable(connection).insertAttempt(attempt, in: queue.id, at: now, outcome.messages)
        }
    }

    /// Takes what a group begins with.
    ///
    /// - Returns: Whether some of it went elsewhere.
    private func claim(from group: String, _ outcome: inout Outcome, on connection: any SQLConnection) throws -> Bool {
        let messages = MessageTable(connection)
        var hasShrunk = false
        let wanted = count - outcome.messages.count
        for member in try GroupTable(connection).first(wanted, of: group, in: queue.id) {
            guard member.visibleAt <= now else { break }
            if member.sent <= expiry {
                try messages.delete(member.id)
                hasShrunk = true
            } else if try bury(member.id, receivedBefore: member.receives, group: group, on: connection) {
                outcome.moved += 1
                hasShrunk = true
            } else if let message = try take(member.id, on: connection) {
                outcome.messages.append(message)
            }
        }
        return hasShrunk
    }

    private func take(_ message: Int64, on connection: any SQLConnection) throws -> ReceivedMessage? {
        let row = try connection.query(
            """
            UPDATE sqs_messages
            SET visible_at = ?, receives = receives + 1, first_received = COALESCE(first_received, ?) WHERE id = ?
            RETURNING \(MessageTable.columns)
            """,
            [.integer(visibleAt), .integer(now), .integer(message)]
        ).first
        return try row.map { try MessageTable(connection).received($0) }
    }

    /// The messages that an attempt got, as long as nothing was done with any of them: they are out of sight anew.
    private func repeated(_ attempt: String, on connection: any SQLConnection) throws -> [ReceivedMessage]? {
        let memory = DeduplicationTable(connection)
        guard let known = try memory.attempt(attempt, in: queue.id, after: now - Span.deduplication), !known.isEmpty
        else { return nil }
        for (message, receives) in known {
            let state = try MessageTable(connection).state(of: message, in: queue.id)
            guard let state, state.receives == receives, state.visibleAt > now else { return nil }
        }
        var groups: Set<String> = []
        let messages = try known.compactMap { known in
            let row = try connection.query(
                "UPDATE sqs_messages SET visible_at = ? WHERE id = ? RETURNING \(MessageTable.columns)",
                [.integer(visibleAt), .integer(known.message)]
            ).first
            return try row.map { try MessageTable(connection).received($0) }
        }
        for message in messages { if let group = message.group { groups.insert(group) } }
        for group in groups { try GroupTable(connection).refresh(group, of: queue.id) }
        return messages
    }
}
