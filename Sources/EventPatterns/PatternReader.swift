import AWSWire

/// Reads the fields of a pattern.
///
/// Of two fields with one path the last counts, as in AWS's reader.
enum PatternReader {
    /// What each of these paths has to fit, all of them.
    typealias Fields = [String: Wanted]

    /// One of these conditions has to hold.
    struct Wanted {
        var conditions: [Condition]
        /// Where they stand in the pattern, by which the same are known in many combinations.
        var place: Int
    }

    /// Names that might be a slip where alternatives stand.
    private static let reserved: Set<String> = [
        "exactly", "equals-ignore-case", "prefix", "suffix", "anything-but", "exists", "wildcard", "numeric", "cidr",
        "=", "<", "<=", ">", ">=", "regex", "not-prefix", "not-suffix", "not-equals-ignore-case",
    ]

    static func combinations(of value: JSONValue) throws(PatternFault) -> [Fields] {
        guard value.kind == .object else { throw .seen(value, "Filter is not an object") }
        var combinations: [Fields] = []
        try object(value, path: "", into: &combinations, isAlternative: false)
        return combinations
    }

    private static func object(
        _ value: JSONValue, path: String, into combinations: inout [Fields], isAlternative: Bool
    ) throws(PatternFault) {
        let members = value.members
        guard !members.isEmpty else { throw .closed(value, "Empty objects are not allowed") }
        for (name, member) in members {
            if name == "$or" {
                try alternatives(member, path: path, into: &combinations)
                continue
            }
            if isAlternative, reserved.contains(name) {
                throw .seen(member, "\(name) is Ruler reserved fieldName which cannot be used inside $or.")
            }
            let inner = path.isEmpty ? name : "\(path).\(name)"
            switch member.kind {
            case .object: try object(member, path: inner, into: &combinations, isAlternative: isAlternative)
            case .array:
                let wanted = Wanted(conditions: try conditions(member), place: member.byteRange.lowerBound)
                if combinations.isEmpty { combinations.append([:]) }
                for index in combinations.indices { combinations[index][inner] = wanted }
            default: throw .seen(member, "\"\(name)\" must be an object or an array")
            }
        }
    }

    private static func alternatives(
        _ value: JSONValue, path: String, into combinations: inout [Fields]
    ) throws(PatternFault) {
        guard value.kind == .array else { throw .seen(value, "It must be an Array followed with $or.") }
        let elements = value.elements
        let present = combinations.isEmpty ? [[:]] : combinations
        var all: [Fields] = []
        for element in elements {
            guard element.kind == .object else {
                throw .seen(element, "Only JSON object is allowed in array of $or relationship.")
            }
            var branch = present
            try object(element, path: path, into: &branch, isAlternative: true)
            all += branch
            guard all.count <= EventPattern.combinationLimit else {
                throw .nowhere("The pattern has more than \(EventPattern.combinationLimit) combinations of $or.")
            }
        }
        guard elements.count >= 2 else {
            throw .closed(value, "There must have at least 2 Objects in $or relationship.")
        }
        combinations = all
    }

    private static func conditions(_ value: JSONValue) throws(PatternFault) -> [Condition] {
        let elements = value.elements
        guard !elements.isEmpty else { throw .closed(value, "Empty arrays are not allowed") }
        var conditions: [Condition] = []
        for element in elements { conditions.append(try Condition(element)) }
        return conditions
    }
}
