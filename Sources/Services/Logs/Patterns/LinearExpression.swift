/// A regular expression that takes time in proportion to the message's length, whatever it is: clients choose the one,
/// functions write the other. It is run as a set of states (Thompson's construction), without backtracking.
///
/// `.` `\d` `\w` `\s` and their opposites, `[a-z]` `[^a-z]`, `^` `$`, `?` `*` `+` `{m,n}`, `|`, groups, `\xhh`, and a
/// backslash before anything else that is to be taken as it is. It works on bytes: what is beyond ASCII stands for
/// itself only outside of classes.
struct LinearExpression: Sendable {
    private enum Instruction {
        case byte(ByteSet)
        case split(Int, Int)
        case jump(Int)
        case start
        case end
        case accept
    }

    /// How many states there may be, which bounds what a byte of a message costs.
    private static let limit = 512

    private var program: [Instruction] = []

    /// - Returns: Nil for what is no such expression, or is too long.
    init?(_ text: String) {
        var parser = ExpressionParser(text)
        guard !text.isEmpty, let node = parser.parse(), node.size < Self.limit else { return nil }
        compile(node)
        program.append(.accept)
    }

    private mutating func compile(_ node: ExpressionNode) {
        switch node {
        case .empty: break
        case .byte(let set): program.append(.byte(set))
        case .start: program.append(.start)
        case .end: program.append(.end)
        case .sequence(let parts): for part in parts { compile(part) }
        case .either(let left, let right):
            let split = program.count
            program.append(.accept)
            compile(left)
            let jump = program.count
            program.append(.accept)
            program[split] = .split(split + 1, program.count)
            compile(right)
            program[jump] = .jump(program.count)
        case .repeated(let part, let least, let most):
            for _ in 0..<least { compile(part) }
            if let most {
                var splits: [Int] = []
                for _ in least..<max(least, most) {
                    splits.append(program.count)
                    program.append(.accept)
                    compile(part)
                }
                for split in splits { program[split] = .split(split + 1, program.count) }
            } else {
                let split = program.count
                program.append(.accept)
                compile(part)
                program.append(.jump(split))
                program[split] = .split(split + 1, program.count)
            }
        }
    }

    /// Whether the expression describes any part of `message`.
    func occurs(in message: UnsafeRawBufferPointer) -> Bool {
        var current = StateSet(program.count)
        var next = StateSet(program.count)
        for index in 0...message.count {
            if add(0, to: &current, at: index, of: message.count) { return true }
            guard index < message.count else { return false }
            next.removeAll()
            for state in current.members {
                guard case .byte(let set) = program[state], set.contains(message[index]) else { continue }
                if add(state + 1, to: &next, at: index + 1, of: message.count) { return true }
            }
            swap(&current, &next)
        }
        return false
    }

    /// Adds a state and all that are reached from it without a byte.
    ///
    /// - Returns: Whether the end is among them.
    private func add(_ state: Int, to set: inout StateSet, at index: Int, of count: Int) -> Bool {
        var pending = [state]
        while let state = pending.popLast() {
            guard set.insert(state) else { continue }
            switch program[state] {
            case .accept: return true
            case .jump(let other): pending.append(other)
            case .split(let one, let other): pending += [other, one]
            case .start: if index == 0 { pending.append(state + 1) }
            case .end: if index == count { pending.append(state + 1) }
            case .byte: break
            }
        }
        return false
    }
}

/// States without order or repetition.
private struct StateSet {
    private(set) var members: [Int] = []
    private var isIn: [Bool]

    init(_ count: Int) { isIn = Array(repeating: false, count: count) }

    mutating func insert(_ state: Int) -> Bool {
        if isIn[state] { return false }
        isIn[state] = true
        members.append(state)
        return true
    }

    mutating func removeAll() {
        for state in members { isIn[state] = false }
        members.removeAll(keepingCapacity: true)
    }
}

