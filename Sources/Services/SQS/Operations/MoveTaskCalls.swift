import AWSWire
import NIOCore
import Policies
import SQSModel
import Storage

extension SQSService {
    func startMessageMoveTask(_ request: ServiceRequest) async throws -> Output {
        let input = try SQS.StartMessageMoveTaskRequest(decoding: request)
        let source = try queue(arn: input.sourceArn, "SourceArn", for: .startMessageMoveTask, request)
        for action in [SQS.Operation.receiveMessage, .deleteMessage, .getQueueAttributes] {
            try authorize(action, on: source.key, source, request)
        }
        guard !queues.sources(of: source.key).isEmpty else {
            throw AWSError.invalidParameter("Source queue must be configured as a Dead Letter Queue.")
        }
        if let destination = input.destinationArn {
            let target = try queue(arn: destination, "DestinationArn", for: .sendMessage, request)
            guard target.isFIFO == source.isFIFO else {
                throw AWSError.invalidParameter(
                    "DestinationArn", destination, "The destination must be of the same type as the source.")
            }
        } else {
            for target in queues.sources(of: source.key) {
                try authorize(.sendMessage, on: target.key, target, request)
            }
        }
        if let rate = input.maxNumberOfMessagesPerSecond, !(1...500).contains(rate) {
            throw AWSError.invalidParameter(
                "MaxNumberOfMessagesPerSecond", rate, "Must be between 1 and 500, if provided.")
        }
        let now = clock.milliseconds()
        let limit = quotas.moveTasks
        let id = RequestID.make()
        try await database.write { connection in
            let tasks = TaskTable(connection)
            let active = try tasks.active()
            guard !active.contains(where: { $0.source == source.key }) else {
                throw AWSError.invalidParameter(
                    "There is already a task running. Only one active task is allowed for a source queue arn at a "
                        + "given time.")
            }
            let (account, region) = (source.key.account, source.key.region)
            let others = active.count { $0.source.account == account && $0.source.region == region }
            guard others < limit else {
                throw SQSError.overLimit(message: "There are \(limit) active message movement tasks already.")
            }
            let counts = try MessageTable(connection).counts(of: source.id, now: now, expiry: source.expiry(at: now))
            try tasks.insert(
                TaskRecord(
                    id: id, source: source.key, destination: input.destinationArn,
                    rate: input.maxNumberOfMessagesPerSecond, started: now, total: counts.all))
        }
        mover.start(id)
        return SQS.StartMessageMoveTaskResult(taskHandle: TaskHandle(id: id, source: source.key.arn).text)
    }

    func cancelMessageMoveTask(_ request: ServiceRequest) async throws -> Output {
        let input = try SQS.CancelMessageMoveTaskRequest(decoding: request)
        guard let handle = TaskHandle(input.taskHandle) else {
            throw AWSError.invalidParameter("Value for parameter TaskHandle is invalid.")
        }
        let source = try queue(arn: handle.source, "SourceArn", for: .cancelMessageMoveTask, request)
        let moved = try await database.write { connection in
            let tasks = TaskTable(connection)
            guard var task = try tasks.find(handle.id), task.source == source.key else {
                throw SQSError.resourceNotFound(message: "Task does not exist.")
            }
            guard task.status == .running else {
                throw AWSError.invalidParameter("Only active tasks can be cancelled.")
            }
            task.status = .cancelling
            try tasks.update(task)
            return task.moved
        }
        return SQS.CancelMessageMoveTaskResult(approximateNumberOfMessagesMoved: moved)
    }

    func listMessageMoveTasks(_ request: ServiceRequest) async throws -> Output {
        let input = try SQS.ListMessageMoveTasksRequest(decoding: request)
        let source = try queue(arn: input.sourceArn, "SourceArn", for: .listMessageMoveTasks, request)
        let limit = input.maxResults ?? 1
        guard (1...10).contains(limit) else {
            throw AWSError.invalidParameter("MaxResults", limit, "Must be between 1 and 10, if provided.")
        }
        let tasks = try await database.read { try TaskTable($0).all(of: source.key, limit: limit) }
        return SQS.ListMessageMoveTasksResult(results: tasks.isEmpty ? nil : tasks.map(\.shape))
    }

    func listDeadLetterSourceQueues(_ request: ServiceRequest) throws -> Output {
        let input = try SQS.ListDeadLetterSourceQueuesRequest(decoding: request)
        let target = try queue(input.queueUrl, for: .listDeadLetterSourceQueues, request)
        let page = try Page(
            queues.sources(of: target.key).map(\.key.name), after: input.nextToken, limit: input.maxResults)
        let urls = page.names.map { name in
            var key = target.key
            key.name = name
            return QueueURL.make(key, endpoint: request.endpoint)
        }
        return SQS.ListDeadLetterSourceQueuesResult(queueUrls: urls, nextToken: page.next)
    }

    /// - Throws: `ResourceNotFoundException` where a parameter names no queue.
    private func queue(
        arn: String, _ parameter: String, for action: SQS.Operation, _ request: ServiceRequest
    ) throws(AWSError) -> Queue {
        guard let key = QueueKey(arn: arn) else { throw .noResource(parameter) }
        // What is not there is told to anybody, as recorded in test_cancel_with_invalid_source_arn_in_task_handle.
        guard let queue = queues[key] else { throw .noResource(parameter) }
        try authorize(action, on: key, queue, request)
        return queue
    }
}

/// What names a move task: base64 of a JSON object.
struct TaskHandle: Sendable, Hashable {
    var id: String
    /// An ARN.
    var source: String

    init(id: String, source: String) {
        self.id = id
        self.source = source
    }

    init?(_ text: String) {
        guard let bytes = Base64.decode(text), let value = try? JSONValue(parsing: ByteBuffer(bytes: bytes)),
            let id = value["taskId"]?.string, let source = value["sourceArn"]?.string
        else { return nil }
        self.init(id: id, source: source)
    }

    var text: String {
        var writer = JSONWriter()
        writer.beginObject()
        writer.name("taskId")
        writer.string(id)
        writer.name("sourceArn")
        writer.string(source)
        writer.endObject()
        return Base64.encode(writer.buffer.readableBytesView)
    }
}

extension TaskRecord {
    /// Only a task that runs has a handle.
    fileprivate var shape: SQS.ListMessageMoveTasksResultEntry {
        SQS.ListMessageMoveTasksResultEntry(
            taskHandle: status == .running ? TaskHandle(id: id, source: source.arn).text : nil,
            status: status.rawValue, sourceArn: source.arn, destinationArn: destination,
            maxNumberOfMessagesPerSecond: rate, approximateNumberOfMessagesMoved: moved,
            approximateNumberOfMessagesToMove: total, failureReason: failure, startedTimestamp: Int(started))
    }
}
