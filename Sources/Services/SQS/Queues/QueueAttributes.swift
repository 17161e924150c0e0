import AWSWire
import NIOCore
import Policies
import SQSModel

/// The attributes of a queue that can be set. Spans are in seconds.
struct QueueAttributes: Sendable, Hashable {
    enum Kind: Sendable, Hashable {
        case standard
        case fifo
    }

    var kind = Kind.standard
    var delay = 0
    var maximumMessageSize = 1_048_576
    var retention = 345_600
    var wait = 0
    var visibilityTimeout = 30
    /// The text of a policy.
    var policy: String?
    var redrive: RedrivePolicy?
    var redriveAllow: RedriveAllowPolicy?
    // Of FIFO queues:
    var deduplicatesByContent = false
    var deduplicatesByGroup = false
    var limitsThroughputByGroup = false
    // Kept and shown:
    var isManagedSSE = true
    var kmsKey: String?
    var kmsReuse: Int?

    init() {}

    /// What CreateQueue makes of what it is given.
    ///
    /// - Throws: `InvalidAttributeName`, `InvalidAttributeValue`, `InvalidParameterValue`, `OverLimit`.
    init(creating values: [String: String]) throws(AWSError) {
        switch values["FifoQueue"]?.lowercased() {
        case nil: break
        case "true": kind = .fifo
        // As recorded in test_create_standard_queue_with_fifo_attribute_raises_error.
        case "false": throw .unknownAttribute("FifoQueue")
        default: throw .invalidAttribute("FifoQueue")
        }
        var rest = values
        rest["FifoQueue"] = nil
        try set(rest)
    }

    // MARK: Setting

    /// Sets them in the order of their names.
    ///
    /// - Throws: as ``init(creating:)``.
    mutating func set(_ values: [String: String]) throws(AWSError) {
        if values["KmsMasterKeyId"].map({ !$0.isEmpty }) == true, values["SqsManagedSseEnabled"]?.lowercased() == "true"
        {
            throw SQSError.invalidAttributeName(
                message: "You can use one type of server-side encryption (SSE) at one time. You can either enable KMS "
                    + "SSE or SQS SSE.")
        }
        for (name, value) in values.sorted(by: { $0.key < $1.key }) { try set(name, value) }
        if limitsThroughputByGroup, !deduplicatesByGroup {
            throw .invalidAttribute(
                "FifoThroughputLimit", "perMessageGroupId needs DeduplicationScope to be messageGroup.")
        }
    }

    private mutating func set(_ name: String, _ value: String) throws(AWSError) {
        switch name {
        case "DelaySeconds": delay = try number(name, value, 0...900)
        case "MaximumMessageSize": maximumMessageSize = try number(name, value, 1024...1_048_576)
        case "MessageRetentionPeriod": retention = try number(name, value, 60...1_209_600)
        case "ReceiveMessageWaitTimeSeconds": wait = try number(name, value, 0...20)
        case "VisibilityTimeout": visibilityTimeout = try number(name, value, 0...43_200)
        case "Policy": policy = try Self.policy(value)
        case "RedrivePolicy": redrive = value.isEmpty ? nil : try RedrivePolicy(value)
        case "RedriveAllowPolicy": redriveAllow = value.isEmpty ? nil : try RedriveAllowPolicy(value)
        case "SqsManagedSseEnabled":
            isManagedSSE = try flag(name, value)
            if isManagedSSE { (kmsKey, kmsReuse) = (nil, nil) }
        case "KmsMasterKeyId":
            kmsKey = value.isEmpty ? nil : value
            if kmsKey != nil { isManagedSSE = false }
        case "KmsDataKeyReusePeriodSeconds":
            let seconds = try number(name, value, 60...86_400)
            kmsReuse = seconds == 300 ? nil : seconds
        case "FifoQueue", "ContentBasedDeduplication", "DeduplicationScope", "FifoThroughputLimit":
            try setFIFO(name, value)
        default: throw .unknownAttribute(name)
        }
    }

