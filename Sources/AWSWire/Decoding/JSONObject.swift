/// The members of a structure in a request's body.
package struct JSONObject: Sendable {
    private let value: JSONValue?

    /// - Parameter value: An object; nil for a structure without members.
    init(_ value: JSONValue?) { self.value = value }

    /// - Throws: `SerializationException` unless `value` is an object.
    package init(reading value: JSONValue) throws(AWSError) {
        guard value.kind == .object else { throw value.mismatch("a structure") }
        self.value = value
    }

    /// A member that is there and not null.
    package subscript(name: String) -> JSONValue? {
        guard let member = value?[name], !member.isNull else { return nil }
        return member
    }
}

extension JSONValue {
    /// - Throws: `SerializationException`, in the words of AWS's parsers, unless this is a string.
    func requireString() throws(AWSError) -> String {
        guard let string else { throw mismatch("a String") }
        return string
    }

    func requireArray() throws(AWSError) -> [JSONValue] {
        guard kind == .array else { throw mismatch("a list") }
        return elements
    }

    func requireObject() throws(AWSError) -> [(name: String, value: JSONValue)] {
        guard kind == .object else { throw mismatch("a map") }
        return members
    }

    /// The error for a value of the wrong kind; `wanted` has its article.
    func mismatch(_ wanted: String) -> AWSError {
        switch kind {
        case .object: .serialization("Start of structure or map found where not expected.")
        case .array: .serialization("Start of list found where not expected")
        case .string: .serialization("STRING_VALUE can not be converted to \(wanted)")
        case .number: .serialization("NUMBER_VALUE can not be converted to \(wanted)")
        case .true: .serialization("TRUE_VALUE can not be converted to \(wanted)")
        case .false: .serialization("FALSE_VALUE can not be converted to \(wanted)")
        case .null: .serialization("NULL_VALUE can not be converted to \(wanted)")
        }
    }

    /// The value as AWS's messages print values.
    var shown: String {
        switch kind {
        case .null: "null"
        case .true: "true"
        case .false: "false"
        case .number: numberText ?? ""
        case .string: string ?? ""
        case .array: "[\(elements.map(\.shown).joined(separator: ", "))]"
        case .object: "{\(members.map { "\($0.name)=\($0.value.shown)" }.joined(separator: ", "))}"
        }
    }
}