/// A set of bytes.
struct ByteSet: Sendable, Hashable {
    private var words: (UInt64, UInt64, UInt64, UInt64) = (0, 0, 0, 0)

    static let any = ByteSet(0...0xff)
    static let digits = ByteSet(0x30...0x39)
    static let wordBytes = ByteSet(0x30...0x39).union(ByteSet(0x41...0x5a)).union(ByteSet(0x61...0x7a))
        .union(ByteSet(0x5f...0x5f))
    static let spaces = ByteSet(0x09...0x0d).union(ByteSet(0x20...0x20))

    init() {}

    init(_ range: ClosedRange<UInt8>) {
        for byte in range { insert(byte) }
    }

    mutating func insert(_ byte: UInt8) {
        let bit = UInt64(1) << UInt64(byte & 63)
        switch byte >> 6 {
        case 0: words.0 |= bit
        case 1: words.1 |= bit
        case 2: words.2 |= bit
        default: words.3 |= bit
        }
    }

    func contains(_ byte: UInt8) -> Bool {
        let word =
            switch byte >> 6 {
            case 0: words.0
            case 1: words.1
            case 2: words.2
            default: words.3
            }
        return word >> UInt64(byte & 63) & 1 == 1
    }

    func union(_ other: ByteSet) -> ByteSet {
        var set = self
        set.words = (
            words.0 | other.words.0, words.1 | other.words.1, words.2 | other.words.2, words.3 | other.words.3
        )
        return set
    }

    var inverted: ByteSet {
        var set = self
        set.words = (~words.0, ~words.1, ~words.2, ~words.3)
        return set
    }

    static func == (one: ByteSet, other: ByteSet) -> Bool { one.words == other.words }
    func hash(into hasher: inout Hasher) { hasher.combine(words.0 ^ words.1 ^ words.2 ^ words.3) }
}

/// What an expression says.
indirect enum ExpressionNode {
    case empty
    case byte(ByteSet)
    case start
    case end
    case sequence([ExpressionNode])
    case either(ExpressionNode, ExpressionNode)
    /// - `most`: nil for any number.
    case repeated(ExpressionNode, least: Int, most: Int?)

    /// How many states it takes, or more.
    var size: Int {
        switch self {
        case .empty: 0
        case .byte, .start, .end: 1
        case .sequence(let parts): parts.reduce(0) { min($0 + $1.size, 1 << 20) }
        case .either(let left, let right): min(left.size + right.size + 2, 1 << 20)
        case .repeated(let part, let least, let most):
            min((part.size + 1) * max(least, most ?? least + 1) + 1, 1 << 20)
        }
    }
}

private struct ExpressionParser {
    private static let depthLimit = 16
    private static let repetitionLimit = 1_000

    private let bytes: [UInt8]
    private var index = 0

    init(_ text: String) { bytes = Array(text.utf8) }

    private var peek: UInt8? { index < bytes.count ? bytes[index] : nil }

    mutating func parse() -> ExpressionNode? {
        guard let node = alternatives(depth: 0), peek == nil else { return nil }
        return node
    }

    private mutating func take(_ byte: Character) -> Bool {
        guard peek == byte.asciiValue else { return false }
        index += 1
        return true
    }

    private mutating func alternatives(depth: Int) -> ExpressionNode? {
        guard depth < Self.depthLimit, var node = sequence(depth: depth) else { return nil }
        while take("|") {
            guard let other = sequence(depth: depth) else { return nil }
            node = .either(node, other)
        }
        return node
    }

    private mutating func sequence(depth: Int) -> ExpressionNode? {
        var parts: [ExpressionNode] = []
        while let byte = peek, byte != UInt8(ascii: "|"), byte != UInt8(ascii: ")") {
            guard var part = atom(depth: depth) else { return nil }
            if let byte = peek, Array("?*+{".utf8).contains(byte) {
                guard let repeated = repetition(of: part) else { return nil }
                part = repeated
            }
            parts.append(part)
        }
        return parts.isEmpty ? .empty : .sequence(parts)
    }

