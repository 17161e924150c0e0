/// Reads the syntax of an expression.
struct PatternParser {
    private let text: [Unicode.Scalar]
    private var at = 0
    private var depth = 0
    /// Of named groups, in their order; nil where they are not wanted.
    private(set) var names: [String]?
    /// How deep groups nest at most.
    private static let depthLimit = 64
    /// The most that one repetition may be unrolled.
    private static let repetitionLimit = 4096

    /// - Parameter namesGroups: Whether groups may have names, `(?<name>…)`.
    init(_ source: String, namesGroups: Bool = false) {
        text = Array(source.unicodeScalars)
        names = namesGroups ? [] : nil
    }

    mutating func parse() throws(PatternError) -> PatternNode {
        let node = try parseChoice()
        guard at == text.count else { throw error("unbalanced parenthesis") }
        return node
    }

    private func error(_ reason: String) -> PatternError { PatternError(description: "\(reason) at \(at)") }
    private var peek: Unicode.Scalar? { at < text.count ? text[at] : nil }

    private mutating func take(_ scalar: Unicode.Scalar) -> Bool {
        guard peek == scalar else { return false }
        at += 1
        return true
    }

    private mutating func take(all word: String) -> Bool {
        let scalars = Array(word.unicodeScalars)
        guard text.count - at >= scalars.count, text[at..<at + scalars.count].elementsEqual(scalars) else {
            return false
        }
        at += scalars.count
        return true
    }

    private mutating func next() throws(PatternError) -> Unicode.Scalar {
        guard let scalar = peek else { throw error("unexpected end") }
        at += 1
        return scalar
    }

    private mutating func parseChoice() throws(PatternError) -> PatternNode {
        var branches = [try parseSequence()]
        while take("|") { branches.append(try parseSequence()) }
        return branches.count == 1 ? branches[0] : .choice(branches)
    }

    private mutating func parseSequence() throws(PatternError) -> PatternNode {
        var nodes: [PatternNode] = []
        while let scalar = peek, scalar != "|", scalar != ")" {
            let atom = try parseAtom()
            nodes.append(try parseRepetition(of: atom))
        }
        return nodes.count == 1 ? nodes[0] : .sequence(nodes)
    }

    private mutating func parseRepetition(of atom: PatternNode) throws(PatternError) -> PatternNode {
        let node: PatternNode
        if take("*") {
            node = .repeated(atom, min: 0, max: nil)
        } else if take("+") {
            node = .repeated(atom, min: 1, max: nil)
        } else if take("?") {
            node = .repeated(atom, min: 0, max: 1)
        } else if take("{") {
            node = try parseCount(of: atom)
        } else {
            return atom
        }
        guard take("?"), case .repeated(let repeated, let min, let max, _) = node else { return node }
        return .repeated(repeated, min: min, max: max, isLazy: true)
    }

    private mutating func parseCount(of atom: PatternNode) throws(PatternError) -> PatternNode {
        guard let min = number() else { throw error("no number in repetition") }
        var max: Int? = min
        if take(",") { max = number() }
        guard take("}") else { throw error("unclosed repetition") }
        guard min <= Self.repetitionLimit, (max ?? min) <= Self.repetitionLimit, (max ?? min) >= min else {
            throw error("repetition out of range")
        }
        return .repeated(atom, min: min, max: max)
    }

    private mutating func number() -> Int? {
        var digits = ""
        while let scalar = peek, ("0"..."9").contains(scalar), digits.count < 6 {
            digits.unicodeScalars.append(scalar)
            at += 1
        }
        return Int(digits)
    }

    private mutating func parseAtom() throws(PatternError) -> PatternNode {
        let scalar = try next()
        switch scalar {
        case "(": return try parseGroup()
        case "[": return .set(try parseClass())
        case ".": return .set(.any)
        case "^": return .begin
        case "$": return .end
        case "\\": return .set(try parseEscape())
        case "*", "+", "?", "{": throw error("nothing to repeat")
        default: return .set(ScalarSet(ranges: [scalar.value...scalar.value]))
        }
    }

    private mutating func parseGroup() throws(PatternError) -> PatternNode {
        var look: (ahead: Bool, negative: Bool)?
        var name: Int?
        if take(all: "?:") {
            look = nil
        } else if take(all: "?=") {
            look = (true, false)
        } else if take(all: "?!") {
            look = (true, true)
        } else if take(all: "?<=") {
            look = (false, false)
        } else if take(all: "?<!") {
            look = (false, true)
        } else if names != nil, take(all: "?<") {
            name = try parseName()
        } else if peek == "?" {
            throw error("unsupported group")
        }
        guard depth < Self.depthLimit else { throw error("too many groups in each other") }
        depth += 1
        defer { depth -= 1 }
        let node = try parseChoice()
        guard take(")") else { throw error("unclosed group") }
        if let look, !look.ahead, node.length.max == nil { throw error("look-behind without a longest match") }
        if let name { return .named(name, node) }
        return look.map { .look(ahead: $0.ahead, negative: $0.negative, node) } ?? node
    }

