import AWSWire
import Identity
import NIOCore
import Policies
import SQSModel
import Storage

extension SQSService {
    func createQueue(_ request: ServiceRequest) async throws -> Output {
        let input = try SQS.CreateQueueRequest(decoding: request)
        let key = QueueKey(input.queueName, of: request.caller)
        let context = Self.context(settingTags: input.tags)
        try authorize(.createQueue, on: key, queues[key], request, context: context)
        if input.tags?.isEmpty == false { try authorize(.tagQueue, on: key, queues[key], request, context: context) }
        let values = (input.attributes ?? [:]).filter { $0.key != "Policy" || !$0.value.isEmpty }
        try QueueName.check(input.queueName, isFIFO: values["FifoQueue"]?.lowercased() == "true", region: key.region)
        let attributes = try QueueAttributes(creating: values)
        try Tags.check(input.tags ?? [:], quotas)
        try requireDeadLetterQueue(attributes, of: key)
        let now = clock.milliseconds()
        let definition = QueueDefinition(
            key: key, id: numbers.next(at: now), revision: 1, created: now / 1000, modified: now / 1000,
            attributes: attributes, tags: input.tags ?? [:])
        let made = try await database.write { connection -> QueueDefinition in
            let table = QueueTable(connection)
            if let present = try table.find(key) {
                if let name = try present.attributes.difference(values) {
                    throw SQSError.queueNameExists(
                        message: "A queue already exists with the same name and a different value for attribute "
                            + name)
                }
                return present
            }
            if try table.wasDeleted(key, after: now - Span.pause) {
                throw SQSError.queueDeletedRecently(
                    message: "You must wait 60 seconds after deleting a queue before you can create another with the "
                        + "same name.")
            }
            try table.insert(definition)
            return definition
        }
        queues.add(made)
        return SQS.CreateQueueResult(queueUrl: QueueURL.make(key, endpoint: request.endpoint))
    }

    /// - Throws: `InvalidParameterValue` where dead letters cannot go to the queue that is named for them.
    func requireDeadLetterQueue(_ attributes: QueueAttributes, of source: QueueKey) throws(AWSError) {
        guard let redrive = attributes.redrive else { return }
        func invalid(_ reason: String) -> AWSError { .invalidParameter("RedrivePolicy", redrive.text, reason) }
        guard let target = QueueKey(arn: redrive.target), target.account == source.account,
            target.region == source.region, let queue = queues[target]
        else { throw invalid("Dead letter target does not exist.") }
        guard queue.isFIFO == (attributes.kind == .fifo) else {
            throw invalid("Dead-letter queue must be same type of queue as the source.")
        }
        guard queue.attributes.redriveAllow?.allows(source) ?? true else {
            throw invalid("The dead-letter queue's RedriveAllowPolicy does not allow this source queue.")
        }
    }

    func deleteQueue(_ request: ServiceRequest) async throws -> Output {
        let input = try SQS.DeleteQueueRequest(decoding: request)
        let queue = try queue(input.queueUrl, for: .deleteQueue, request)
        let now = clock.milliseconds()
        let wasThere = try await database.write { connection in
            try QueueTable(connection).delete(queue.key, id: queue.id, at: now)
        }
        queues.remove(queue)
        guard wasThere else { throw AWSError.noQueue(in: request) }
        return nil
    }

    func getQueueURL(_ request: ServiceRequest) throws -> Output {
        let input = try SQS.GetQueueUrlRequest(decoding: request)
        guard !input.queueName.isEmpty else { throw AWSError.missingParameter("QueueName") }
        var key = QueueKey(input.queueName, of: request.caller)
        if let owner = input.queueOwnerAWSAccountId { key.account = owner }
        try authorize(.getQueueUrl, on: key, queues[key], request)
        guard queues[key] != nil else { throw AWSError.noQueue(in: request) }
        return SQS.GetQueueUrlResult(queueUrl: QueueURL.make(key, endpoint: request.endpoint))
    }

