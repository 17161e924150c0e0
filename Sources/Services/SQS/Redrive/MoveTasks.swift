import Logging
import Storage
import Synchronization

/// Runs the move tasks there are, each at its pace; those that a crash or a restart left go on.
final class MoveTasks: Sendable {
    /// Until a step that failed is tried again, in milliseconds.
    private static let pause: Int64 = 1_000

    private let database: any Database
    private let queues: QueueRegistry
    private let numbers: Numbers
    private let clock: any QueueClock
    private let logger: Logger
    private let started: AsyncStream<String>
    private let starter: AsyncStream<String>.Continuation

    init(
        database: any Database, queues: QueueRegistry, numbers: Numbers, clock: any QueueClock, logger: Logger
    ) {
        self.database = database
        self.queues = queues
        self.numbers = numbers
        self.clock = clock
        self.logger = logger
        (started, starter) = AsyncStream.makeStream()
    }

    /// A task that is in the store is to run.
    func start(_ id: String) { starter.yield(id) }

    /// Until cancellation.
    func run() async {
        var unfinished: [TaskRecord] = []
        do { unfinished = try await database.read { try TaskTable($0).active() } } catch {
            logger.error("Move tasks could not be read", metadata: ["error": "\(error)"])
        }
        await withDiscardingTaskGroup { group in
            var running: Set<String> = []
            for task in unfinished where running.insert(task.id).inserted {
                group.addTask { await self.run(task.id) }
            }
            for await id in started where running.insert(id).inserted {
                group.addTask { await self.run(id) }
            }
        }
    }

    private func run(_ id: String) async {
        var due = clock.milliseconds()
        while !Task.isCancelled {
            do {
                let rate = try await database.read { try TaskTable($0).find(id)?.rate }
                let limit = rate.map { max(1, min(MoveStep.part, $0 / 10)) } ?? MoveStep.part
                let step = MoveStep(task: id, now: clock.milliseconds(), limit: limit)
                guard let outcome = try await database.write({ try step.run(on: $0) }) else { return }
                for (key, count) in outcome.moved { queues[key]?.came(count) }
                guard outcome.task.status.isActive else { return }
                if let rate { due += Int64(limit * 1000 / rate) }
            } catch {
                logger.error(
                    "Messages could not be moved", metadata: ["task": "\(id)", "error": "\(error)"])
                due = clock.milliseconds() + Self.pause
            }
            if due > clock.milliseconds() { await clock.sleep(until: due) }
        }
    }
}
