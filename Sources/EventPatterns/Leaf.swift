package import AWSWire

/// A value that conditions are held against: what is neither an object nor an array.
package enum Leaf: Sendable, Hashable {
    case text(String)
    /// As it is written; nil where no double holds it.
    case number(Double?, String)
    case bool(Bool)
    case null

    /// - Returns: nil for objects and arrays.
    package init?(_ value: JSONValue) {
        switch value.kind {
        case .string: self = .text(value.string ?? "")
        case .number: self = .number(value.double, value.numberText ?? "")
        case .true: self = .bool(true)
        case .false: self = .bool(false)
        case .null: self = .null
        case .object, .array: return nil
        }
    }

    /// Numbers that AWS compares as numbers; others are the same when they are written the same.
    private static let comparable = -5_000_000_000.0...5_000_000_000.0

    /// Texts are the same when their scalars are: Swift's own equality knows more.
    func isSame(as other: Leaf) -> Bool {
        switch (self, other) {
        case (.text(let one), .text(let other)): one.utf8.elementsEqual(other.utf8)
        case (.number(let one, let spelling), .number(let other, let otherSpelling)):
            spelling == otherSpelling || (one == other && one.map(Self.comparable.contains) ?? false)
        case (.bool(let one), .bool(let other)): one == other
        case (.null, .null): true
        default: false
        }
    }
}
