import AWSWire
import SQSModel

/// What SQS demands of a message before it takes it.
///
/// https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html
enum MessageRules {
    private static let nameLimit = 256
    private static let invalidCharacters =
        "Invalid characters found. Valid unicode characters are #x9 | #xA | #xD | #x20 to #xD7FF | #xE000 to #xFFFD | "
        + "#x10000 to #x10FFFF"

    /// - Parameter requestTrace: As ``kept(_:)`` says.
    /// - Throws: `MissingParameter`, `InvalidMessageContents`, `InvalidParameterValue`.
    static func content(
        body: String, attributes: [String: SQS.MessageAttributeValue]?,
        system: [String: SQS.MessageSystemAttributeValue]?, requestTrace: String?, quotas: SQSQuotas
    ) throws(AWSError) -> MessageContent {
        guard !body.isEmpty else { throw .missingParameter("MessageBody") }
        guard isPrintable(body) else { throw SQSError.invalidMessageContents(message: invalidCharacters) }
        var content = MessageContent(body: body)
        let attributes = attributes ?? [:]
        guard attributes.count <= quotas.attributesOfMessage else {
            throw .invalidParameter(
                "Number of message attributes [\(attributes.count)] exceeds the allowed maximum "
                    + "[\(quotas.attributesOfMessage)].")
        }
        for (name, value) in attributes.sorted(by: { $0.key < $1.key }) {
            content.attributes[name] = try attribute(name, value)
        }
        content.trace = try trace(system ?? [:])
        content.requestTrace = requestTrace
        return content
    }

    /// The trace of a request that sends messages, as far as it is kept: SDKs inside functions send theirs with each.
    ///
    /// - Parameter header: `X-Amzn-Trace-Id`.
    static func kept(_ header: String?) -> String? {
        guard let header else { return nil }
        return header.utf8.count <= 1_024 && header.contains("Root=") && isPrintable(header) ? header : nil
    }

    // MARK: Attributes

    private static func attribute(_ name: String, _ value: SQS.MessageAttributeValue) throws(AWSError)
        -> MessageAttribute
    {
        try check(name: name)
        guard value.stringListValues == nil, value.binaryListValues == nil else {
            throw SQSError.unsupportedOperation(
                message: "Message attribute list values in SendMessage operation are not supported.")
        }
        let kind = value.dataType.prefix { $0 != "." }
        guard kind == "String" || kind == "Number" || kind == "Binary" else {
            throw .invalidParameter(
                "The type of message (user) attribute '\(name)' is invalid. You must use only the following supported "
                    + "type prefixes: Binary, Number, String.")
        }
        guard value.dataType.utf8.count <= nameLimit, isPrintable(value.dataType) else {
            throw .invalidParameter("Message (user) attribute types must be shorter than 256 Bytes")
        }
        return MessageAttribute(type: value.dataType, value: try content(name, kind, value))
    }

    private static func content(
        _ name: String, _ kind: Substring, _ value: SQS.MessageAttributeValue
    ) throws(AWSError) -> MessageAttribute.Value {
        if kind == "Binary" {
            guard let bytes = value.binaryValue, !bytes.isEmpty else { throw empty(name, kind) }
            return .binary(bytes)
        }
        guard let text = value.stringValue, !text.isEmpty else { throw empty(name, kind) }
        guard isPrintable(text) else { throw .invalidParameter(invalidCharacters) }
        guard kind != "Number" || Double(text).map({ $0.isFinite }) == true else {
            throw .invalidParameter("Can't cast the value of message (user) attribute '\(name)' to a number.")
        }
        return .text(text)
    }

    /// As recorded in test_send_message_with_empty_string_attribute.
    private static func empty(_ name: String, _ kind: Substring) -> AWSError {
        .invalidParameter("Message (user) attribute '\(name)' must contain a non-empty value of type '\(kind)'.")
    }

    private static func check(name: String) throws(AWSError) {
        guard !name.isEmpty, name.utf8.count <= nameLimit else {
            throw .invalidParameter("Message (user) attribute names must be shorter than 256 Bytes")
        }
        // Letters beyond ASCII are taken, as test_send_message_with_invalid_string_attributes shows.
        let isAllowed = name.unicodeScalars.allSatisfy {
            $0.properties.isAlphabetic || ("0"..."9").contains($0) || $0 == "_" || $0 == "-" || $0 == "."
        }
        guard isAllowed else {
            throw .invalidParameter(
                "Message (user) attributes name can only contain upper and lower score characters, digits, periods, "
                    + "hyphens and underscores. ")
        }
        let lower = name.lowercased()
        guard !lower.hasPrefix("aws."), !lower.hasPrefix("amazon."), !lower.hasPrefix("."), !lower.hasSuffix("."),
            !lower.contains("..")
        else {
            throw .invalidParameter(
                "You can't use message attribute names beginning with 'AWS.' or 'Amazon.'. These strings are reserved "
                    + "for internal use. Additionally, they cannot start or end with '.'.")
        }
    }

    private static func trace(_ system: [String: SQS.MessageSystemAttributeValue]) throws(AWSError) -> String? {
        for (name, value) in system.sorted(by: { $0.key < $1.key }) {
            guard name == "AWSTraceHeader" else {
                throw .invalidParameter("Message system attribute name '\(name)' is invalid.")
            }
            guard value.dataType == "String", let text = value.stringValue, !text.isEmpty, isPrintable(text) else {
                throw .invalidParameter(
                    "Message (system) attribute '\(name)' must contain a non-empty value of type 'String'.")
            }
        }
        return system["AWSTraceHeader"]?.stringValue
    }

    // MARK: Sizes and ids

    /// In the words of recordings: a message alone, and one of a batch.
    static func check(size: Int, limit: Int, inBatch: Bool) throws(AWSError) {
        guard size > limit else { return }
        let verb = inBatch ? "cannot be validated" : "are invalid"
        throw .invalidParameter(
            "One or more parameters \(verb). Reason: Message must be shorter than \(limit) bytes.")
    }

    /// A group's or a deduplication id, where there is one.
    static func check(_ id: String?, _ parameter: String) throws(AWSError) {
        guard let id else { return }
        guard (1...128).contains(id.utf8.count), id.utf8.allSatisfy({ (0x21...0x7E).contains($0) }) else {
            throw .invalidParameter(
                parameter, id,
                "\(parameter) can only include alphanumeric and punctuation characters. 1 to 128 in length.")
        }
    }

    static func isPrintable(_ text: String) -> Bool {
        text.unicodeScalars.allSatisfy { scalar in
            switch scalar.value {
            case 0x9, 0xA, 0xD, 0x20...0xD7FF, 0xE000...0xFFFD, 0x10000...0x10FFFF: true
            default: false
            }
        }
    }
}
