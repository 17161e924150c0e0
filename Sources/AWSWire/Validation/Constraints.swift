/// The bounds of a shape's length, in the unit of that shape: UTF-16 units of strings, elements of lists and maps.
package struct LengthConstraint: Sendable {
    package var min: Int?
    package var max: Int?

    package init(min: Int? = nil, max: Int? = nil) {
        self.min = min
        self.max = max
    }

    func broken(by length: Int) -> [String] {
        if let max, length > max { return [tooLong(max)] }
        if let min, length < min { return [tooShort(min)] }
        return []
    }

    var rules: [String] { [max.map(tooLong), min.map(tooShort)].compactMap(\.self) }

    private func tooLong(_ max: Int) -> String { "Member must have length less than or equal to \(max)" }
    private func tooShort(_ min: Int) -> String { "Member must have length greater than or equal to \(min)" }
}

/// Whether a value may be repeated in an error message.
package enum Disclosure: Sendable {
    case open
    case sensitive
}

/// What a string shape demands.
package struct StringConstraint: Sendable {
    package var length: LengthConstraint
    package var pattern: Pattern?
    /// The values of an enumeration; empty for other strings.
    package var values: [String]
    package var disclosure: Disclosure
    /// What the rules of a list's elements or a map's values end with.
    package var elementNullability: [String]
    /// What the service says of a value that breaks the pattern, where it does not name the pattern.
    package var patternWords: String?
    /// Whether messages list the values of an enumeration.
    private var listsValues: Bool

    package init(
        min: Int? = nil, max: Int? = nil, pattern: String? = nil, values: [String] = [], disclosure: Disclosure = .open,
        elementsMayBeNull: Bool = false, patternWords: String? = nil, listsValues: Bool = true
    ) {
        self.patternWords = patternWords
        self.listsValues = listsValues
        length = LengthConstraint(min: min, max: max)
        self.pattern = pattern.map { Pattern(known: $0) }
        self.values = values
        self.disclosure = disclosure
        elementNullability = elementsMayBeNull ? [] : [Wording.notNull]
    }

    /// The pattern is not asked about texts beyond this length, in UTF-16 units, that are longer than they may be: a
    /// body's worth of text would keep a thread busy for seconds, to no other end than a longer message.
    private static let patternReach = 65_536

    /// The rules that a value breaks.
    func broken(by value: String) -> [String] {
        let count = value.utf16.count
        var rules = length.broken(by: count)
        if !rules.isEmpty, count > Self.patternReach { return rules }
        if let pattern, patternWords == nil, !pattern.matches(value) { rules.append(Wording.pattern(pattern)) }
        if !values.isEmpty, !values.contains(value) { rules.append(valueRule) }
        return rules
    }

    /// The service's own words for a value that breaks the pattern, where it has any.
    func misspelling(of value: String) -> String? {
        guard let patternWords, let pattern, length.broken(by: value.utf16.count).isEmpty else { return nil }
        return pattern.matches(value) ? nil : patternWords
    }

    private var valueRule: String { listsValues ? Wording.values(values) : Wording.anyValues }

    /// Every rule, as AWS lists them when an element of a list or map breaks one.
    var rules: [String] {
        length.rules + (pattern.map { [Wording.pattern($0)] } ?? []) + (values.isEmpty ? [] : [valueRule])
    }
}

/// The bounds of a number.
package struct NumberConstraint<Number: Comparable & Sendable>: Sendable {
    package var min: Number?
    package var max: Number?

    package init(min: Number? = nil, max: Number? = nil) {
        self.min = min
        self.max = max
    }

    func broken(by value: Number) -> [String] {
        if let max, value > max { return [tooLarge(max)] }
        if let min, value < min { return [tooSmall(min)] }
        return []
    }

    /// Every rule, as AWS lists them when a value of a map breaks one.
    var rules: [String] { [max.map(tooLarge), min.map(tooSmall)].compactMap(\.self) }

    private func tooLarge(_ max: Number) -> String { "Member must have value less than or equal to \(max)" }
    private func tooSmall(_ min: Number) -> String { "Member must have value greater than or equal to \(min)" }
}

/// AWS's words for the rules.
enum Wording {
    static let notNull = "Member must not be null"

    static func pattern(_ pattern: Pattern) -> String {
        "Member must satisfy regular expression pattern: \(pattern.source)"
    }
    static let anyValues = "Member must satisfy enum value set"
    static func values(_ values: [String]) -> String {
        "Member must satisfy enum value set: [\(values.joined(separator: ", "))]"
    }
    static func elements(_ rules: [String]) -> String {
        "Member must satisfy constraint: [\(rules.joined(separator: ", "))]"
    }
    static func keys(_ rules: [String]) -> String {
        "Map keys must satisfy constraint: [\(rules.joined(separator: ", "))]"
    }
    static func mapValues(_ rules: [String]) -> String {
        "Map value must satisfy constraint: [\(rules.joined(separator: ", "))]"
    }
}
