import Storage

/// Puts messages into a queue, in one transaction.
struct Sending: Sendable {
    let queue: Int64
    let attributes: QueueAttributes
    let now: Int64

    /// - Returns: What became of each; nil when the queue is gone.
    func run(_ messages: [NewMessage], on connection: any SQLConnection) throws -> [SentMessage]? {
        var sent: [SentMessage] = []
        for message in messages {
            let isOrdered = attributes.kind == .fifo
            let outcome = try isOrdered ? sendInOrder(message, on: connection) : send(message, on: connection)
            guard let outcome else { return nil }
            sent.append(outcome)
        }
        return sent
    }

    private func send(_ message: NewMessage, on connection: any SQLConnection) throws -> SentMessage? {
        guard try MessageTable(connection).insert(message, into: queue) else { return nil }
        return SentMessage(uuid: message.uuid, sequence: nil)
    }

    /// A message that repeats one of the last five minutes is that one.
    private func sendInOrder(_ message: NewMessage, on connection: any SQLConnection) throws -> SentMessage? {
        let (group, deduplication) = (message.group ?? "", message.deduplication ?? "")
        let memory = DeduplicationTable(connection)
        let scope = attributes.deduplicatesByGroup ? group : nil
        if let first = try memory.find(deduplication, group: scope, in: queue, after: now - Span.deduplication) {
            return first
        }
        guard let sequence = try QueueTable(connection).nextSequence(of: queue),
            try MessageTable(connection).insert(message, into: queue, sequence: sequence)
        else { return nil }
        let outcome = SentMessage(uuid: message.uuid, sequence: sequence)
        try memory.insert(deduplication, group: group, in: queue, at: now, outcome)
        try GroupTable(connection).append(group, to: queue, sequence: sequence, visibleAt: message.visibleAt)
        return outcome
    }
}
