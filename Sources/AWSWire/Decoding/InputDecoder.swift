package import NIOCore

/// Reads the members of an operation's input from wherever they are in the request, and gathers every constraint that
/// they break.
///
/// A member that is absent or null reads as nil. What cannot be read at all is thrown at once as a
/// `SerializationException`; broken constraints wait for `check`, since AWS reports all of them in one message.
/// Member paths are as AWS's messages name them: `vpcConfig.subnetIds`, `tags.1.member.key`.
package struct InputDecoder {
    let request: ServiceRequest
    private let labels: RouteLabels
    private let query: QueryParameters
    private let validationCode: String
    private let disclosure: Disclosure
    private let missing: Missing
    private var violations: [String] = []
    /// The first value that breaks a pattern for which the service has words of its own, and those words.
    private var misspelled: String?

    /// How a service words that required members are missing.
    package enum Missing: Sendable, Hashable {
        /// As broken constraints.
        case constraints
        /// By the name of the first of them, in an error of its own.
        case parameters
    }
    /// The first required member that is missing, where that has an error of its own.
    private var missingParameter: String?

    /// - Parameters:
    ///   - validationCode: The code of the error with which the service answers broken constraints.
    ///   - disclosure: Whether the service's messages repeat the values that break them.
    package init(
        _ request: ServiceRequest, _ labels: RouteLabels, validationCode: String, _ disclosure: Disclosure = .open,
        missing: Missing = .constraints
    ) {
        self.request = request
        self.labels = labels
        self.validationCode = validationCode
        self.disclosure = disclosure
        self.missing = missing
        query = QueryParameters(request.query)
    }

    /// - Throws: The service's validation error, if any constraint was broken.
    package func check() throws(AWSError) {
        if let missingParameter { throw .missingParameter(missingParameter) }
        guard !violations.isEmpty else {
            if let misspelled { throw AWSError(code: validationCode, message: misspelled, status: 400) }
            return
        }
        let noun = violations.count == 1 ? "error" : "errors"
        let text = "\(violations.count) validation \(noun) detected: \(violations.joined(separator: "; "))"
        throw AWSError(code: validationCode, message: text, status: 400)
    }

    /// Takes a required member apart from an optional one, once `check` has let it pass.
    package func required<Value>(_ value: Value?) throws(AWSError) -> Value {
        guard let value else { throw .serialization("A required member is missing.") }
        return value
    }

    // MARK: Where members are

    package func label(_ name: String) -> String? { labels[name] }
    package func header(_ name: String) -> String? { request.header(name) }
    package func parameter(_ name: String) -> String? { query[name] }

    /// A list member in the query; nil when there is no such parameter.
    package func parameters(_ name: String) -> [String]? {
        let values = query.all(name)
        return values.isEmpty ? nil : values
    }

    /// The body as it came, for a payload of bytes.
    package var payload: ByteBuffer { request.body }

    /// The body as a JSON object, also where it is CBOR. An empty body is an empty object.
    package func body() throws(AWSError) -> JSONObject {
        guard request.body.readableBytes > 0 else { return JSONObject(nil) }
        let json = try CBORAnswer.inJSON(request)
        let value: JSONValue
        do { value = try JSONValue(parsing: json) } catch {
            throw .serialization("Could not parse request body into json: \(error)")
        }
        return try JSONObject(reading: value)
    }

    // MARK: Broken constraints

    /// Notes a required member that is missing.
    package mutating func require(_ isPresent: Bool, _ path: String) {
        guard !isPresent else { return }
        switch missing {
        case .constraints:
            violations.append("Value null at '\(path)' failed to satisfy constraint: \(Wording.notNull)")
        case .parameters:
            let name = path.split(separator: ".").last ?? ""
            missingParameter = missingParameter ?? name.prefix(1).uppercased() + name.dropFirst()
        }
    }

    mutating func note(_ rules: [String], _ shown: String, _ path: String, _ disclosure: Disclosure = .open) {
        for rule in rules {
            let value = disclosure == .open && self.disclosure == .open ? "Value '\(shown)'" : "Value"
            violations.append("\(value) at '\(path)' failed to satisfy constraint: \(rule)")
        }
    }
}

