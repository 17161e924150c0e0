import AWSWire
import SNSModel
import Storage

extension SNSService {
    /// Making a topic that is there does nothing, as long as it is the same.
    func createTopic(_ call: Call) async throws -> Output {
        let input = try SNS.CreateTopicInput(decoding: call.request)
        let id = TopicID(account: call.account, region: call.region, name: input.name)
        let tags = try TopicRecord.Tag.checked(input.tags)
        try require("CreateTopic", on: id, nil, call, context: Tagging.context(tags))
        if !tags.isEmpty { try require("TagResource", on: id, nil, call, context: Tagging.context(tags)) }
        guard input.dataProtectionPolicy?.isEmpty ?? true else {
            throw AWSError.unsupported("Data protection policies are not implemented.")
        }
        let given = input.attributes ?? [:]
        try checkName(id, isFIFO: given["FifoTopic"]?.lowercased() == "true")
        var attributes: [String: String] = [:]
        for (name, value) in given.sorted(by: { $0.key < $1.key }) {
            attributes[name] = try TopicAttributes.checked(name, value, of: id, .map)
        }
        guard tags.count <= quotas.tagsPerTopic else { throw Tagging.tooMany }
        let record = TopicRecord(attributes: attributes.filter { $0.key != "FifoTopic" }, tags: tags)
        try await database.write { [quotas] connection in
            let table = SNSTable(connection)
            if let present = try table.topic(id) {
                try present.mustBe(record)
                return
            }
            let limit = id.isFIFO ? quotas.fifoTopics : quotas.topics
            guard try table.topicCount(of: id.account, in: id.region, isFIFO: id.isFIFO) < limit else {
                throw SNSError.topicLimitExceeded(message: "The maximum number of topics, \(limit), has been reached.")
            }
            try table.put(record, id)
        }
        topics.forget(id)
        return SNS.CreateTopicResponse(topicArn: id.arn)
    }

    private func checkName(_ id: TopicID, isFIFO: Bool) throws(AWSError) {
        let stem = id.isFIFO ? id.name.dropLast(".fifo".utf8.count) : id.name[...]
        guard (1...256).contains(id.name.utf8.count), !stem.isEmpty, stem.isPlain, id.isFIFO == isFIFO else {
            throw .invalid("Topic Name")
        }
    }

    /// Deleting what is not there is as good.
    func deleteTopic(_ call: Call) async throws -> Output {
        let input = try SNS.DeleteTopicInput(decoding: call.request)
        let id = try call.topic(input.topicArn)
        try require("DeleteTopic", on: id, try await topics.topic(id), call)
        try await database.write { try SNSTable($0).delete(id) }
        topics.forget(id)
        return nil
    }

    func listTopics(_ call: Call) async throws -> Output {
        let input = try SNS.ListTopicsInput(decoding: call.request)
        try require("ListTopics", call)
        let (account, region, size) = (call.account, call.region, quotas.pageSize)
        let after = try PageToken.read(input.nextToken)
        let names = try await database.read {
            try SNSTable($0).topics(of: account, in: region, after: after, limit: size + 1)
        }
        let page = names.prefix(size).map {
            SNS.Topic(topicArn: TopicID(account: account, region: region, name: $0).arn)
        }
        return SNS.ListTopicsResponse(
            topics: page, nextToken: names.count > size ? PageToken.write(names[size - 1]) : nil)
    }

    func getTopicAttributes(_ call: Call) async throws -> Output {
        let input = try SNS.GetTopicAttributesInput(decoding: call.request)
        let id = try call.topic(input.topicArn)
        try require("GetTopicAttributes", on: id, try await topics.topic(id), call)
        let since = call.now - quotas.confirmationTime
        let shown = try await database.read { connection in
            let table = SNSTable(connection)
            guard let record = try table.topic(id) else { throw AWSError.noTopic }
            let (confirmed, pending) = try table.subscriptionCounts(of: id, since: since)
            return record.shown(id, confirmed: confirmed, pending: pending)
        }
        return SNS.GetTopicAttributesResponse(attributes: shown)
    }

    func setTopicAttributes(_ call: Call) async throws -> Output {
        let input = try SNS.SetTopicAttributesInput(decoding: call.request)
        let id = try call.topic(input.topicArn)
        try require("SetTopicAttributes", on: id, try await topics.topic(id), call)
        let (name, value) = (input.attributeName, input.attributeValue ?? "")
        try await changeTopic(id) { record in
            record.attributes[name] = try TopicAttributes.checked(name, value, of: id, .alone)
        }
        return nil
    }

    /// Changes a topic that is there. The change is on disk when this returns.
    func changeTopic(_ id: TopicID, _ work: @escaping @Sendable (inout TopicRecord) throws -> Void) async throws {
        try await database.write { connection in
            let table = SNSTable(connection)
            guard var record = try table.topic(id) else { throw AWSError.noTopic }
            try work(&record)
            try table.put(record, id)
        }
        topics.forget(id)
    }
}

extension TopicRecord {
    /// What is made again has to be what is there, as far as it says.
    fileprivate func mustBe(_ other: TopicRecord) throws(AWSError) {
        for (name, value) in other.attributes where attributes[name] != value {
            // What is not set is what it is without.
            if value == Self.standard[name], attributes[name] == nil { continue }
            throw AttributeSource.map.invalid("Topic already exists with different attributes")
        }
        guard Set(other.tags).isSubset(of: tags) else {
            throw .invalid("Tags Reason: Topic already exists with different tags")
        }
    }

    private static let standard = [
        "ContentBasedDeduplication": "false", "SignatureVersion": "1", "TracingConfig": "PassThrough",
        "FifoThroughputScope": "Topic",
    ]
}

/// Where the next page of a list begins: after what the last one ended with.
enum PageToken {
    static func write(_ last: String) -> String { Base64.encode(Array(last.utf8)) }

    static func read(_ token: String?) throws(AWSError) -> String {
        guard let token, !token.isEmpty else { return "" }
        guard let last = Base64.decodeText(token),
            !last.utf8.contains(0)
        else { throw .invalid("NextToken") }
        return last
    }
}
