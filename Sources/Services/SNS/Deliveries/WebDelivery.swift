import AWSWire
import Delivery
import NIOCore

/// How endpoints of the web are told: how often they are tried, and what a request says of its content.
///
/// https://docs.aws.amazon.com/sns/latest/dg/sns-message-delivery-retries.html#creating-delivery-policy
struct WebDelivery: Sendable, Hashable {
    struct Retries: Sendable, Hashable {
        /// Seconds.
        var minDelay = 20
        var maxDelay = 20
        var count = 3
        var maxDelayCount = 0
        var noDelayCount = 0
        var minDelayCount = 0
        var backoff = RetryPhases.Growth.linear
    }

    /// Why a text is no delivery policy.
    struct Refusal: Error, Sendable, Hashable {
        var reason: String
    }

    static let standardType = "text/plain; charset=UTF-8"
    /// For which all retries of a message may go on, in seconds.
    private static let longest = 3_600

    /// Nil where none were set.
    private(set) var given: Retries?
    /// The JSON that they were set by.
    private var givenText: String?
    private(set) var contentType: String?
    /// How many requests an endpoint gets in a second; nil: as many as there are.
    private(set) var rate: Int?
    /// Whether subscriptions may have their own.
    private(set) var isFinal = false

    var retries: Retries { given ?? Retries() }

    /// That of a topic; of none, or of one that cannot be read, the standard one.
    init(topic text: String?) {
        self.init()
        if let text, let read = try? WebDelivery(parsing: text, .topic) { self = read }
    }

    private init() {}

    /// That of a subscription with this policy.
    func overridden(by text: String?) -> WebDelivery {
        guard !isFinal, let text, let own = try? WebDelivery(parsing: text, .subscription) else { return self }
        var merged = self
        if let retries = own.given { merged.given = retries }
        if let type = own.contentType { merged.contentType = type }
        if let rate = own.rate { merged.rate = rate }
        return merged
    }

    var policy: RetryPolicy {
        let retries = retries
        let growing = retries.count - retries.noDelayCount - retries.minDelayCount - retries.maxDelayCount
        return RetryPolicy(
            maximumAttempts: retries.count + 1, maximumAge: Int64(Self.longest) * 1_000,
            firstPause: Int64(retries.minDelay) * 1_000, longestPause: Int64(retries.maxDelay) * 1_000,
            phases: RetryPhases(
                immediate: retries.noDelayCount, steady: retries.minDelayCount, growing: max(0, growing),
                growth: retries.backoff))
    }

    // MARK: Reading

    enum Place: Sendable {
        case topic, subscription
    }

    init(parsing text: String, _ place: Place) throws(Refusal) {
        guard let value = try? JSONValue(parsing: ByteBuffer(string: text)), value.kind == .object else {
            throw Refusal(reason: "DeliveryPolicy: failed to parse JSON.")
        }
        self.init()
        var names = ("healthyRetryPolicy", "throttlePolicy", "requestPolicy")
        var body: JSONValue? = value
        if place == .topic {
            names = ("defaultHealthyRetryPolicy", "defaultThrottlePolicy", "defaultRequestPolicy")
            body = value["http"]
            isFinal = body?["disableSubscriptionOverrides"]?.bool ?? false
        }
        guard let body else { return }
        if let limit = body[names.1]?["maxReceivesPerSecond"], !limit.isNull {
            guard let number = limit.int, number >= 1 else {
                throw Refusal(reason: "DeliveryPolicy: \(names.1).maxReceivesPerSecond must be 1 or more")
            }
            rate = number
        }
        if let retries = body[names.0], !retries.isNull {
            given = try Self.retries(retries)
            givenText = String(decoding: Array(text.utf8)[retries.byteRange], as: UTF8.self)
        }
        if let type = body[names.2]?["headerContentType"]?.string {
            guard Self.types.contains(type) else {
                throw Refusal(reason: "DeliveryPolicy: requestPolicy.headerContentType is not supported: \(type)")
            }
            contentType = type
        }
    }

    private static let types: Set<String> = [
        "application/atom+xml", "application/json", "application/octet-stream", "application/soap+xml",
        "application/x-www-form-urlencoded", "application/xhtml+xml", "application/xml", "text/css", "text/csv",
        "text/html", "text/plain", "text/plain; charset=UTF-8", "text/xml",
    ]