// MARK: Scalars

extension InputDecoder {
    /// A string from a label, header or query parameter.
    package mutating func string(_ text: String?, _ path: String, _ constraint: StringConstraint? = nil) -> String? {
        if let text, let constraint {
            let broken = constraint.broken(by: text)
            if !broken.isEmpty { note(broken, text, path, constraint.disclosure) }
            if let words = constraint.misspelling(of: text) {
                misspelled = misspelled ?? "The specified value for \(path) is invalid. \(words)"
            }
        }
        return text
    }

    package mutating func string(
        _ value: JSONValue?, _ path: String, _ constraint: StringConstraint? = nil
    ) throws(AWSError) -> String? {
        string(try value?.requireString(), path, constraint)
    }

    /// A string of an open enumeration from a label, header or query parameter.
    package mutating func enumeration<Value: RawRepresentable<String>>(
        _ text: String?, _ path: String, _ constraint: StringConstraint? = nil, as _: Value.Type
    ) -> Value? {
        string(text, path, constraint).flatMap(Value.init(rawValue:))
    }

    package mutating func enumeration<Value: RawRepresentable<String>>(
        _ value: JSONValue?, _ path: String, _ constraint: StringConstraint? = nil, as _: Value.Type
    ) throws(AWSError) -> Value? {
        try string(value, path, constraint).flatMap(Value.init(rawValue:))
    }

    package mutating func int(
        _ text: String?, _ path: String, _ constraint: NumberConstraint<Int>? = nil
    ) throws(AWSError) -> Int? {
        guard let text else { return nil }
        guard let value = Int(text) else { throw .serialization("STRING_VALUE can not be converted to an Integer") }
        if let constraint { note(constraint.broken(by: value), text, path) }
        return value
    }

    package mutating func int(
        _ value: JSONValue?, _ path: String, _ constraint: NumberConstraint<Int>? = nil
    ) throws(AWSError) -> Int? {
        guard let value else { return nil }
        guard let number = value.int else { throw value.mismatch("an Integer") }
        if let constraint { note(constraint.broken(by: number), String(number), path) }
        return number
    }

    package mutating func double(
        _ value: JSONValue?, _ path: String, _ constraint: NumberConstraint<Double>? = nil
    ) throws(AWSError) -> Double? {
        guard let value else { return nil }
        // The names of numbers that JSON does not have; no bounds hold them.
        if constraint == nil, let special = value.string.flatMap(Self.special) { return special }
        guard let number = value.double else { throw value.mismatch("a Double") }
        if let constraint { note(constraint.broken(by: number), String(number), path) }
        return number
    }

    package mutating func doubles(_ value: JSONValue?, _ path: String) throws(AWSError) -> [Double]? {
        guard let elements = try value?.requireArray() else { return nil }
        var numbers: [Double] = []
        for element in elements {
            if let number = try double(element, path) { numbers.append(number) }
        }
        return numbers
    }

    /// Seconds since 1970, within ``RequestTime/years`` or just beyond.
    package mutating func timestamp(_ value: JSONValue?) throws(AWSError) -> Double? {
        try double(value, "").map(RequestTime.bounded)
    }

    static func special(_ text: String) -> Double? {
        switch text {
        case "NaN": .nan
        case "Infinity": .infinity
        case "-Infinity": -.infinity
        default: nil
        }
    }

    package func bool(_ text: String?) throws(AWSError) -> Bool? {
        switch text {
        case nil: return nil
        case "true": return true
        case "false": return false
        default: throw .serialization("STRING_VALUE can not be converted to a Boolean")
        }
    }

    package func bool(_ value: JSONValue?) throws(AWSError) -> Bool? {
        guard let value else { return nil }
        guard let bool = value.bool else { throw value.mismatch("a Boolean") }
        return bool
    }

