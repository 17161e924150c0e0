import AWSWire

/// The rule of a composite alarm, as read.
///
/// https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutCompositeAlarm.html
struct AlarmRule: Sendable, Hashable {
    private indirect enum Node: Sendable, Hashable {
        case constant(Bool)
        case state(AlarmState, String)
        case not(Node)
        case and(Node, Node)
        case or(Node, Node)
    }

    private enum Token: Hashable {
        case word(String)
        case quoted(String)
        case open
        case close
    }

    /// How many alarms a rule names, and how many parts it has.
    private static let childLimit = 100
    private static let elementLimit = 500

    private let root: Node
    /// Names and ARNs, each once.
    let children: [String]

    /// - Throws: `ValidationException`.
    init(_ text: String) throws(AWSError) {
        var reader = Reader(tokens: try Self.tokens(of: text)[...])
        root = try reader.either(depth: 0)
        guard reader.tokens.isEmpty, reader.elements <= Self.elementLimit else { throw Self.unreadable(text) }
        var known: Set<String> = []
        children = reader.names.filter { known.insert($0).inserted }
        guard children.count <= Self.childLimit else {
            throw .validation("AlarmRule must not have more than \(Self.childLimit) alarms.")
        }
    }

    /// - Parameter state: Of an alarm, by its name.
    func holds(_ state: (String) -> AlarmState) -> Bool { Self.holds(root, state) }

    private static func holds(_ node: Node, _ state: (String) -> AlarmState) -> Bool {
        switch node {
        case .constant(let value): value
        case .state(let wanted, let name): state(name) == wanted
        case .not(let inner): !holds(inner, state)
        case .and(let left, let right): holds(left, state) && holds(right, state)
        case .or(let left, let right): holds(left, state) || holds(right, state)
        }
    }

    private static func unreadable(_ text: String) -> AWSError {
        .validation("Error parsing AlarmRule: \(text.prefix(200))")
    }

    private struct Reader {
        var tokens: ArraySlice<Token>
        var names: [String] = []
        var elements = 0

        mutating func either(depth: Int) throws(AWSError) -> Node {
            var left = try both(depth: depth)
            while takeWord("OR") { left = .or(left, try both(depth: depth)) }
            return left
        }

        mutating func both(depth: Int) throws(AWSError) -> Node {
            var left = try single(depth: depth)
            while takeWord("AND") { left = .and(left, try single(depth: depth)) }
            return left
        }

        mutating func single(depth: Int) throws(AWSError) -> Node {
            elements += 1
            guard depth < 64, elements <= AlarmRule.elementLimit else {
                throw .validation("AlarmRule has too many elements.")
            }
            if takeWord("NOT") { return .not(try single(depth: depth + 1)) }
            guard let token = tokens.popFirst() else { throw AlarmRule.unreadable("it ends too early") }
            switch token {
            case .open:
                let inner = try either(depth: depth + 1)
                guard tokens.popFirst() == .close else { throw AlarmRule.unreadable("a parenthesis is not closed") }
                return inner
            case .word(let word):
                switch word.uppercased() {
                case "TRUE": return .constant(true)
                case "FALSE": return .constant(false)
                case "AT_LEAST": throw .unsupported("AT_LEAST in alarm rules is not supported.")
                case let name:
                    guard let state = AlarmState(rawValue: name) else { throw AlarmRule.unreadable(word) }
                    return .state(state, try child())
                }
            case .quoted(let text): throw AlarmRule.unreadable(text)
            case .close: throw AlarmRule.unreadable(")")
            }
        }

        private mutating func child() throws(AWSError) -> String {
            guard tokens.popFirst() == .open, let token = tokens.popFirst() else {
                throw AlarmRule.unreadable("a state has no alarm")
            }
            let name: String
            switch token {
            case .word(let text), .quoted(let text): name = text
            case .open, .close: throw AlarmRule.unreadable("a state has no alarm")
            }
            guard tokens.popFirst() == .close, !name.isEmpty else {
                throw AlarmRule.unreadable("a state has one alarm")
            }
            names.append(name)
            return name
        }

        private mutating func takeWord(_ word: String) -> Bool {
            guard case .word(let next) = tokens.first, next.uppercased() == word else { return false }
            tokens = tokens.dropFirst()
            return true
        }
    }

    private static func tokens(of text: String) throws(AWSError) -> [Token] {
        guard let first = text.first, let last = text.last, !first.isWhitespace, !last.isWhitespace else {
            throw .validation("AlarmRule must not contain leading or trailing whitespace or be null")
        }
        var tokens: [Token] = []
        var rest = text[...]
        while let next = rest.first {
            switch next {
            case "(":
                tokens.append(.open)
                rest = rest.dropFirst()
            case ")":
                tokens.append(.close)
                rest = rest.dropFirst()
            case "\"", "'":
                var name = ""
                rest = rest.dropFirst()
                while let character = rest.first, character != next {
                    rest = rest.dropFirst()
                    if character == "\\", let escaped = rest.popFirst() {
                        name.append(escaped)
                    } else {
                        name.append(character)
                    }
                }
                guard rest.popFirst() == next else { throw unreadable(text) }
                tokens.append(.quoted(name))
            case let space where space.isWhitespace: rest = rest.dropFirst()
            default:
                let word = rest.prefix { !$0.isWhitespace && $0 != "(" && $0 != ")" && $0 != "\"" }
                tokens.append(.word(String(word)))
                rest = rest[word.endIndex...]
            }
        }
        return tokens
    }
}
