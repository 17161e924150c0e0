import AWSWire

/// Reads the parts of a filter pattern that its kinds share.
struct PatternScanner {
    private let bytes: [UInt8]
    private var index = 0
    /// How many regular expressions were taken.
    private(set) var expressions = 0

    init(_ text: String) { bytes = Array(text.utf8) }

    var peek: UInt8? { index < bytes.count ? bytes[index] : nil }
    var isAtEnd: Bool { index >= bytes.count }

    mutating func skipSpaces() {
        while let byte = peek, Self.isSpace(byte) { index += 1 }
    }

    /// Takes `text`, if that is what comes.
    mutating func take(_ text: StaticString) -> Bool {
        let wanted = UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount)
        guard bytes[index...].starts(with: wanted) else { return false }
        index += wanted.count
        return true
    }

    /// Takes a word of letters, in any case, if it is what comes and no letter follows it.
    mutating func takeWord(_ word: StaticString) -> Bool {
        let start = index
        for wanted in UnsafeBufferPointer(start: word.utf8Start, count: word.utf8CodeUnitCount) {
            guard let byte = peek, byte | 0x20 == wanted | 0x20 else {
                index = start
                return false
            }
            index += 1
        }
        if let byte = peek, Self.isName(byte) {
            index = start
            return false
        }
        return true
    }

    mutating func take(while isTaken: (UInt8) -> Bool) -> [UInt8] {
        let start = index
        while let byte = peek, isTaken(byte) { index += 1 }
        return Array(bytes[start..<index])
    }

    mutating func takeByte() -> UInt8? {
        guard let byte = peek else { return nil }
        index += 1
        return byte
    }

    /// What is up to the end or the next space, without taking it.
    var word: String { String(decoding: bytes[index...].prefix { !Self.isSpace($0) }, as: UTF8.self) }

    /// What was taken since the scanner was as another is.
    func text(since start: PatternScanner) -> String {
        String(decoding: bytes[start.index..<index], as: UTF8.self)
    }

    /// What is up to the closing quote, after the opening one; a backslash takes the next byte as it is.
    ///
    /// - Parameter quote: The closing one.
    mutating func takeQuoted(_ quote: UInt8 = UInt8(ascii: "\"")) throws(FilterPattern.Failure) -> [UInt8] {
        var text: [UInt8] = []
        while var byte = takeByte() {
            if byte == quote { return text }
            if byte == UInt8(ascii: "\\"), let next = takeByte() { byte = next }
            text.append(byte)
        }
        throw .unterminatedQuote
    }

    /// A regular expression up to the closing percent sign, after the opening one.
    mutating func takeExpression() throws(FilterPattern.Failure) -> Pattern {
        let text = String(decoding: take { $0 != UInt8(ascii: "%") }, as: UTF8.self)
        guard takeByte() != nil, let expression = try? Pattern(untrusted: text) else { throw .regularExpression(text) }
        expressions += 1
        guard expressions <= FilterPattern.expressionLimit else { throw .tooManyExpressions }
        return expression
    }

    static func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || (0x09...0x0d).contains(byte) }

    /// Letters, digits, underscores and all beyond ASCII.
    static func isName(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, 0x41...0x5a, 0x61...0x7a, UInt8(ascii: "_"), 0x80...: true
        default: false
        }
    }
}