    /// Bytes from a base64 string.
    package func blob(_ value: JSONValue?) throws(AWSError) -> [UInt8]? {
        guard let value else { return nil }
        guard value.kind == .string else { throw value.mismatch("a Blob") }
        guard let bytes = value.withPlainBytes(Base64.decode) ?? value.string.map(Base64.decode), let bytes else {
            throw .serialization("Value is not valid base64")
        }
        return bytes
    }
}

extension AWSError {
    /// A required member that is not there, in the words of services that the query protocol made.
    package static func missingParameter(_ name: String) -> AWSError {
        AWSError(
            code: "MissingRequiredParameterException", queryCode: "MissingParameter",
            message: "The request must contain the parameter \(name).", status: 400)
    }
}

// MARK: Lists and maps

extension InputDecoder {
    package func blobs(_ value: JSONValue?) throws(AWSError) -> [[UInt8]]? {
        guard let elements = try value?.requireArray() else { return nil }
        return try elements.map { (element) throws(AWSError) in try blob(element) ?? [] }
    }

    /// A map of strings to structures. `read` gets the path of their members, which ends in a dot.
    package mutating func map<Structure>(
        _ value: JSONValue?, _ path: String,
        _ read: (inout InputDecoder, JSONObject, String) throws(AWSError) -> Structure?
    ) throws(AWSError) -> [String: Structure]? {
        guard let members = try value?.requireObject() else { return nil }
        var map: [String: Structure] = [:]
        for (name, member) in members where !member.isNull {
            map[name] = try read(&self, JSONObject(reading: member), "\(path).\(name).member.")
        }
        return map
    }

    /// A list of strings from repeated query parameters.
    package mutating func strings(
        _ texts: [String]?, _ path: String, _ length: LengthConstraint? = nil, _ element: StringConstraint? = nil
    ) -> [String]? {
        guard let texts else { return nil }
        let shown = "[\(texts.joined(separator: ", "))]"
        if let length { note(length.broken(by: texts.count), shown, path) }
        if let element, texts.contains(where: { !element.broken(by: $0).isEmpty }) {
            note([Wording.elements(element.rules + element.elementNullability)], shown, path, element.disclosure)
        }
        return texts
    }

    package mutating func strings(
        _ value: JSONValue?, _ path: String, _ length: LengthConstraint? = nil, _ element: StringConstraint? = nil
    ) throws(AWSError) -> [String]? {
        guard let elements = try value?.requireArray() else { return nil }
        var texts: [String] = []
        for element in elements where !element.isNull { texts.append(try element.requireString()) }
        if texts.count < elements.count {
            let rules = (element?.rules ?? []) + [Wording.notNull]
            note([Wording.elements(rules)], "[\(Self.shown(elements).joined(separator: ", "))]", path)
            return texts
        }
        return strings(texts, path, length, element)
    }

    /// A list of strings of an open enumeration.
    package mutating func enumerations<Value: RawRepresentable<String>>(
        _ value: JSONValue?, _ path: String, _ length: LengthConstraint? = nil, _ element: StringConstraint? = nil,
        as _: Value.Type
    ) throws(AWSError) -> [Value]? {
        try strings(value, path, length, element)?.compactMap(Value.init(rawValue:))
    }

    private static func shown(_ elements: [JSONValue]) -> [String] { elements.map { $0.string ?? "null" } }