    private static func retries(_ value: JSONValue) throws(Refusal) -> Retries {
        guard value.kind == .object else {
            throw Refusal(reason: "DeliveryPolicy: healthyRetryPolicy must be an object")
        }
        var retries = Retries()
        func number(_ name: String, _ range: ClosedRange<Int>, _ standard: Int) throws(Refusal) -> Int {
            guard let member = value[name], !member.isNull else { return standard }
            guard let number = member.int, range.contains(number) else {
                let words = "must be between \(range.lowerBound) and \(range.upperBound)"
                throw Refusal(reason: "DeliveryPolicy: \(name) \(words)")
            }
            return number
        }
        retries.minDelay = try number("minDelayTarget", 1...longest, min(20, value["maxDelayTarget"]?.int ?? 20))
        retries.maxDelay = try number("maxDelayTarget", 1...longest, max(20, retries.minDelay))
        retries.count = try number("numRetries", 0...100, 3)
        retries.noDelayCount = try number("numNoDelayRetries", 0...100, 0)
        retries.minDelayCount = try number("numMinDelayRetries", 0...100, 0)
        retries.maxDelayCount = try number("numMaxDelayRetries", 0...100, 0)
        if let name = value["backoffFunction"], !name.isNull {
            guard let text = name.string, let function = RetryPhases.Growth(rawValue: text) else {
                throw Refusal(
                    reason: "DeliveryPolicy: backoffFunction must be arithmetic, exponential, geometric or linear")
            }
            retries.backoff = function
        }
        guard retries.minDelay <= retries.maxDelay else {
            throw Refusal(reason: "DeliveryPolicy: minDelayTarget must be less than or equal to maxDelayTarget")
        }
        guard retries.noDelayCount + retries.minDelayCount + retries.maxDelayCount <= retries.count else {
            throw Refusal(
                reason: "DeliveryPolicy: numRetries must be greater than or equal to the sum of numMinDelayRetries, "
                    + "numNoDelayRetries and numMaxDelayRetries")
        }
        return retries
    }
}

// MARK: As attributes show it

extension WebDelivery {
    /// `EffectiveDeliveryPolicy` of a topic, or `DeliveryPolicy`, which leaves out what was not set.
    func topicText(_ detail: Detail) -> String {
        var writer = JSONWriter()
        writer.beginObject()
        writer.name("http")
        writer.beginObject()
        if detail == .effective {
            writer.name("defaultHealthyRetryPolicy")
            Self.write(retries, to: &writer)
        } else if let givenText {
            writer.name("defaultHealthyRetryPolicy")
            writer.raw(ByteBuffer(string: givenText))
        }
        writer.name("disableSubscriptionOverrides")
        writer.bool(isFinal)
        if let rate {
            writer.name("defaultThrottlePolicy")
            Self.write(rate: rate, to: &writer)
        }
        if let type = detail == .effective ? contentType ?? Self.standardType : contentType {
            writer.name("defaultRequestPolicy")
            Self.write(type, to: &writer)
        }
        writer.endObject()
        writer.endObject()
        return String(buffer: writer.buffer)
    }

    /// The same of a subscription, where what was not set is null.
    func subscriptionText(_ detail: Detail) -> String {
        var writer = JSONWriter()
        writer.beginObject()
        writer.name("healthyRetryPolicy")
        if let retries = detail == .effective ? retries : given {
            Self.write(retries, to: &writer)
        } else {
            writer.null()
        }
        writer.name("sicklyRetryPolicy")
        writer.null()
        writer.name("throttlePolicy")
        if let rate { Self.write(rate: rate, to: &writer) } else { writer.null() }
        writer.name("requestPolicy")
        if let type = detail == .effective ? contentType ?? Self.standardType : contentType {
            Self.write(type, to: &writer)
        } else {
            writer.null()
        }
        writer.name("guaranteed")
        writer.bool(false)
        writer.endObject()
        return String(buffer: writer.buffer)
    }

    enum Detail {
        case given, effective
    }

    private static func write(_ type: String, to writer: inout JSONWriter) {
        writer.beginObject()
        writer.name("headerContentType")
        writer.string(type)
        writer.endObject()
    }

    private static func write(rate: Int, to writer: inout JSONWriter) {
        writer.beginObject()
        writer.name("maxReceivesPerSecond")
        writer.int(rate)
        writer.endObject()
    }

    private static func write(_ retries: Retries, to writer: inout JSONWriter) {
        writer.beginObject()
        let numbers = [
            ("minDelayTarget", retries.minDelay), ("maxDelayTarget", retries.maxDelay), ("numRetries", retries.count),
            ("numMaxDelayRetries", retries.maxDelayCount), ("numNoDelayRetries", retries.noDelayCount),
            ("numMinDelayRetries", retries.minDelayCount),
        ]
        for (name, number) in numbers {
            writer.name(name)
            writer.int(number)
        }
        writer.name("backoffFunction")
        writer.string(retries.backoff.rawValue)
        writer.endObject()
    }
}