    /// What stands before `>`: letters, digits and underscores, each name once.
    private mutating func parseName() throws(PatternError) -> Int {
        var name = ""
        while let scalar = peek, scalar != ">" {
            let isDigit = ("0"..."9").contains(scalar)
            guard isDigit && !name.isEmpty || scalar == "_" || scalar.properties.isAlphabetic, name.count < 256 else {
                throw error("bad name of a group")
            }
            name.unicodeScalars.append(scalar)
            at += 1
        }
        guard take(">"), !name.isEmpty, let number = names?.count, names?.contains(name) == false, number < 64 else {
            throw error("bad name of a group")
        }
        names?.append(name)
        return number
    }
}

// MARK: Classes and escapes

extension PatternParser {
    private mutating func parseClass() throws(PatternError) -> ScalarSet {
        var set = ScalarSet()
        set.isNegated = take("^")
        var isFirst = true
        while isFirst || peek != "]" {
            isFirst = false
            let part = try parseClassPart()
            guard let low = part.single, peek == "-", at + 1 < text.count, text[at + 1] != "]" else {
                part.add(to: &set)
                continue
            }
            at += 1
            guard let high = try parseClassPart().single, high >= low else { throw error("bad range") }
            set.ranges.append(low...high)
        }
        at += 1
        return set
    }

    /// One scalar of a class, or a set named by an escape.
    private enum ClassPart {
        case scalar(UInt32)
        case set(ScalarSet)

        var single: UInt32? { if case .scalar(let value) = self { value } else { nil } }

        func add(to set: inout ScalarSet) {
            switch self {
            case .scalar(let value): set.ranges.append(value...value)
            case .set(let other): set.complements.append(other)
            }
        }
    }

    private mutating func parseClassPart() throws(PatternError) -> ClassPart {
        let scalar = try next()
        guard scalar == "\\" else {
            if scalar == "[" || scalar == "&", peek == scalar || peek == ":" { throw error("unsupported class") }
            return .scalar(scalar.value)
        }
        let set = try parseEscape()
        if set.ranges.count == 1, !set.isNegated, let range = set.ranges.first, range.count == 1 {
            return .scalar(range.lowerBound)
        }
        return .set(set)
    }

    /// Reads what follows a backslash.
    private mutating func parseEscape() throws(PatternError) -> ScalarSet {
        let scalar = try next()
        switch scalar {
        case "d": return .digits
        case "D": return ScalarSet.digits.negated
        case "w": return .word
        case "W": return ScalarSet.word.negated
        case "s": return .space
        case "S": return ScalarSet.space.negated
        case "p": return try parseCategory()
        case "P": return try parseCategory().negated
        case "u": return single(try parseCodePoint())
        case "x": return single(try parseHex(digits: 2))
        case "n": return single(0x0a)
        case "r": return single(0x0d)
        case "t": return single(0x09)
        case "a"..."z", "A"..."Z", "0"..."9": throw error("unsupported escape")
        default: return single(scalar.value)
        }
    }

    private func single(_ value: UInt32) -> ScalarSet { ScalarSet(ranges: [value...value]) }

    /// `{L}` or `{IsL}`: one major class of general categories.
    private mutating func parseCategory() throws(PatternError) -> ScalarSet {
        guard take("{") else { throw error("no category") }
        _ = take(all: "Is")
        let name = Character(try next())
        guard "LMNZSPC".contains(name), take("}") else { throw error("unsupported category") }
        return ScalarSet(categories: [name])
    }

    /// `XXXX` behind `\u`; two escapes that make a surrogate pair are one scalar, as in Java.
    private mutating func parseCodePoint() throws(PatternError) -> UInt32 {
        let high = try parseHex(digits: 4)
        let mark = at
        guard (0xd800..<0xdc00).contains(high), take(all: "\\u") else { return high }
        let low = try parseHex(digits: 4)
        guard (0xdc00..<0xe000).contains(low) else {
            at = mark
            return high
        }
        return 0x10000 + (high - 0xd800) << 10 + (low - 0xdc00)
    }

    private mutating func parseHex(digits: Int) throws(PatternError) -> UInt32 {
        var value: UInt32 = 0
        for _ in 0..<digits {
            let scalar = try next()
            guard scalar.isASCII, let digit = hexValue(UInt8(scalar.value)) else {
                throw error("bad hexadecimal digit")
            }
            value = value << 4 | UInt32(digit)
        }
        return value
    }
}
