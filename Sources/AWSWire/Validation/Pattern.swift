/// A regular expression of an AWS model, matched against whole strings, or one of a client's, looked for in them.
///
/// The subset that the models use, with the meaning that Java gives it: classes, groups, alternation, counted
/// repetition, anchors, look-ahead and look-behind, `\d \w \s` over ASCII, and Unicode's general categories. It is a
/// simulation of the automaton, so a match takes time in proportion to the text's length times the pattern's, whatever
/// the text, unless a look-ahead without an end is asked at every place. A look-behind must have a longest match, as in
/// Java.
package struct Pattern: Sendable, CustomStringConvertible {
    /// The expression as the model spells it.
    package let source: String
    private let program: Program

    package var description: String { source }

    /// - Throws: `PatternError` for what lies outside the subset.
    package init(_ source: String) throws(PatternError) {
        var parser = PatternParser(source)
        self.source = source
        program = Program(try parser.parse())
    }

    /// For expressions in generated code, which are known to be within the subset.
    package init(known source: String) {
        do { try self.init(source) } catch { preconditionFailure("pattern \(source): \(error)") }
    }

    /// For expressions of clients: none that looks around, or has more states than a search may cost.
    ///
    /// - Parameter ignoresCase: Letters of ASCII match those of either case.
    package init(
        untrusted source: String, states limit: Int = 512, ignoresCase: Bool = false
    ) throws(PatternError) {
        var parser = PatternParser(source)
        let written = try parser.parse()
        let node = ignoresCase ? written.caseless : written
        guard !node.looksAround else { throw PatternError(description: "look-around") }
        guard !source.isEmpty, node.states <= limit else { throw PatternError(description: "too long, or empty") }
        self.source = source
        program = Program(.sequence([.repeated(.set(ScalarSet(isNegated: true)), min: 0, max: nil), node]))
    }

    /// Whether any part of `text` matches an expression that was made with ``init(untrusted:states:)``.
    package func occurs(in text: String) -> Bool {
        program.run(text.unicodeScalars.map(\.value), from: 0, to: .anywhere)
    }

    /// Whether the whole of `text` matches.
    package func matches(_ text: String) -> Bool {
        program.run(text.unicodeScalars.map(\.value), from: 0, to: .end)
    }
}

/// Why an expression cannot be used.
package struct PatternError: Error, Sendable, Hashable, CustomStringConvertible {
    package let description: String
}

/// The syntax of an expression.
indirect enum PatternNode {
    case set(ScalarSet)
    case begin
    case end
    case sequence([PatternNode])
    case choice([PatternNode])
    /// Laziness changes which match is found, never whether there is one.
    case repeated(PatternNode, min: Int, max: Int?, isLazy: Bool = false)
    /// What stands for a group whose text is wanted: the number of its name.
    case named(Int, PatternNode)
    case look(ahead: Bool, negative: Bool, PatternNode)
}

extension PatternNode {
    /// How many states its automaton has, or a little more; what has very many counts as having a million.
    var states: Int {
        let many = 1_000_000
        switch self {
        case .set, .begin, .end: return 1
        case .sequence(let nodes): return nodes.reduce(1) { min($0 + $1.states, many) }
        case .choice(let nodes): return nodes.reduce(1) { min($0 + $1.states + 2, many) }
        case .repeated(let node, let least, let most, _):
            return min((node.states + 1) * max(least, most ?? least + 1) + 1, many)
        case .named(_, let node): return min(node.states + 2, many)
        case .look(_, _, let node): return node.states
        }
    }

    /// The same with letters of ASCII in either case.
    var caseless: PatternNode {
        switch self {
        case .set(let set): .set(set.caseless)
        case .begin, .end: self
        case .sequence(let nodes): .sequence(nodes.map(\.caseless))
        case .choice(let nodes): .choice(nodes.map(\.caseless))
        case .repeated(let node, let min, let max, let isLazy):
            .repeated(node.caseless, min: min, max: max, isLazy: isLazy)
        case .named(let number, let node): .named(number, node.caseless)
        case .look(let ahead, let negative, let node): .look(ahead: ahead, negative: negative, node.caseless)
        }
    }

