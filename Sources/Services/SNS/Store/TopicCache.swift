import Metrics
import NIOCore
import Policies
import Storage

/// A topic as publishing needs it.
final class LiveTopic: Sendable {
    let id: TopicID
    let record: TopicRecord
    /// Nil: the one that a topic has when nobody gave it one.
    let policy: CompiledPolicy?
    /// Those that are confirmed.
    let subscriptions: [LiveSubscription]
    /// Of endpoints of the web that get only so many messages in a second: how many, and which subscription says so.
    let paces: [String: (subscription: String, rate: Int)]
    let meters: TopicMeters

    init(_ id: TopicID, _ record: TopicRecord, _ subscriptions: [StoredSubscription], meters: Meters) {
        self.meters = TopicMeters(id, meters: meters)
        self.id = id
        self.record = record
        policy = record.attributes["Policy"].flatMap { text in
            (try? PolicyDocument(parsing: ByteBuffer(string: text))).map { CompiledPolicy($0) }
        }
        let web = WebDelivery(topic: record.attributes["DeliveryPolicy"])
        let live = subscriptions.map { LiveSubscription($0, web) }
        self.subscriptions = live
        let paced = live.compactMap { subscription in
            subscription.web.rate.map { (subscription.record.endpoint, (subscription.id.arn, $0)) }
        }
        paces = Dictionary(paced) { first, _ in first }
    }
}

/// A subscription, its filter and its delivery policy made ready.
struct LiveSubscription: Sendable {
    let id: SubscriptionID
    let record: SubscriptionRecord
    let filter: FilterPolicy?
    /// Of endpoints of the web; that of the topic, where the subscription may not or does not say.
    let web: WebDelivery
    /// The queue of what does not arrive.
    let deadLetters: String?

    init(_ stored: StoredSubscription, _ topic: WebDelivery) {
        id = stored.id
        record = stored.record
        let attributes = stored.record.attributes
        let scope = FilterPolicy.Scope(rawValue: attributes["FilterPolicyScope"] ?? "") ?? .messageAttributes
        filter = attributes["FilterPolicy"].flatMap { try? FilterPolicy($0, scope: scope) }
        web = topic.overridden(by: attributes["DeliveryPolicy"])
        deadLetters = attributes["RedrivePolicy"].flatMap(RedrivePolicy.init).map(\.queue)
    }
}

typealias TopicCache = StoreCache<TopicID, LiveTopic>

extension TopicCache {
    convenience init(database: any Database, meters: Meters) {
        self.init { id in
            try await database.read { connection in
                let table = SNSTable(connection)
                guard let record = try table.topic(id) else { return nil }
                return LiveTopic(id, record, try table.confirmed(id), meters: meters)
            }
        }
    }

    /// - Returns: nil when there is no such topic.
    func topic(_ id: TopicID) async throws -> LiveTopic? { try await value(id) }
}
