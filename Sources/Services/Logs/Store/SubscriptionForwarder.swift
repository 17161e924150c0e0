import AWSWire
import Delivery
import Identity
import NIOCore
import Storage

/// Hands the events that subscription filters ask for to an outbox, in the transaction that stores them.
///
/// https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/SubscriptionFilters.html
struct SubscriptionForwarder: Sendable {
    /// AWS tries for a day.
    private static let policy = RetryPolicy(
        maximumAttempts: .max, maximumAge: 86_400_000, firstPause: 1_000, longestPause: 300_000)
    /// How many bytes of messages go into one document: what a function takes at a time, with room to spare.
    private static let bytes = 512 * 1024

    let outbox: Outbox

    /// There is something for these functions. Called after the commit.
    func wake(_ targets: Set<String>) {
        if !targets.isEmpty { outbox.wake(targets) }
    }

    /// - Returns: The functions that get something.
    func forward(
        _ events: [StoredEvent], of stream: StreamKey, to subscriptions: [SubscriptionRecord],
        on connection: any SQLConnection
    ) throws(StorageError) -> Set<String> {
        var targets: Set<String> = []
        for subscription in subscriptions {
            guard let pattern = try? FilterPattern(subscription.pattern) else { continue }
            let wanted = events.filter { pattern.isEmpty || pattern.matches(Array($0.message)) }
            for batch in Self.batches(wanted) {
                try outbox.add([Self.entry(batch, of: stream, subscription)], to: connection)
                targets.insert(subscription.destination)
            }
        }
        return targets
    }

    private static func batches(_ events: [StoredEvent]) -> [[StoredEvent]] {
        var batches: [[StoredEvent]] = []
        var size = 0
        for event in events {
            if batches.isEmpty || size + event.message.count > bytes {
                batches.append([])
                size = 0
            }
            batches[batches.count - 1].append(event)
            size += event.message.count + LogWriter.eventOverhead
        }
        return batches
    }

    private static func entry(_ events: [StoredEvent], of stream: StreamKey, _ subscription: SubscriptionRecord)
        -> OutboxEntry
    {
        let data = Base64.encode(Gzip.compress(Array(document(events, of: stream, subscription).readableBytesView)))
        var writer = JSONWriter()
        writer.beginObject()
        writer.name("awslogs")
        writer.beginObject()
        writer.name("data")
        writer.string(data)
        writer.endObject()
        writer.endObject()
        return OutboxEntry(
            Parcel(
                id: RequestID.make(), to: subscription.destination, from: stream.group.sender, writer.buffer),
            policy: policy)
    }

    /// https://docs.aws.amazon.com/lambda/latest/dg/services-cloudwatchlogs.html
    private static func document(
        _ events: [StoredEvent], of stream: StreamKey, _ subscription: SubscriptionRecord
    ) -> ByteBuffer {
        var writer = JSONWriter()
        writer.beginObject()
        for (name, value) in [
            ("messageType", "DATA_MESSAGE"), ("owner", stream.group.account), ("logGroup", stream.group.name),
            ("logStream", stream.name),
        ] {
            writer.name(name)
            writer.string(value)
        }
        writer.name("subscriptionFilters")
        writer.beginArray()
        writer.string(subscription.name)
        writer.endArray()
        writer.name("logEvents")
        writer.beginArray()
        for event in events {
            writer.beginObject()
            writer.name("id")
            writer.string(event.position.id)
            writer.name("timestamp")
            writer.int(Int(event.position.time))
            writer.name("message")
            writer.string(String(decoding: event.message, as: UTF8.self))
            writer.endObject()
        }
        writer.endArray()
        writer.endObject()
        return writer.buffer
    }
}

extension GroupKey {
    /// As whom the service sends a group's events. The functions' policies name the group with `:*`.
    var sender: ServiceCaller {
        ServiceCaller("logs.amazonaws.com", for: "\(arn):*", of: AccountID(account) ?? .standard)
    }
}
