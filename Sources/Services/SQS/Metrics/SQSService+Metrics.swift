import Logging
package import Metrics
import Storage

/// `AWS/SQS` in CloudWatch, but for what messages count for themselves as they come and go:
/// https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-available-cloudwatch-metrics.html
extension SQSService: MetricSource {
    /// What lies in each queue that is in use, once a minute.
    package func samples(at time: Int64) async -> [MetricSample] {
        var samples: [MetricSample] = []
        for queue in queues.all {
            guard !Task.isCancelled else { break }
            do {
                let state = try await state(of: queue, at: time)
                guard queue.meters.isActive(state.counts != MessageTable.Counts(), at: time) else { continue }
                samples += queue.meters.levels(state.counts, age: state.age, at: time)
            } catch {
                logger.warning(
                    "A queue could not be looked at", metadata: ["queue": "\(queue.key.arn)", "error": "\(error)"])
            }
        }
        return samples
    }

    private func state(
        of queue: Queue, at now: Int64
    ) async throws -> (counts: MessageTable.Counts, age: Int64) {
        let expiry = queue.expiry(at: now)
        return try await database.read { connection in
            let table = MessageTable(connection)
            let counts = try table.counts(of: queue.id, now: now, expiry: expiry)
            let oldest = try counts == MessageTable.Counts() ? nil : table.oldest(in: queue.id, expiry: expiry)
            return (counts, oldest.map { max(0, now - $0) } ?? 0)
        }
    }

    /// How many messages lie in each queue, by what they wait for.
    package func messageCounts() async throws -> [(arn: String, visible: Int, delayed: Int, inFlight: Int)] {
        let now = clock.milliseconds()
        var all: [(arn: String, visible: Int, delayed: Int, inFlight: Int)] = []
        for queue in queues.all {
            let counts = try await state(of: queue, at: now).counts
            all.append((queue.key.arn, counts.visible, counts.delayed, counts.inFlight))
        }
        return all.sorted { $0.arn < $1.arn }
    }

    /// How many calls of ReceiveMessage wait at each queue for a message to come.
    package var waitingReceives: [(arn: String, count: Int)] {
        queues.all.map { ($0.key.arn.description, $0.hub.waiters) }.sorted { $0.0 < $1.0 }
    }
}