    func listQueues(_ request: ServiceRequest) throws -> Output {
        let input = try SQS.ListQueuesRequest(decoding: request)
        let caller = request.caller
        let any = QueueKey("*", of: caller)
        if !caller.principal.isUnlimited {
            try require("sqs:ListQueues", on: ProtectedResource(any.arn, account: any.account), request)
        }
        let all = queues.all(account: caller.account.digits, region: caller.region)
            .filter { $0.key.name.hasPrefix(input.queueNamePrefix ?? "") }
        let page = try Page(all.map(\.key.name), after: input.nextToken, limit: input.maxResults)
        let urls = page.names.map { QueueURL.make(QueueKey($0, of: caller), endpoint: request.endpoint) }
        return SQS.ListQueuesResult(queueUrls: urls.isEmpty ? nil : urls, nextToken: page.next)
    }

    func purgeQueue(_ request: ServiceRequest) async throws -> Output {
        let input = try SQS.PurgeQueueRequest(decoding: request)
        let queue = try queue(input.queueUrl, for: .purgeQueue, request)
        let now = clock.milliseconds()
        try await change(queue, request, modifies: false) { definition throws(AWSError) in
            if let purged = definition.purged, now < purged + Span.pause {
                throw SQSError.purgeQueueInProgress(
                    message: "Only one PurgeQueue operation on \(queue.key.name) is allowed every 60 seconds.")
            }
            definition.purged = now
        }
        // Before its messages, so that none is taken for one that is being deleted.
        try await database.write { try DeduplicationTable($0).forgetMessages(of: queue.id, sentUntil: now) }
        try await Cleaner(service: self).empty(queue.id, sentUntil: now)
        return nil
    }

    /// Changes what a queue is, for all to see once it is kept.
    ///
    /// - Parameter modifies: Whether it counts as a change of the queue (`LastModifiedTimestamp`).
    func change(
        _ queue: Queue, _ request: ServiceRequest, modifies: Bool = true,
        _ body: @escaping @Sendable (inout QueueDefinition) throws(AWSError) -> Void
    ) async throws {
        let now = clock.milliseconds() / 1000
        let changed = try await database.write { connection -> QueueDefinition? in
            let table = QueueTable(connection)
            guard var definition = try table.find(queue.id) else { return nil }
            try body(&definition)
            definition.revision += 1
            if modifies { definition.modified = now }
            try table.update(definition)
            return definition
        }
        guard let changed else { throw AWSError.noQueue(in: request) }
        if queue.publish(changed) { queue.hub.signalAll() }
    }
}

/// The names that queues may have.
enum QueueName {
    static func check(_ name: String, isFIFO: Bool, region: String) throws(AWSError) {
        guard !name.isEmpty else { throw .missingParameter("QueueName") }
        let stem = isFIFO && name.hasSuffix(".fifo") ? name.dropLast(5) : name[...]
        let isPlain = stem.utf8.allSatisfy { byte in
            (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
                || byte == UInt8(ascii: "-") || byte == UInt8(ascii: "_")
        }
        guard isPlain, name.utf8.count <= 80, !stem.isEmpty, !isFIFO || name.hasSuffix(".fifo") else {
            guard isFIFO else {
                throw .invalidParameter(
                    "Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length")
            }
            throw .invalidParameter(
                "The name of a FIFO queue can only include alphanumeric characters, hyphens, or underscores, must end "
                    + "with .fifo suffix and be 1 to 80 in length.")
        }
        guard region.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F && $0 != UInt8(ascii: "/") }) else {
            throw .invalidParameter("The region of the request is invalid.")
        }
    }
}

/// A part of a list of names.
struct Page {
    private static let limit = 1_000

    var names: [String]
    var next: String?

    /// - Parameter names: All, in order.
    /// - Throws: `InvalidParameterValue`.
    init(_ names: [String], after token: String?, limit: Int?) throws(AWSError) {
        if let limit, !(1...Self.limit).contains(limit) {
            throw .invalidParameter("MaxResults", limit, "MaxResults must be an integer between 1 and 1000.")
        }
        var rest = names[...]
        if let token {
            guard let last = Base64.decodeText(token) else {
                throw .invalidParameter("Invalid or expired next token.")
            }
            rest = rest.drop { $0 <= last }
        }
        self.names = Array(rest.prefix(limit ?? Self.limit))
        // Without MaxResults the rest is cut off, as on AWS.
        if limit != nil, self.names.count < rest.count { next = self.names.last.map { Base64.encode($0.utf8) } }
    }
}
