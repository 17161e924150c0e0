import AWSWire
import Delivery
import Identity
import NIOCore

/// Puts notices into parcels for a subscription's endpoint.
struct Addressing: Sendable {
    var subscription: LiveSubscription
    /// On its way since an earlier hop; see ``Parcel/trace``.
    var trace: String?

    private var record: SubscriptionRecord { subscription.record }

    /// A message, or a question, for the endpoint.
    ///
    /// - Parameters:
    ///   - group: Of a message to a FIFO topic or one that has a group all the same.
    func entry(_ notice: Notice, group: String? = nil, deduplicationID: String? = nil) -> OutboxEntry {
        let isRaw = record.isRaw && notice.kind == .notification
        var parcel = Parcel(
            id: RequestID.make(), to: target, from: sender, isRaw ? ByteBuffer(string: notice.text) : notice.envelope)
        parcel.trace = trace
        // Standard queues are told the groups of standard topics alone.
        if record.endpoint.hasSuffix(".fifo") || !subscription.id.topic.isFIFO { parcel.group = group }
        if record.endpoint.hasSuffix(".fifo") { parcel.deduplicationID = deduplicationID }
        var deadBody: ByteBuffer?
        switch record.delivery {
        case "lambda":
            deadBody = parcel.body
            parcel.body = notice.event(subscription: subscription.id.arn)
        case "http", "https": parcel.attributes = headers(notice, isRaw: isRaw)
        case "email":
            deadBody = parcel.body
            parcel.body = ByteBuffer(string: letter(notice))
            parcel.attributes = mailHeaders(notice, type: "text/plain; charset=UTF-8")
        case "email-json": parcel.attributes = mailHeaders(notice, type: "application/json; charset=UTF-8")
        default: if isRaw { parcel.attributes = notice.attributes }
        }
        guard notice.kind == .notification else {
            return OutboxEntry(parcel, policy: policy, owner: DeadLetters.nameForQuestions)
        }
        return OutboxEntry(
            parcel, policy: policy, owner: DeadLetters.name,
            note: DeadLetters.note(queue: subscription.deadLetters, body: deadBody))
    }

    private var target: String { record.isMail ? "mailto:\(record.endpoint)" : record.endpoint }

    private var sender: ServiceCaller {
        let topic = subscription.id.topic
        return ServiceCaller(
            "sns.amazonaws.com", for: topic.arn, of: AccountID(topic.account) ?? .standard)
    }

    private var policy: RetryPolicy {
        if record.isWeb { return subscription.web.policy }
        return record.isMail ? .customerEndpoint : .managedEndpoint
    }

    // MARK: The web

    /// https://docs.aws.amazon.com/sns/latest/dg/http-header.html
    private func headers(_ notice: Notice, isRaw: Bool) -> [String: Parcel.Attribute] {
        let type = notice.kind == .notification ? subscription.web.contentType : nil
        var headers = [
            "Accept-Encoding": "gzip,deflate", "Connection": "Keep-Alive",
            "Content-Type": type ?? WebDelivery.standardType,
            "User-Agent": "Amazon Simple Notification Service Agent", "x-amz-sns-message-id": notice.messageID,
            "x-amz-sns-message-type": notice.kind.name, "x-amz-sns-topic-arn": notice.topic,
        ]
        if notice.kind != .subscriptionConfirmation {
            headers["x-amz-sns-subscription-arn"] = subscription.id.arn
        }
        if isRaw { headers["x-amz-sns-rawdelivery"] = "true" }
        return headers.mapValues { Parcel.Attribute(.text($0)) }
    }

    // MARK: Mail

    private func mailHeaders(_ notice: Notice, type: String) -> [String: Parcel.Attribute] {
        let subject =
            switch notice.kind {
            case .notification: notice.subject ?? "AWS Notification Message"
            case .subscriptionConfirmation: "AWS Notification - Subscription Confirmation"
            case .unsubscribeConfirmation: "AWS Notification - Unsubscribe Confirmation"
            }
        return ["Content-Type": Parcel.Attribute(.text(type)), "Subject": Parcel.Attribute(.text(subject))]
    }

    private func letter(_ notice: Notice) -> String {
        switch notice.kind {
        case .notification:
            "\(notice.text)\n\n--\nTo get no more messages of this topic:\n\(notice.unsubscribeURL ?? "")\n"
        case .subscriptionConfirmation, .unsubscribeConfirmation:
            "\(notice.text)\n\n\(notice.subscribeURL ?? "")\n"
        }
    }
}
