import AWSWire
import Delivery
import Identity
import NIOCore

/// A target, and how it gets a rule's events.
struct LiveTarget: Sendable {
    private enum Input: Sendable {
        case event
        case constant(ByteBuffer)
        case path(EventPath)
        case template(InputTemplate, [String: EventPath])
    }

    let record: TargetRecord
    private let isBus: Bool
    /// As which it is reached; nil: the target's policy lets EventBridge itself in.
    private let role: String?
    private let input: Input

    /// - Parameter roleOfRule: For targets that need one and name none, which are buses.
    init(_ record: TargetRecord, roleOfRule: String?) {
        self.record = record
        let isBus = BusKey(arn: record.arn) != nil
        self.isBus = isBus
        role = record.role ?? (isBus ? roleOfRule : nil)
        if let transformer = record.transformer {
            let paths = (transformer.paths ?? [:]).compactMapValues { EventPath($0) }
            input = .template(InputTemplate(transformer.template), paths)
        } else if let constant = record.input {
            input = .constant(ByteBuffer(string: constant))
        } else if let path = record.inputPath.flatMap({ EventPath($0) }) {
            input = .path(path)
        } else {
            input = .event
        }
    }

    /// What becomes of an event for a target.
    enum Invocation {
        /// What goes to the outbox.
        case made(OutboxEntry)
        /// The transformer makes nothing that a target takes: that is for its dead letters, if there are any.
        case failed(letter: OutboxEntry?)
    }

    func invocation(_ event: Event, of rule: RuleKey) -> Invocation {
        let sender = ServiceCaller(
            EventsService.principal, for: rule.arn, of: AccountID(rule.bus.account) ?? .standard, as: role)
        var letter = DeadLetter(
            queue: record.deadLetters, rule: rule.arn, maximumAttempts: policy.maximumAttempts, event: nil)
        guard let body = body(event, rule) else {
            let failure = DeliveryFailure(
                code: DeliveryFailure.invalidJSON,
                message: "The input transformer made no valid JSON, or too much.", isFinal: true)
            return .failed(letter: letter.entry(event.json, to: record.arn, from: sender, failure, attempts: 0))
        }
        var parcel = Parcel(id: RequestID.make(), to: record.arn, from: sender, body)
        parcel.trace = event.trace
        parcel.group = record.group
        if isBus { parcel.attributes[BusTarget.hops] = Parcel.Attribute(type: "Number", .text("\(event.hops + 1)")) }
        if case .event = input {} else if record.deadLetters != nil { letter.event = String(buffer: event.json) }
        return .made(OutboxEntry(parcel, policy: policy, owner: DeadLetters.name, note: letter.note))
    }

    /// https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-rule-retry-policy.html
    private var policy: RetryPolicy {
        RetryPolicy(
            maximumAttempts: (record.retries?.attempts ?? 185) + 1,
            maximumAge: Int64(record.retries?.age ?? 86_400) * 1_000)
    }

    private func body(_ event: Event, _ rule: RuleKey) -> ByteBuffer? {
        switch input {
        case .event: return event.json
        case .constant(let constant): return constant
        case .path(let path):
            var writer = JSONWriter()
            if let value = path.value(in: event.value) { writer.write(value) } else { writer.null() }
            return writer.buffer
        case .template(let template, let paths):
            return template.filled(paths, with: event, of: InputTemplate.Rule(arn: rule.arn, name: rule.name))
        }
    }
}