    private mutating func setFIFO(_ name: String, _ value: String) throws(AWSError) {
        guard kind == .fifo else {
            guard name == "DeduplicationScope" || name == "FifoThroughputLimit" else { throw .unknownAttribute(name) }
            throw SQSError.invalidAttributeName(
                message: "You can specify the \(name) only when FifoQueue is set to true.")
        }
        switch name {
        case "FifoQueue":
            guard value.lowercased() == "true" else {
                throw .invalidAttribute(name, "Modifying queue type is not supported.")
            }
        case "ContentBasedDeduplication": deduplicatesByContent = try flag(name, value)
        case "DeduplicationScope": deduplicatesByGroup = try choice(name, value, "queue", "messageGroup")
        default: limitsThroughputByGroup = try choice(name, value, "perQueue", "perMessageGroupId")
        }
    }

    private func number(_ name: String, _ value: String, _ range: ClosedRange<Int>) throws(AWSError) -> Int {
        guard let number = Int(value), range.contains(number) else { throw .invalidAttribute(name) }
        return number
    }

    private func flag(_ name: String, _ value: String) throws(AWSError) -> Bool {
        switch value.lowercased() {
        case "true": true
        case "false": false
        default: throw .invalidAttribute(name)
        }
    }

    /// Which of two, whether the latter.
    private func choice(_ name: String, _ value: String, _ one: String, _ other: String) throws(AWSError) -> Bool {
        guard value == one || value == other else { throw .invalidAttribute(name) }
        return value == other
    }

    /// The text without what white space it has; nil for none.
    private static func policy(_ text: String) throws(AWSError) -> String? {
        guard !text.isEmpty else { return nil }
        let buffer = ByteBuffer(string: text)
        guard let document = try? PolicyDocument(validating: buffer, as: .resource), !document.statements.isEmpty,
            let value = try? JSONValue(parsing: buffer)
        else { throw .invalidAttribute("Policy") }
        try QueuePermission.checkLimits(document)
        var writer = JSONWriter()
        writer.write(value)
        return String(buffer: writer.buffer)
    }
}

// MARK: Showing

extension QueueAttributes {
    /// As GetQueueAttributes shows them, and as they are kept.
    var shown: [String: String] {
        var values = [
            "DelaySeconds": String(delay), "MaximumMessageSize": String(maximumMessageSize),
            "MessageRetentionPeriod": String(retention), "ReceiveMessageWaitTimeSeconds": String(wait),
            "VisibilityTimeout": String(visibilityTimeout), "SqsManagedSseEnabled": isManagedSSE ? "true" : "false",
        ]
        values["Policy"] = policy
        values["RedrivePolicy"] = redrive?.text
        values["RedriveAllowPolicy"] = redriveAllow?.text
        values["KmsMasterKeyId"] = kmsKey
        if kmsKey != nil || kmsReuse != nil { values["KmsDataKeyReusePeriodSeconds"] = String(kmsReuse ?? 300) }
        guard kind == .fifo else { return values }
        values["FifoQueue"] = "true"
        values["ContentBasedDeduplication"] = deduplicatesByContent ? "true" : "false"
        values["DeduplicationScope"] = deduplicatesByGroup ? "messageGroup" : "queue"
        values["FifoThroughputLimit"] = limitsThroughputByGroup ? "perMessageGroupId" : "perQueue"
        return values
    }

    /// The name of the first of those values that are not what is set; nil where all are.
    ///
    /// - Throws: as ``init(creating:)``.
    func difference(_ values: [String: String]) throws(AWSError) -> String? {
        for name in values.keys.sorted() {
            var one: [String: String] = [name: values[name] ?? ""]
            if kind == .fifo, name == "FifoThroughputLimit" { one["DeduplicationScope"] = shown["DeduplicationScope"] }
            var other = self
            if name == "FifoQueue", kind == .standard { return name }
            try other.set(one)
            if other != self { return name }
        }
        return nil
    }
}

extension JSONWriter {
    mutating func write(_ texts: [String: String]) {
        beginObject()
        for (name, text) in texts.sorted(by: { $0.key < $1.key }) {
            self.name(name)
            string(text)
        }
        endObject()
    }
}

extension [String: String] {
    /// The texts of a JSON object.
    init(json text: String) {
        let value = try? JSONValue(parsing: ByteBuffer(string: text))
        let pairs = (value?.members ?? []).map { ($0.name, $0.value.string ?? "") }
        self.init(pairs, uniquingKeysWith: { first, _ in first })
    }

    var json: String {
        var writer = JSONWriter()
        writer.write(self)
        return String(buffer: writer.buffer)
    }
}
