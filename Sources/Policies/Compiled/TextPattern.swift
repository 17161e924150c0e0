import Glibc

/// A pattern of a policy made ready for matching: `*` stands for any text, `?` for any one character.
struct TextPattern: Sendable, Hashable {
    /// A byte, or a wildcard beyond the bytes: so that a star that a variable or `${*}` brought in is only a star.
    typealias Token = UInt16

    static let anyText: Token = 0x100
    static let anyCharacter: Token = 0x101

    private enum Shape: Sendable, Hashable {
        case anything
        case exactly([UInt8])
        case beginning([UInt8])
        case general([Token])
    }

    private let shape: Shape

    init(_ tokens: [Token]) {
        switch tokens.firstIndex(where: { $0 > 0xff }) {
        case nil:
            shape = .exactly(Self.bytes(tokens[...]))
        case let first? where tokens[first...].allSatisfy({ $0 == Self.anyText }):
            shape = first == 0 ? .anything : .beginning(Self.bytes(tokens[..<first]))
        default:
            shape = .general(tokens)
        }
    }

    /// - Parameter text: With stars and question marks.
    init(_ text: some StringProtocol) { self.init(text.utf8.map(Self.token)) }

    private static func bytes(_ tokens: ArraySlice<Token>) -> [UInt8] { tokens.map { UInt8(truncatingIfNeeded: $0) } }

    static func token(_ byte: UInt8) -> Token {
        switch byte {
        case UInt8(ascii: "*"): anyText
        case UInt8(ascii: "?"): anyCharacter
        default: Token(byte)
        }
    }

    /// Whether it matches one text only.
    var isExact: Bool { if case .exactly = shape { true } else { false } }

    /// Takes time that grows with the product of the lengths, whatever the pattern.
    func matches(_ text: Span<UInt8>) -> Bool {
        switch shape {
        case .anything: true
        case .exactly(let bytes): bytes.count == text.count && Self.starts(text, with: bytes)
        case .beginning(let bytes): bytes.count <= text.count && Self.starts(text, with: bytes)
        case .general(let tokens): Self.matches(text, tokens)
        }
    }

    func matches(_ text: String) -> Bool { matches(text.utf8Span.span) }

    /// - Parameter bytes: No more than the text has.
    private static func starts(_ text: Span<UInt8>, with bytes: [UInt8]) -> Bool {
        bytes.withUnsafeBytes { wanted in
            text.withUnsafeBytes { text in
                guard let wanted = wanted.baseAddress, let text = text.baseAddress else { return true }
                return memcmp(text, wanted, bytes.count) == 0
            }
        }
    }

    private static func matches(_ text: Span<UInt8>, _ pattern: [Token]) -> Bool {
        var (at, wanted) = (0, 0)
        /// Where to go on when what follows the last `*` does not match: the star swallows one byte more.
        var retry: (at: Int, wanted: Int)?
        while at < text.count {
            if wanted < pattern.count, pattern[wanted] == anyText {
                wanted += 1
                retry = (at, wanted)
            } else if wanted < pattern.count, pattern[wanted] == anyCharacter {
                at = endOfCharacter(text, at)
                wanted += 1
            } else if wanted < pattern.count, pattern[wanted] == Token(text[at]) {
                (at, wanted) = (at + 1, wanted + 1)
            } else if let last = retry {
                (at, wanted) = (last.at + 1, last.wanted)
                retry?.at = at
            } else {
                return false
            }
        }
        return pattern[wanted...].allSatisfy { $0 == anyText }
    }

    /// The index behind the UTF-8 sequence that begins at `start`.
    private static func endOfCharacter(_ text: Span<UInt8>, _ start: Int) -> Int {
        var end = start + 1
        while end < text.count, text[end] & 0xc0 == 0x80 { end += 1 }
        return end
    }
}

/// What came of holding a text against a pattern in which variables stand.
enum PatternMatch: Sendable, Hashable {
    case matches
    case differs
    /// A variable has no value in this request, so that there is nothing to match.
    case unresolved
}