    /// A map of strings to strings.
    package mutating func stringMap(
        _ value: JSONValue?, _ path: String, _ length: LengthConstraint? = nil, key: StringConstraint? = nil,
        value valueConstraint: StringConstraint? = nil, _ disclosure: Disclosure = .open
    ) throws(AWSError) -> [String: String]? {
        guard let members = try value?.requireObject() else { return nil }
        var map: [String: String] = [:]
        var hasNull = false
        for (name, member) in members {
            if member.isNull { hasNull = true } else { map[name] = try member.requireString() }
        }
        let shown = "{\(members.map { "\($0.name)=\($0.value.string ?? "null")" }.joined(separator: ", "))}"
        if let length { note(length.broken(by: map.count), shown, path, disclosure) }
        if let key, map.keys.contains(where: { !key.broken(by: $0).isEmpty }) {
            note([Wording.keys(key.rules)], shown, path, disclosure)
        }
        if hasNull || map.values.contains(where: { valueConstraint?.broken(by: $0).isEmpty == false }) {
            let nullability = valueConstraint?.elementNullability ?? [Wording.notNull]
            note([Wording.mapValues((valueConstraint?.rules ?? []) + nullability)], shown, path, disclosure)
        }
        return map
    }

    /// A list of maps of strings to strings.
    package mutating func stringMaps(
        _ value: JSONValue?, _ path: String, _ length: LengthConstraint? = nil, key: StringConstraint? = nil,
        value valueConstraint: StringConstraint? = nil
    ) throws(AWSError) -> [[String: String]]? {
        guard let elements = try value?.requireArray() else { return nil }
        if let length {
            note(length.broken(by: elements.count), "[\(elements.map(\.shown).joined(separator: ", "))]", path)
        }
        var maps: [[String: String]] = []
        for (index, element) in elements.enumerated() {
            let path = "\(path).\(index + 1).member"
            if let map = try stringMap(element, path, key: key, value: valueConstraint) { maps.append(map) }
        }
        return maps
    }

    /// A map of strings to numbers.
    package mutating func doubleMap(
        _ value: JSONValue?, _ path: String, _ length: LengthConstraint? = nil, key: StringConstraint? = nil,
        value valueConstraint: NumberConstraint<Double>? = nil
    ) throws(AWSError) -> [String: Double]? {
        guard let members = try value?.requireObject() else { return nil }
        var map: [String: Double] = [:]
        for (name, member) in members {
            guard let number = member.double else { throw member.mismatch("a Double") }
            map[name] = number
        }
        let shown = "{\(members.map { "\($0.name)=\(map[$0.name] ?? 0)" }.joined(separator: ", "))}"
        if let length { note(length.broken(by: map.count), shown, path) }
        if let key, map.keys.contains(where: { !key.broken(by: $0).isEmpty }) {
            note([Wording.keys(key.rules)], shown, path)
        }
        if let valueConstraint, map.values.contains(where: { !valueConstraint.broken(by: $0).isEmpty }) {
            note([Wording.mapValues(valueConstraint.rules + [Wording.notNull])], shown, path)
        }
        return map
    }

    /// A structure. `read` gets the path of its members, which ends in a dot.
    package mutating func structure<Structure>(
        _ value: JSONValue?, _ path: String,
        _ read: (inout InputDecoder, JSONObject, String) throws(AWSError) -> Structure?
    ) throws(AWSError) -> Structure? {
        guard let value else { return nil }
        return try read(&self, JSONObject(reading: value), "\(path).")
    }

    /// A list of structures. `read` gets an element and the path of its members, which ends in a dot.
    package mutating func list<Element>(
        _ value: JSONValue?, _ path: String, _ length: LengthConstraint? = nil,
        _ read: (inout InputDecoder, JSONObject, String) throws(AWSError) -> Element?
    ) throws(AWSError) -> [Element]? {
        guard let values = try value?.requireArray() else { return nil }
        if let length {
            let rules = length.broken(by: values.count)
            if !rules.isEmpty { note(rules, "[\(values.map(\.shown).joined(separator: ", "))]", path) }
        }
        var elements: [Element] = []
        for (index, value) in values.enumerated() {
            if value.isNull {
                note([Wording.elements([Wording.notNull])], "[null]", path)
            } else if let element = try read(&self, JSONObject(reading: value), "\(path).\(index + 1).member.") {
                elements.append(element)
            }
        }
        return elements
    }
}