    var looksAround: Bool {
        switch self {
        case .set, .begin, .end: false
        case .sequence(let nodes), .choice(let nodes): nodes.contains(where: \.looksAround)
        case .repeated(let node, _, _, _), .named(_, let node): node.looksAround
        case .look: true
        }
    }

    /// How many scalars a match takes; `max` is nil when there is no bound.
    var length: (min: Int, max: Int?) {
        switch self {
        case .set: (1, 1)
        case .begin, .end, .look: (0, 0)
        case .sequence(let nodes):
            nodes.map(\.length).reduce((0, 0)) { sum, next in
                (sum.min + next.min, sum.max.flatMap { max in next.max.map { max + $0 } })
            }
        case .choice(let nodes):
            nodes.dropFirst().map(\.length).reduce(nodes.first?.length ?? (0, 0)) { widest, next in
                (min(widest.min, next.min), widest.max.flatMap { max in next.max.map { Swift.max(max, $0) } })
            }
        case .named(_, let node): node.length
        case .repeated(let node, let min, let max, _):
            (node.length.min * min, max.flatMap { max in node.length.max.map { max * $0 } })
        }
    }
}

/// A set of Unicode scalars.
struct ScalarSet: Sendable {
    var ranges: [ClosedRange<UInt32>] = []
    /// Major classes of general categories, such as `L`.
    var categories: [Character] = []
    var complements: [ScalarSet] = []
    var isNegated = false

    func contains(_ scalar: UInt32) -> Bool {
        (ranges.contains { $0.contains(scalar) } || complements.contains { $0.contains(scalar) }
            || isInCategory(scalar))
            != isNegated
    }

    private func isInCategory(_ value: UInt32) -> Bool {
        guard !categories.isEmpty, let scalar = Unicode.Scalar(value) else { return false }
        return categories.contains(Self.major(scalar.properties.generalCategory))
    }

    private static func major(_ category: Unicode.GeneralCategory) -> Character {
        switch category {
        case .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter: "L"
        case .nonspacingMark, .spacingMark, .enclosingMark: "M"
        case .decimalNumber, .letterNumber, .otherNumber: "N"
        case .spaceSeparator, .lineSeparator, .paragraphSeparator: "Z"
        case .mathSymbol, .currencySymbol, .modifierSymbol, .otherSymbol: "S"
        case .connectorPunctuation, .dashPunctuation, .openPunctuation, .closePunctuation, .initialPunctuation,
            .finalPunctuation, .otherPunctuation:
            "P"
        default: "C"
        }
    }

    static let digits = ScalarSet(ranges: [0x30...0x39])
    static let word = ScalarSet(ranges: [0x30...0x39, 0x41...0x5a, 0x5f...0x5f, 0x61...0x7a])
    static let space = ScalarSet(ranges: [0x09...0x0d, 0x20...0x20])
    /// What `.` matches: all but line terminators.
    static let any = ScalarSet(ranges: [0x0a...0x0a, 0x0d...0x0d, 0x85...0x85, 0x2028...0x2029], isNegated: true)

    var caseless: ScalarSet {
        let (upper, lower): (ClosedRange<UInt32>, ClosedRange<UInt32>) = (0x41...0x5a, 0x61...0x7a)
        var set = self
        set.complements = complements.map(\.caseless)
        for range in ranges {
            if range.overlaps(upper) {
                let part = range.clamped(to: upper)
                set.ranges.append(part.lowerBound + 0x20...part.upperBound + 0x20)
            }
            if range.overlaps(lower) {
                let part = range.clamped(to: lower)
                set.ranges.append(part.lowerBound - 0x20...part.upperBound - 0x20)
            }
        }
        return set
    }

    var negated: ScalarSet {
        var set = self
        set.isNegated.toggle()
        return set
    }
}
