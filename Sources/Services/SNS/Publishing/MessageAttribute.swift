import AWSWire
import Delivery
import SNSModel

typealias MessageAttribute = Parcel.Attribute

extension MessageAttribute {
    /// Checks the attributes of a message.
    ///
    /// - Throws: `ParameterValueInvalid`.
    static func checked(_ given: [String: SNS.MessageAttributeValue]?) throws(AWSError) -> [String: MessageAttribute] {
        var attributes: [String: MessageAttribute] = [:]
        for (name, value) in (given ?? [:]).sorted(by: { $0.key < $1.key }) {
            try check(name: name)
            attributes[name] = try MessageAttribute(value, name: name)
        }
        return attributes
    }

    private static func check(name: String) throws(AWSError) {
        guard !name.isEmpty, name.utf8.count <= 256 else {
            throw .invalidValue("Length of message attribute name must be less than 256 bytes.")
        }
        for scalar in name.unicodeScalars {
            guard scalar.isPlain || scalar == "." else {
                throw .invalidValue(
                    "Invalid non-alphanumeric character '#x\(String(scalar.value, radix: 16, uppercase: true))' was "
                        + "found in the message attribute name. Can only include alphanumeric characters, hyphens, "
                        + "underscores, or dots.")
            }
        }
        if name.hasPrefix(".") {
            throw .invalidValue("Invalid message attribute name starting with character '.' was found.")
        }
        if name.hasSuffix(".") {
            throw .invalidValue("Invalid message attribute name ending with character '.' was found.")
        }
        if name.contains("..") {
            throw .invalidValue("Message attribute name can not have successive '.' character.")
        }
    }

    private init(_ given: SNS.MessageAttributeValue, name: String) throws(AWSError) {
        let type = given.dataType
        let kind = String(type.prefix { $0 != "." })
        let label = type.dropFirst(kind.count).dropFirst()
        guard ["String", "Number", "Binary"].contains(kind), type == kind || !label.isEmpty else {
            throw .invalidValue(
                "The message attribute '\(name)' has an invalid message attribute type, the set of supported type "
                    + "prefixes is Binary, Number, and String.")
        }
        let field = kind == "Binary" ? "Binary" : "String"
        let isOther = kind == "Binary" ? given.stringValue != nil : given.binaryValue != nil
        if isOther {
            throw .invalidValue("The message attribute '\(name)' with type '\(type)' must use field '\(field)'.")
        }
        let isEmpty = kind == "Binary" ? given.binaryValue?.isEmpty ?? true : given.stringValue?.isEmpty ?? true
        if isEmpty {
            throw .invalidValue(
                "The message attribute '\(name)' must contain non-empty message attribute value for message attribute "
                    + "type '\(type)'.")
        }
        if kind == "Binary" {
            self.init(type: type, .binary(given.binaryValue ?? []))
            return
        }
        let text = given.stringValue ?? ""
        if kind == "Number", Double(text)?.isFinite != true {
            throw .invalidValue("Could not cast message attribute '\(name)' value to number.")
        }
        self.init(type: type, .text(text))
    }

    /// What it counts for in a message's size, without its name.
    var size: Int {
        switch value {
        case .text(let text): type.utf8.count + text.utf8.count
        case .binary(let bytes): type.utf8.count + bytes.count
        }
    }

    /// As envelopes have it.
    var shown: String {
        switch value {
        case .text(let text): text
        case .binary(let bytes): Base64.encode(bytes)
        }
    }
}
