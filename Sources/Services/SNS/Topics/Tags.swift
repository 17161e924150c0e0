import AWSWire
import Policies
import SNSModel

extension SNSService {
    func tagResource(_ call: Call) async throws -> Output {
        let input = try SNS.TagResourceRequest(decoding: call.request)
        let id = try call.topic(input.resourceArn, parameter: "ResourceArn")
        let tags = try TopicRecord.Tag.checked(input.tags)
        try require("TagResource", on: id, try await topics.topic(id), call, context: Tagging.context(tags))
        try await changeTagged(id) { [quotas] record in
            for tag in tags {
                if let index = record.tags.firstIndex(where: { $0.key == tag.key }) {
                    record.tags[index] = tag
                } else {
                    record.tags.append(tag)
                }
            }
            guard record.tags.count <= quotas.tagsPerTopic else { throw Tagging.tooMany }
        }
        return SNS.TagResourceResponse()
    }

    func untagResource(_ call: Call) async throws -> Output {
        let input = try SNS.UntagResourceRequest(decoding: call.request)
        let id = try call.topic(input.resourceArn, parameter: "ResourceArn")
        try require(
            "UntagResource", on: id, try await topics.topic(id), call, context: ["aws:TagKeys": input.tagKeys])
        try await changeTagged(id) { record in record.tags.removeAll { input.tagKeys.contains($0.key) } }
        return SNS.UntagResourceResponse()
    }

    func listTagsForResource(_ call: Call) async throws -> Output {
        let input = try SNS.ListTagsForResourceRequest(decoding: call.request)
        let id = try call.topic(input.resourceArn, parameter: "ResourceArn")
        let topic = try await topics.topic(id)
        try require("ListTagsForResource", on: id, topic, call)
        guard let topic else { throw AWSError.noResource }
        return SNS.ListTagsForResourceResponse(tags: topic.record.tags.map { SNS.Tag(key: $0.key, value: $0.value) })
    }

    private func changeTagged(_ id: TopicID, _ work: @escaping @Sendable (inout TopicRecord) throws -> Void)
        async throws
    {
        do {
            try await changeTopic(id, work)
        } catch let error as AWSError where error == .noTopic {
            throw AWSError.noResource
        }
    }
}

extension TopicRecord.Tag {
    /// - Throws: For a key that is there twice.
    static func checked(_ given: [SNS.Tag]?) throws(AWSError) -> [TopicRecord.Tag] {
        let tags = (given ?? []).map { TopicRecord.Tag(key: $0.key, value: $0.value) }
        guard Set(tags.map(\.key)).count == tags.count else { throw .invalid("Duplicated keys are not allowed.") }
        guard !tags.contains(where: { $0.key.lowercased().hasPrefix("aws:") }) else {
            throw .invalid("Tags Reason: aws: prefixed tag key names are not allowed for external use.")
        }
        return tags
    }
}

enum Tagging {
    static let tooMany = SNSError.tagLimitExceeded(
        message: "Could not complete request: tag quota of per resource exceeded")

    /// The condition keys of a request that gives tags.
    static func context(_ tags: [TopicRecord.Tag]) -> AccessContext {
        AccessContext(settingTags: tags.map { ($0.key, $0.value) })
    }
}
