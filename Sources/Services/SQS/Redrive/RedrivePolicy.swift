import AWSWire
import NIOCore

/// Where messages go that were received too often.
struct RedrivePolicy: Sendable, Hashable {
    /// The ARN of the dead-letter queue.
    var target: String
    /// 1 to 1,000.
    var maxReceives: Int

    /// Reads `{"deadLetterTargetArn":…,"maxReceiveCount":…}`; the count may be a string.
    ///
    /// - Throws: `InvalidParameterValue`.
    init(_ text: String) throws(AWSError) {
        func invalid(_ reason: String) -> AWSError { .invalidParameter("RedrivePolicy", text, reason) }
        guard let value = try? JSONValue(parsing: ByteBuffer(string: text)), value.kind == .object else {
            throw invalid("Redrive policy is not a valid JSON map.")
        }
        guard let target = value["deadLetterTargetArn"] else {
            throw invalid("Redrive policy does not contain mandatory attribute: deadLetterTargetArn.")
        }
        guard let count = value["maxReceiveCount"] else {
            throw invalid("Redrive policy does not contain mandatory attribute: maxReceiveCount.")
        }
        let shown = count.string ?? count.numberText ?? "null"
        guard let number = Int(shown), (1...1000).contains(number) else {
            throw invalid(
                "Invalid value for maxReceiveCount: \(shown), valid values are from 1 to 1000 both inclusive.")
        }
        guard let arn = target.string, QueueKey(arn: arn) != nil else {
            throw invalid("Invalid value for deadLetterTargetArn.")
        }
        self.target = arn
        maxReceives = number
    }

    var text: String {
        var writer = JSONWriter()
        writer.beginObject()
        writer.name("deadLetterTargetArn")
        writer.string(target)
        writer.name("maxReceiveCount")
        writer.int(maxReceives)
        writer.endObject()
        return String(buffer: writer.buffer)
    }
}

/// Which queues may use this one for their dead letters.
struct RedriveAllowPolicy: Sendable, Hashable {
    enum Permission: String, Sendable, Hashable {
        case all = "allowAll"
        case none = "denyAll"
        case some = "byQueue"
    }

    private static let sourceLimit = 10

    var permission: Permission
    /// ARNs; of `byQueue` only.
    var sources: [String]

    /// Reads `{"redrivePermission":…,"sourceQueueArns":[…]}`.
    ///
    /// - Throws: `InvalidParameterValue`.
    init(_ text: String) throws(AWSError) {
        func invalid(_ reason: String) -> AWSError { .invalidParameter("RedriveAllowPolicy", text, reason) }
        guard let value = try? JSONValue(parsing: ByteBuffer(string: text)), value.kind == .object else {
            throw invalid("Redrive allow policy is not a valid JSON map.")
        }
        guard let permission = value["redrivePermission"]?.string.flatMap(Permission.init(rawValue:)) else {
            throw invalid("redrivePermission must be one of allowAll, denyAll or byQueue.")
        }
        let sources = value["sourceQueueArns"].map { $0.elements.map { $0.string ?? "" } } ?? []
        switch permission {
        case .some where sources.isEmpty || sources.count > Self.sourceLimit:
            throw invalid("byQueue needs from 1 to \(Self.sourceLimit) sourceQueueArns.")
        case .all where !sources.isEmpty, .none where !sources.isEmpty:
            throw invalid("sourceQueueArns can only be given with byQueue.")
        default: break
        }
        guard sources.allSatisfy({ QueueKey(arn: $0) != nil }) else {
            throw invalid("sourceQueueArns must be the ARNs of queues.")
        }
        self.permission = permission
        self.sources = sources
    }

    func allows(_ source: QueueKey) -> Bool {
        switch permission {
        case .all: true
        case .none: false
        case .some: sources.contains(source.arn)
        }
    }

    var text: String {
        var writer = JSONWriter()
        writer.beginObject()
        writer.name("redrivePermission")
        writer.string(permission.rawValue)
        if permission == .some {
            writer.name("sourceQueueArns")
            writer.beginArray()
            for source in sources { writer.string(source) }
            writer.endArray()
        }
        writer.endObject()
        return String(buffer: writer.buffer)
    }
}
