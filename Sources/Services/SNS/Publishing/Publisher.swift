import AWSWire
import Delivery
import NIOCore
import Storage

/// Takes messages in: what a topic's subscriptions are to get is in the outbox, on disk, when it says so.
struct Publisher: Sendable {
    /// What a message was accepted as.
    struct Receipt: Sendable, Hashable {
        var messageID: String
        var sequence: String?
    }

    let database: any Database
    let outbox: Outbox
    let signer: MessageSigner
    let quotas: SNSQuotas
    /// Milliseconds since 1970.
    let clock: @Sendable () -> Int64

    /// - Parameters:
    ///   - endpoint: Where the URLs of the messages lead.
    ///   - trace: What ``Parcel/trace`` is to be.
    /// - Returns: One receipt for each message, in their order.
    func publish(_ messages: [Message], to topic: LiveTopic, endpoint: String, trace: String?) async throws -> [Receipt]
    {
        let wanted = messages.map { message in
            var seen = FilteredMessage(message)
            return topic.subscriptions.filter { $0.filter?.matches(&seen, for: $0.record.delivery) ?? true }
        }
        if !topic.id.isFIFO {
            var entries: [OutboxEntry] = []
            for (message, subscriptions) in zip(messages, wanted) {
                var signatures = Signatures(signer, topic: topic, endpoint: endpoint)
                for subscription in subscriptions {
                    var notice = notice(message, topic, subscription, endpoint)
                    if subscription.isEnveloped { notice.signature = try await signatures.signature(of: notice) }
                    let addressing = Addressing(subscription: subscription, trace: trace)
                    entries.append(addressing.entry(notice, group: message.group))
                }
            }
            try await accept(entries)
            for (message, wanted) in zip(messages, wanted) { count(message, wanted, topic) }
            return messages.map { Receipt(messageID: $0.id) }
        }
        let (receipts, entries) = try await database.write { connection in
            let accepted = try acceptInOrder(messages, wanted, topic, endpoint, trace, SNSTable(connection))
            try outbox.add(accepted.1, to: connection)
            return accepted
        }
        outbox.wake(entries.map(\.parcel.target))
        // What repeats another is that other.
        for (index, receipt) in receipts.enumerated() where receipt.messageID == messages[index].id {
            count(messages[index], wanted[index], topic)
        }
        return receipts
    }

    /// Counts a message that was accepted, and whom it was kept back from.
    private func count(_ message: Message, _ wanted: [LiveSubscription], _ topic: LiveTopic) {
        let now = clock()
        topic.meters.published(size: message.size, at: now)
        guard wanted.count < topic.subscriptions.count else { return }
        let served = Set(wanted.map(\.id))
        for subscription in topic.subscriptions where !served.contains(subscription.id) {
            guard let filter = subscription.filter else { continue }
            topic.meters.filteredOut(by: filter.scope, hasAttributes: !message.attributes.isEmpty, at: now)
        }
    }

    private func accept(_ entries: [OutboxEntry]) async throws {
        guard !entries.isEmpty else { return }
        try await database.write { [outbox] in try outbox.add(entries, to: $0) }
        outbox.wake(entries.map(\.parcel.target))
    }

    /// Numbers the messages of a FIFO topic, but for those that are there already.
    private func acceptInOrder(
        _ messages: [Message], _ wanted: [[LiveSubscription]], _ topic: LiveTopic, _ endpoint: String, _ trace: String?,
        _ table: SNSTable
    ) throws -> ([Receipt], [OutboxEntry]) {
        let now = clock()
        try table.forgetDuplicates(of: topic.id, now: now)
        var receipts: [Receipt] = []
        var entries: [OutboxEntry] = []
        for (index, var message) in messages.enumerated() {
            let scope = topic.record.isDeduplicatedByGroup ? message.group ?? "" : ""
            let id = message.deduplicationID ?? message.id
            if let known = try table.duplicate(id, in: scope, of: topic.id, now: now) {
                receipts.append(Receipt(messageID: known.message, sequence: Message.sequence(known.sequence)))
                continue
            }
            let number = try table.nextSequence(of: topic.id)
            try table.note(
                id, in: scope, of: topic.id, message: message.id, sequence: number,
                expires: now + quotas.deduplicationTime)
            message.sequence = Message.sequence(number)
            receipts.append(Receipt(messageID: message.id, sequence: message.sequence))
            for subscription in wanted[index] {
                let addressing = Addressing(subscription: subscription, trace: trace)
                entries.append(
                    addressing.entry(
                        notice(message, topic, subscription, endpoint), group: message.group,
                        deduplicationID: message.deduplicationID))
            }
        }
        return (receipts, entries)
    }

    private func notice(
        _ message: Message, _ topic: LiveTopic, _ subscription: LiveSubscription, _ endpoint: String
    ) -> Notice {
        Notice(
            kind: .notification, messageID: message.id, topic: topic.id.arn, subject: message.subject,
            text: message.text(for: subscription.record.delivery), timestamp: message.timestamp,
            sequence: message.sequence,
            unsubscribeURL: "\(endpoint)/?Action=Unsubscribe&SubscriptionArn=\(subscription.id.arn)",
            attributes: message.attributes)
    }
}

extension LiveSubscription {
    /// Whether a message goes out in a document that is signed.
    fileprivate var isEnveloped: Bool { !record.isRaw || record.delivery == "lambda" || record.isMail }
}

/// The signatures of one message: subscriptions that get the same text share one.
struct Signatures {
    private let signer: MessageSigner
    private let version: String
    private let endpoint: String
    private var made: [String: Notice.Signature] = [:]

    init(_ signer: MessageSigner, topic: LiveTopic, endpoint: String) {
        self.signer = signer
        self.endpoint = endpoint
        version = topic.record.attributes["SignatureVersion"] ?? "1"
    }

    mutating func signature(of notice: Notice) async throws -> Notice.Signature {
        let text = notice.signedText
        if let known = made[text] { return known }
        let key = try await signer.key()
        let signature = Notice.Signature(
            version: version, text: try key.signature(of: text, version: version),
            certificateURL: endpoint + SNSService.certificatePath(key))
        made[text] = signature
        return signature
    }
}
