import AWSWire
import CloudWatchModel
import NIOCore

extension AlarmTag {
    /// How many a resource has at most.
    static let limit = 50

    /// As the store has them.
    static func text(_ tags: [AlarmTag]) -> String {
        var writer = JSONWriter()
        writer.beginArray()
        for tag in tags {
            writer.beginArray()
            writer.string(tag.key)
            writer.string(tag.value)
            writer.endArray()
        }
        writer.endArray()
        return String(buffer: writer.buffer)
    }

    static func read(_ text: String) -> [AlarmTag] {
        guard let value = try? JSONValue(parsing: ByteBuffer(string: text)) else { return [] }
        return value.elements.compactMap { pair in
            let texts = pair.elements.compactMap(\.string)
            return texts.count == 2 ? AlarmTag(key: texts[0], value: texts[1]) : nil
        }
    }

    /// What is there with these added.
    static func merged(_ tags: [AlarmTag], _ more: [CloudWatch.Tag]) throws(AWSError) -> [AlarmTag] {
        var merged = tags
        for tag in more {
            guard !tag.key.lowercased().hasPrefix("aws:") else {
                throw .invalidValue("System tags cannot be added or updated by requester.")
            }
            merged.removeAll { $0.key == tag.key }
            merged.append(AlarmTag(key: tag.key, value: tag.value))
        }
        guard merged.count <= limit else {
            throw .invalidValue("The number of tags must not be greater than \(limit).")
        }
        return merged.sorted { $0.key < $1.key }
    }
}

/// https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_TagResource.html
extension CloudWatchService {
    func listTagsForResource(_ request: ServiceRequest) async throws -> Output {
        let input = try CloudWatch.ListTagsForResourceInput(decoding: request)
        let key = try taggable(input.resourceARN, .listTagsForResource, request)
        // Of what is not there AWS tells that it has no tags: test_tagging_metric_alarm.
        let tags = try await alarms.read { try $0.find(key)?.tags } ?? []
        return CloudWatch.ListTagsForResourceOutput(tags: tags.map { .init(key: $0.key, value: $0.value) })
    }

    func tagResource(_ request: ServiceRequest) async throws -> Output {
        let input = try CloudWatch.TagResourceInput(decoding: request)
        let key = try taggable(input.resourceARN, .tagResource, request)
        try await changeTags(of: key) { tags throws(AWSError) in try AlarmTag.merged(tags, input.tags) }
        return CloudWatch.TagResourceOutput()
    }

    func untagResource(_ request: ServiceRequest) async throws -> Output {
        let input = try CloudWatch.UntagResourceInput(decoding: request)
        let key = try taggable(input.resourceARN, .untagResource, request)
        try await changeTags(of: key) { tags in tags.filter { !input.tagKeys.contains($0.key) } }
        return CloudWatch.UntagResourceOutput()
    }

    private func changeTags(of key: AlarmKey, _ change: @escaping @Sendable ([AlarmTag]) throws(AWSError) -> [AlarmTag])
        async throws
    {
        try await alarms.write { table in
            guard var alarm = try table.find(key) else {
                throw CloudWatchError.resourceNotFound(
                    message: "The resource \(key.arn) does not exist.", resourceType: "alarm", resourceId: key.name)
            }
            alarm.tags = try change(alarm.tags)
            try table.put(alarm)
        }
    }

    private func taggable(_ arn: String, _ operation: CloudWatch.Operation, _ request: ServiceRequest) throws(AWSError)
        -> AlarmKey
    {
        guard let key = AlarmKey(arn: arn), key.account == request.caller.account.digits,
            key.region == request.caller.region
        else {
            if arn.hasPrefix("arn:aws:cloudwatch:"), arn.contains(":dashboard/") || arn.contains(":insight-rule/") {
                throw .unsupported("Tags of \(arn) are not supported.")
            }
            throw .invalidValue(arn, for: "ResourceARN")
        }
        try authorize(operation, on: [key.arn], request)
        return key
    }
}
