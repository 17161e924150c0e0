/// Reading the inputs of the query protocol. Scalars are read as texts of other places are.
extension InputDecoder {
    /// The parameters of the query and of the form in the body.
    package var form: FormValue { FormValue(request) }

    /// Whether the request is one of the query protocol, where the service speaks JSON, too: it names no target.
    package var isForm: Bool { QueryAnswer.isForm(request.headers) }

    package mutating func string(_ value: FormValue?, _ path: String, _ constraint: StringConstraint? = nil) -> String?
    {
        string(value?.text, path, constraint)
    }

    package mutating func enumeration<Value: RawRepresentable<String>>(
        _ value: FormValue?, _ path: String, _ constraint: StringConstraint? = nil, as type: Value.Type
    ) -> Value? {
        enumeration(value?.text, path, constraint, as: type)
    }

    package mutating func int(
        _ value: FormValue?, _ path: String, _ constraint: NumberConstraint<Int>? = nil
    ) throws(AWSError) -> Int? {
        guard let text = value?.text else { return nil }
        guard let number = Int(text) else { throw .malformedInput }
        if let constraint { note(constraint.broken(by: number), text, path) }
        return number
    }

    package mutating func double(
        _ value: FormValue?, _ path: String, _ constraint: NumberConstraint<Double>? = nil
    ) throws(AWSError) -> Double? {
        guard let text = value?.text else { return nil }
        if constraint == nil, let special = Self.special(text) { return special }
        guard let number = Double(text), number.isFinite else { throw .malformedInput }
        if let constraint { note(constraint.broken(by: number), text, path) }
        return number
    }

    package mutating func doubles(_ values: [FormValue]?, _ path: String) throws(AWSError) -> [Double]? {
        guard let values else { return nil }
        var numbers: [Double] = []
        for value in values {
            guard let number = try double(value, path) else { throw .malformedInput }
            numbers.append(number)
        }
        return numbers
    }

    /// Seconds since 1970, within ``RequestTime/years`` or just beyond.
    package func timestamp(_ value: FormValue?) throws(AWSError) -> Double? {
        guard let text = value?.text else { return nil }
        guard let time = ISO8601.seconds(text) else { throw .malformedInput }
        return RequestTime.bounded(time)
    }

    package func bool(_ value: FormValue?) throws(AWSError) -> Bool? {
        switch value?.text?.lowercased() {
        case nil: return nil
        case "true": return true
        case "false": return false
        default: throw .malformedInput
        }
    }

    /// Bytes from a base64 text.
    package func blob(_ value: FormValue?) throws(AWSError) -> [UInt8]? {
        guard let text = value?.text else { return nil }
        guard let bytes = Base64.decode(text) else { throw .malformedInput }
        return bytes
    }

    package func blobs(_ values: [FormValue]?) throws(AWSError) -> [[UInt8]]? {
        try values?.map { (value) throws(AWSError) in try blob(value) ?? [] }
    }

    /// A map of strings to structures. `read` gets the path of their members, which ends in a dot.
    package mutating func map<Structure>(
        _ entries: [(key: String, value: FormValue)]?, _ path: String,
        _ read: (inout InputDecoder, FormValue, String) throws(AWSError) -> Structure?
    ) throws(AWSError) -> [String: Structure]? {
        guard let entries else { return nil }
        var map: [String: Structure] = [:]
        for (key, value) in entries where map[key] == nil {
            map[key] = try read(&self, value, "\(path).\(key).member.")
        }
        return map
    }

    /// A list of strings of an open enumeration.
    package mutating func enumerations<Value: RawRepresentable<String>>(
        _ texts: [String]?, _ path: String, _ length: LengthConstraint? = nil, _ element: StringConstraint? = nil,
        as _: Value.Type
    ) -> [Value]? {
        strings(texts, path, length, element)?.compactMap(Value.init(rawValue:))
    }

    /// A structure. `read` gets the path of its members, which ends in a dot.
    package mutating func structure<Structure>(
        _ value: FormValue?, _ path: String,
        _ read: (inout InputDecoder, FormValue, String) throws(AWSError) -> Structure?
    ) throws(AWSError) -> Structure? {
        guard let value else { return nil }
        return try read(&self, value, "\(path).")
    }

    /// A list of structures. `read` gets an element and the path of its members, which ends in a dot.
    package mutating func list<Element>(
        _ values: [FormValue]?, _ path: String, _ length: LengthConstraint? = nil,
        _ read: (inout InputDecoder, FormValue, String) throws(AWSError) -> Element?
    ) throws(AWSError) -> [Element]? {
        guard let values else { return nil }
        if let length { note(length.broken(by: values.count), "[\(values.count) elements]", path) }
        var elements: [Element] = []
        for (index, value) in values.enumerated() {
            if let element = try read(&self, value, "\(path).\(index + 1).member.") { elements.append(element) }
        }
        return elements
    }

    /// A map of strings to strings.
    package mutating func stringMap(
        _ entries: [(key: String, value: FormValue)]?, _ path: String, _ length: LengthConstraint? = nil,
        key: StringConstraint? = nil, value constraint: StringConstraint? = nil
    ) -> [String: String]? {
        guard let entries else { return nil }
        let pairs = entries.map { ($0.key, $0.value.text ?? "") }
        let map = Dictionary(pairs, uniquingKeysWith: { first, _ in first })
        let shown = "{\(pairs.map { "\($0.0)=\($0.1)" }.joined(separator: ", "))}"
        if let length { note(length.broken(by: map.count), shown, path) }
        if let key, map.keys.contains(where: { !key.broken(by: $0).isEmpty }) {
            note([Wording.keys(key.rules)], shown, path)
        }
        if let constraint, map.values.contains(where: { !constraint.broken(by: $0).isEmpty }) {
            note([Wording.mapValues(constraint.rules + constraint.elementNullability)], shown, path)
        }
        return map
    }
}
