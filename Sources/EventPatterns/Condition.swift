package import AWSWire

/// What a field's value may be.
package indirect enum Condition: Sendable, Hashable {
    /// A comparison with a number.
    package struct Bound: Sendable, Hashable {
        package enum Comparison: String, Sendable {
            case less = "<"
            case atMost = "<="
            case equal = "="
            case greater = ">"
            case atLeast = ">="
        }
        package var comparison: Comparison
        package var number: Double

        func holds(_ value: Double) -> Bool {
            switch comparison {
            case .less: value < number
            case .atMost: value <= number
            case .equal: value == number
            case .greater: value > number
            case .atLeast: value >= number
            }
        }
    }

    case equals(Leaf)
    /// Lower-case text.
    case equalsIgnoringCase(String)
    case prefix(String)
    /// Lower-case text.
    case prefixIgnoringCase(String)
    case suffix(String)
    /// Lower-case text.
    case suffixIgnoringCase(String)
    case wildcard(Wildcard)
    /// All of them.
    case numeric([Bound])
    case address(AddressRange)
    /// None of these.
    case anythingBut([Condition])
    case exists(Bool)

    /// Whether a value that is there fits.
    package func holds(_ leaf: Leaf) -> Bool {
        switch (self, leaf) {
        case (.equals(let wanted), _): leaf.isSame(as: wanted)
        case (.equalsIgnoringCase(let wanted), .text(let text)):
            text.lowercased().utf8.elementsEqual(wanted.utf8)
        case (.prefix(let prefix), .text(let text)): text.utf8.starts(with: prefix.utf8)
        case (.prefixIgnoringCase(let prefix), .text(let text)): text.lowercased().utf8.starts(with: prefix.utf8)
        case (.suffix(let suffix), .text(let text)): text.utf8.reversed().starts(with: suffix.utf8.reversed())
        case (.suffixIgnoringCase(let suffix), .text(let text)):
            text.lowercased().utf8.reversed().starts(with: suffix.utf8.reversed())
        case (.wildcard(let wildcard), .text(let text)): wildcard.matches(text)
        case (.numeric(let bounds), .number(let number?, _)): bounds.allSatisfy { $0.holds(number) }
        case (.address(let range), .text(let text)): range.contains(text)
        case (.anythingBut(let unwanted), _): !unwanted.contains { $0.holds(leaf) }
        case (.exists(let wanted), _): wanted
        default: false
        }
    }
}
