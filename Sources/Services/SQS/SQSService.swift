package import AWSWire
package import Identity
package import Logging
package import Metrics
package import NIOCore
package import NIOHTTP1
import SQSModel
package import ServiceLifecycle
package import Storage

/// Amazon Simple Queue Service (2012-11-05): standard and FIFO queues, in JSON and in the older query protocol.
///
/// Made before the server listens; ``prepare()`` is awaited next. Queues are in memory, messages in the store: what was
/// acknowledged is there after a crash.
package final class SQSService: AWSWire.Service, ServiceLifecycle.Service {
    package let signingName = "sqs"
    package let wireProtocol = SQS.json

    let database: any Database
    let authorizer: Authorizer
    let quotas: SQSQuotas
    let clock: any QueueClock
    let queues: QueueRegistry
    let numbers = Numbers()
    let mover: MoveTasks
    let polls = PollSwitch()
    let logger: Logger

    /// - Parameter database: Has had ``migrations`` applied.
    package init(
        database: any Database, authorizer: Authorizer, quotas: SQSQuotas = SQSQuotas(), clock: any QueueClock,
        meters: Meters = Meters(), logger: Logger
    ) {
        self.database = database
        self.authorizer = authorizer
        self.quotas = quotas
        self.clock = clock
        self.logger = logger
        queues = QueueRegistry(clock: clock, meters: meters)
        mover = MoveTasks(database: database, queues: queues, numbers: numbers, clock: clock, logger: logger)
    }

    /// Before the first request: reads what queues there are.
    package func prepare() async throws {
        let (all, last) = try await database.read { connection in
            let greatest = try ["queues", "deleted", "messages"].map { table in
                let rows = try connection.query("SELECT MAX(id) AS id FROM sqs_\(table)", [])
                return rows.first?.optionalInteger("id") ?? 0
            }
            return (try QueueTable(connection).all(), greatest.max() ?? 0)
        }
        numbers.skip(to: last)
        for definition in all { queues.add(definition) }
    }

    // MARK: API

    package func wireProtocol(of headers: HTTPHeaders) -> WireProtocol { SQS.wireProtocol(of: headers) }

    package func respond(to request: ServiceRequest, on eventLoop: any EventLoop) -> EventLoopFuture<ServiceResponse> {
        eventLoop.makeFutureWithTask {
            let request = request.naming(queueIn: request.path)
            let operation = try SQS.route(request)
            if request.path != "/", QueryAnswer.isForm(request.headers), !operation.isOnQueue {
                throw SQS.invalidAction(operation.rawValue)
            }
            return SQS.answer(operation, to: request, try await self.answer(operation, request))
        }
    }

    private func answer(_ operation: SQS.Operation, _ request: ServiceRequest) async throws -> Output {
        switch operation {
        case .addPermission: try await addPermission(request)
        case .cancelMessageMoveTask: try await cancelMessageMoveTask(request)
        case .changeMessageVisibility: try await changeMessageVisibility(request)
        case .changeMessageVisibilityBatch: try await changeMessageVisibilityBatch(request)
        case .createQueue: try await createQueue(request)
        case .deleteMessage: try await deleteMessage(request)
        case .deleteMessageBatch: try await deleteMessageBatch(request)
        case .deleteQueue: try await deleteQueue(request)
        case .getQueueAttributes: try await getQueueAttributes(request)
        case .getQueueUrl: try getQueueURL(request)
        case .listDeadLetterSourceQueues: try listDeadLetterSourceQueues(request)
        case .listMessageMoveTasks: try await listMessageMoveTasks(request)
        case .listQueueTags: try listQueueTags(request)
        case .listQueues: try listQueues(request)
        case .purgeQueue: try await purgeQueue(request)
        case .receiveMessage: try await receiveMessage(request)
        case .removePermission: try await removePermission(request)
        case .sendMessage: try await sendMessage(request)
        case .sendMessageBatch: try await sendMessageBatch(request)
        case .setQueueAttributes: try await setQueueAttributes(request)
        case .startMessageMoveTask: try await startMessageMoveTask(request)
        case .tagQueue: try await tagQueue(request)
        case .untagQueue: try await untagQueue(request)
        }
    }

    package func reset() async throws {
        try await database.write { connection in
            for table in Self.tables { try connection.execute("DELETE FROM sqs_\(table)", []) }
        }
        queues.removeAll()
    }

    // MARK: Life

    /// Moves what move tasks are to move and deletes what has expired, until graceful shutdown or cancellation.
    package func run() async throws {
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await self.mover.run() }
            group.addTask { await Cleaner(service: self).run() }
            try? await gracefulShutdown()
            group.cancelAll()
        }
    }

    /// What ends the waiting of consumers: to be shut down before the listener, which waits for their answers.
    package var polling: any ServiceLifecycle.Service { Polling(service: self) }
}

/// What an operation returns.
typealias Output = (any QueryOutput & JSONOutput)?

extension ServiceRequest {
    /// Requests of the query protocol may go to a queue's own URL instead of naming it.
    fileprivate func naming(queueIn path: String) -> ServiceRequest {
        guard path != "/", QueryAnswer.isForm(headers), FormValue(self)["QueueUrl"] == nil else { return self }
        var request = self
        let parameter = "QueueUrl=\(path)"
        request.query = query.map { "\($0)&\(parameter)" } ?? parameter
        return request
    }
}

extension SQS.Operation {
    /// Whether a queue's own URL takes it.
    fileprivate var isOnQueue: Bool { self != .createQueue && self != .listQueues }
}
