import AWSWire
import EventBridgeModel
import Policies

extension EventsService {
    /// What has tags.
    private enum Tagged {
        case bus(BusKey)
        case rule(RuleKey)

        init(_ arn: String) throws(AWSError) {
            if let key = BusKey(arn: arn) {
                self = .bus(key)
            } else if let key = RuleKey(arn: arn) {
                self = .rule(key)
            } else {
                throw EventsFailure.parameter("ResourceARN", "\(arn) is neither an event bus nor a rule.")
            }
        }

        var busKey: BusKey {
            switch self {
            case .bus(let key): key
            case .rule(let key): key.bus
            }
        }
    }

    func listTagsForResource(_ call: Call) async throws -> ServiceResponse {
        let input = try EventBridge.ListTagsForResourceRequest(decoding: call.request)
        let tagged = try Tagged(input.resourceARN)
        let bus = try await buses.bus(tagged.busKey)
        try require("ListTagsForResource", on: tagged, bus, call, context: [:])
        guard let bus else { throw EventsFailure.noBus(tagged.busKey.name) }
        var tags = bus.record.tags
        if case .rule(let key) = tagged {
            guard let rule = bus.rule(key.name) else { throw EventsFailure.noRule(key) }
            tags = rule.record.tags
        }
        return EventBridge.ListTagsForResourceResponse(
            tags: tags.map { EventBridge.Tag(key: $0.key, value: $0.value) }
        ).encode()
    }

    func tagResource(_ call: Call) async throws -> ServiceResponse {
        let input = try EventBridge.TagResourceRequest(decoding: call.request)
        let tagged = try Tagged(input.resourceARN)
        try require(
            "TagResource", on: tagged, try await buses.bus(tagged.busKey), call, context: Tagging.context(input.tags))
        try await change(tagged, now: call.now) { [quotas] tags in
            tags = try Tagging.merged(tags, with: input.tags, limit: quotas.tagsPerResource)
        }
        return EventBridge.TagResourceResponse().encode()
    }

    func untagResource(_ call: Call) async throws -> ServiceResponse {
        let input = try EventBridge.UntagResourceRequest(decoding: call.request)
        let tagged = try Tagged(input.resourceARN)
        try require(
            "UntagResource", on: tagged, try await buses.bus(tagged.busKey), call,
            context: ["aws:TagKeys": input.tagKeys])
        try await change(tagged, now: call.now) { tags in tags.removeAll { input.tagKeys.contains($0.key) } }
        return EventBridge.UntagResourceResponse().encode()
    }

    private func require(
        _ action: String, on tagged: Tagged, _ bus: LiveBus?, _ call: Call, context: AccessContext
    ) throws(AWSError) {
        switch tagged {
        case .bus(let key): try require(action, on: key, bus, call, context: context)
        case .rule(let key): try require(action, on: key, bus, call, context: context)
        }
    }

    private func change(
        _ tagged: Tagged, now: Int64, _ work: @escaping @Sendable (inout [TagRecord]) throws -> Void
    ) async throws {
        switch tagged {
        case .bus(let key): try await changeBus(key, now: now) { try work(&$0.tags) }
        case .rule(let key): try await changeRule(key, now: now) { try work(&$0.tags) }
        }
    }
}

enum Tagging {
    /// Tags of the same keys are replaced.
    static func merged(
        _ present: [TagRecord], with given: [EventBridge.Tag], limit: Int
    ) throws(AWSError) -> [TagRecord] {
        guard !given.contains(where: { $0.key.lowercased().hasPrefix("aws:") }) else {
            throw EventsFailure.validation("Tag keys that begin with aws: are reserved.")
        }
        var tags = present
        for tag in given {
            let record = TagRecord(key: tag.key, value: tag.value)
            if let index = tags.firstIndex(where: { $0.key == tag.key }) {
                tags[index] = record
            } else {
                tags.append(record)
            }
        }
        guard tags.count <= limit else { throw EventsFailure.tooMany }
        return tags
    }

    /// The condition keys of a request that gives tags.
    static func context(_ tags: [EventBridge.Tag]) -> AccessContext {
        AccessContext(settingTags: tags.map { ($0.key, $0.value) })
    }
}
