import Logging
import Storage

/// Deletes, now and then, what nobody can ask for any more: expired messages, the messages of deleted queues, and what
/// FIFO queues remember for five minutes.
struct Cleaner: Sendable {
    private static let period: Int64 = 60_000
    /// Every so many periods expired messages are looked for.
    private static let periodsPerExpiry = 60

    let service: SQSService

    func run() async {
        var round = 0
        while !Task.isCancelled {
            do {
                try await forget()
                try await sweepDeleted()
                if round % Self.periodsPerExpiry == 0 { try await expire() }
            } catch {
                service.logger.error("Old messages could not be deleted", metadata: ["error": "\(error)"])
            }
            round += 1
            await service.clock.sleep(until: service.clock.milliseconds() + Self.period)
        }
    }

    func forget() async throws {
        let now = service.clock.milliseconds()
        let isNeeded = try await service.database.read { connection in
            let tables = [("deduplication", "sent"), ("attempts", "made")]
            return try tables.contains { table, column in
                try !connection.query(
                    "SELECT 1 FROM sqs_\(table) WHERE \(column) <= ? LIMIT 1", [.integer(now - Span.deduplication)]
                ).isEmpty
            }
        }
        guard isNeeded else { return }
        try await service.database.write { connection in
            try DeduplicationTable(connection).forget(until: now - Span.deduplication)
        }
    }

    func sweepDeleted() async throws {
        let now = service.clock.milliseconds()
        for (id, time) in try await service.database.read({ try QueueTable($0).deleted() }) {
            try await empty(id)
            try await service.database.write { connection in
                try DeduplicationTable(connection).forget(queue: id)
                // The name stays taken for a while.
                if time <= now - Span.pause { try QueueTable(connection).forgetDeleted(id) }
            }
        }
    }

    func expire() async throws {
        for queue in service.queues.all {
            try await empty(queue.id, sentUntil: queue.expiry(at: service.clock.milliseconds()))
        }
    }

    func empty(_ queue: Int64, sentUntil time: Int64 = .max) async throws {
        while try await service.database.write({ connection in
            try MessageTable(connection).deletePart(of: queue, sentUntil: time)
        }) {}
    }
}

extension Queue {
    /// What was sent until then has expired.
    func expiry(at now: Int64) -> Int64 { now - Int64(attributes.retention) * 1000 }
}