    private mutating func repetition(of part: ExpressionNode) -> ExpressionNode? {
        if take("?") { return .repeated(part, least: 0, most: 1) }
        if take("*") { return .repeated(part, least: 0, most: nil) }
        if take("+") { return .repeated(part, least: 1, most: nil) }
        guard take("{"), let least = number() else { return nil }
        if take("}") { return .repeated(part, least: least, most: least) }
        guard take(",") else { return nil }
        if take("}") { return .repeated(part, least: least, most: nil) }
        guard let most = number(), most >= least, take("}") else { return nil }
        return .repeated(part, least: least, most: most)
    }

    private mutating func number() -> Int? {
        let start = index
        while let byte = peek, (0x30...0x39).contains(byte), index - start < 4 { index += 1 }
        return Int(String(decoding: bytes[start..<index], as: UTF8.self)).flatMap {
            $0 <= Self.repetitionLimit ? $0 : nil
        }
    }

    private mutating func atom(depth: Int) -> ExpressionNode? {
        guard let byte = peek else { return nil }
        index += 1
        switch byte {
        case UInt8(ascii: "."): return .byte(.any)
        case UInt8(ascii: "^"): return .start
        case UInt8(ascii: "$"): return .end
        case UInt8(ascii: "["): return byteClass().map { .byte($0) }
        case UInt8(ascii: "\\"): return escape().map { .byte($0) }
        case UInt8(ascii: "("):
            guard let node = alternatives(depth: depth + 1), take(")") else { return nil }
            return node
        case UInt8(ascii: "?"), UInt8(ascii: "*"), UInt8(ascii: "+"), UInt8(ascii: "{"): return nil
        default: return .byte(ByteSet(byte...byte))
        }
    }

    /// After the backslash.
    private mutating func escape() -> ByteSet? {
        guard let byte = peek else { return nil }
        index += 1
        switch byte {
        case UInt8(ascii: "d"): return .digits
        case UInt8(ascii: "D"): return ByteSet.digits.inverted
        case UInt8(ascii: "w"): return .wordBytes
        case UInt8(ascii: "W"): return ByteSet.wordBytes.inverted
        case UInt8(ascii: "s"): return .spaces
        case UInt8(ascii: "S"): return ByteSet.spaces.inverted
        case UInt8(ascii: "t"): return ByteSet(9...9)
        case UInt8(ascii: "n"): return ByteSet(10...10)
        case UInt8(ascii: "r"): return ByteSet(13...13)
        case UInt8(ascii: "x"):
            guard index + 2 <= bytes.count,
                let value = UInt8(String(decoding: bytes[index..<index + 2], as: UTF8.self), radix: 16)
            else { return nil }
            index += 2
            return ByteSet(value...value)
        case 0x30...0x39, 0x41...0x5a, 0x61...0x7a: return nil
        default: return ByteSet(byte...byte)
        }
    }

    /// After the opening bracket.
    private mutating func byteClass() -> ByteSet? {
        let isInverted = take("^")
        var set = ByteSet()
        var isFirst = true
        while let byte = peek, isFirst || byte != UInt8(ascii: "]") {
            isFirst = false
            index += 1
            guard byte < 0x80 else { return nil }
            if byte == UInt8(ascii: "\\") {
                guard let escaped = escape() else { return nil }
                set = set.union(escaped)
                continue
            }
            if peek == UInt8(ascii: "-"), index + 1 < bytes.count, bytes[index + 1] != UInt8(ascii: "]") {
                let end = bytes[index + 1]
                guard end >= byte, end < 0x80, end != UInt8(ascii: "\\") else { return nil }
                index += 2
                set = set.union(ByteSet(byte...end))
            } else {
                set.insert(byte)
            }
        }
        guard take("]") else { return nil }
        return isInverted ? set.inverted : set
    }
}
