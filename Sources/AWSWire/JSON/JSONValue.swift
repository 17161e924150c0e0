package import NIOCore

/// A value in a parsed JSON text.
///
/// The text is read once into a flat list of tokens that point into it; strings and numbers are decoded when asked for.
/// A value is an index into that list, so it is cheap to hand around and keeps the whole text alive.
package struct JSONValue: Sendable {
    private let document: JSONDocument
    private let index: Int

    /// Reads one strict JSON text.
    ///
    /// - Parameter depthLimit: How deep containers may nest.
    package init(parsing buffer: ByteBuffer, depthLimit: Int = 100) throws(JSONSyntaxError) {
        switch JSONDocument.parse(buffer, depthLimit: depthLimit) {
        case .success(let document): self.init(document: document, index: 0)
        case .failure(let error): throw error
        }
    }

    fileprivate init(document: JSONDocument, index: Int) {
        self.document = document
        self.index = index
    }

    private var token: JSONToken { document.tokens[index] }

    package var kind: JSONKind { token.kind }
    package var isNull: Bool { kind == .null }

    /// Where the value stands in the text; of a string, what is between its quotes.
    package var byteRange: Range<Int> { Int(token.start)..<Int(token.end) }

    /// The members of an object that are texts, as tags are. Of repeated names the last comes last.
    package var texts: [(key: String, value: String)] {
        members.compactMap { member in member.value.string.map { (member.name, $0) } }
    }

    /// The text of a string with its escapes resolved; a lone surrogate becomes U+FFFD. Nil for other kinds.
    package var string: String? { kind == .string ? document.string(token) : nil }

    /// The bytes of a string whose text is ASCII and has no escapes, without a copy. Nil for everything else.
    package func withPlainBytes<Result>(_ body: (UnsafeRawBufferPointer) -> Result) -> Result? {
        guard kind == .string, !token.escaped else { return nil }
        return document.withBytes(token, body)
    }

    package var bool: Bool? {
        switch kind {
        case .true: true
        case .false: false
        default: nil
        }
    }

    /// A number that is a whole one within the range of `Int`, however it is spelled (`3`, `3.0`, `3e0`).
    package var int: Int? {
        guard kind == .number else { return nil }
        let text = document.text(token)
        if let value = Int(text) { return value }
        return Double(text).flatMap { Int(exactly: $0) }
    }

    /// A number as a double; nil for other kinds and for what overflows one.
    package var double: Double? {
        guard kind == .number, let value = Double(document.text(token)), value.isFinite else { return nil }
        return value
    }

    /// The number as it is written.
    package var numberText: String? { kind == .number ? document.text(token) : nil }

    /// The elements of an array; empty for other kinds.
    package var elements: [JSONValue] {
        guard kind == .array else { return [] }
        var values: [JSONValue] = []
        var next = index + 1
        while next < token.next {
            values.append(JSONValue(document: document, index: next))
            next = document.tokens[next].next
        }
        return values
    }

    /// The members of an object in the order of the text, repeated names included; empty for other kinds.
    package var members: [(name: String, value: JSONValue)] {
        guard kind == .object else { return [] }
        var values: [(name: String, value: JSONValue)] = []
        var next = index + 1
        while next < token.next {
            let value = JSONValue(document: document, index: next + 1)
            values.append((document.string(document.tokens[next]), value))
            next = document.tokens[next + 1].next
        }
        return values
    }

    /// The member of that name; of repeated names the last counts. Nil when there is none or this is no object.
    package subscript(name: String) -> JSONValue? {
        guard kind == .object else { return nil }
        var found: JSONValue?
        var next = index + 1
        while next < token.next {
            if document.matches(document.tokens[next], name) { found = JSONValue(document: document, index: next + 1) }
            next = document.tokens[next + 1].next
        }
        return found
    }
}

/// One token of a text.
private struct JSONToken {
    var kind: JSONKind
    var escaped: Bool
    /// The bytes of the token; those of a string without its quotes.
    var start: UInt32
    var end: UInt32
    /// The index of the token behind this one and all that it holds.
    var nextIndex: UInt32

    var next: Int { Int(nextIndex) }
}

/// A parsed text: its bytes and its tokens, never changed after parsing.
private final class JSONDocument: Sendable {
    let text: ByteBuffer
    let tokens: [JSONToken]

    private init(text: ByteBuffer, tokens: [JSONToken]) {
        self.text = text
        self.tokens = tokens
    }

    static func parse(_ buffer: ByteBuffer, depthLimit: Int) -> Result<JSONDocument, JSONSyntaxError> {
        buffer.withUnsafeReadableBytes { bytes in
            var scanner = JSONScanner(bytes, depthLimit: depthLimit, sink: TokenSink())
            if let fault = scanner.run() { return .failure(JSONSyntaxError(fault, in: bytes)) }
            return .success(JSONDocument(text: buffer, tokens: scanner.sink.tokens))
        }
    }

    func withBytes<Result>(_ token: JSONToken, _ body: (UnsafeRawBufferPointer) -> Result) -> Result {
        text.withUnsafeReadableBytes { bytes in
            body(UnsafeRawBufferPointer(rebasing: bytes[Int(token.start)..<Int(token.end)]))
        }
    }

    /// The token as it is written.
    func text(_ token: JSONToken) -> String { withBytes(token) { String(decoding: $0, as: UTF8.self) } }

    /// A string token with its escapes resolved.
    func string(_ token: JSONToken) -> String {
        withBytes(token) { bytes in
            token.escaped
                ? String(decoding: JSONEscapes.resolved(bytes), as: UTF8.self) : String(decoding: bytes, as: UTF8.self)
        }
    }

    func matches(_ token: JSONToken, _ name: String) -> Bool {
        if token.escaped { return string(token) == name }
        return withBytes(token) { bytes in bytes.count == name.utf8.count && bytes.elementsEqual(name.utf8) }
    }
}

/// Collects tokens, and tells each container where it ends.
private struct TokenSink: JSONSink {
    var tokens: [JSONToken] = []
    private var open: [Int] = []

    mutating func open(_ kind: JSONKind, at offset: Int) {
        open.append(tokens.count)
        tokens.append(JSONToken(kind: kind, escaped: false, start: UInt32(offset), end: UInt32(offset), nextIndex: 0))
    }

    mutating func close(before end: Int) {
        guard let index = open.popLast() else { return }
        tokens[index].end = UInt32(end)
        tokens[index].nextIndex = UInt32(tokens.count)
    }

    mutating func scalar(_ kind: JSONKind, _ bytes: Range<Int>, escaped: Bool) {
        let next = UInt32(tokens.count + 1)
        let (start, end) = (UInt32(bytes.lowerBound), UInt32(bytes.upperBound))
        tokens.append(JSONToken(kind: kind, escaped: escaped, start: start, end: end, nextIndex: next))
    }
}

/// The escapes of JSON strings.
private enum JSONEscapes {
    /// The UTF-8 text of a string that the scanner has accepted.
    static func resolved(_ bytes: UnsafeRawBufferPointer) -> [UInt8] {
        var text: [UInt8] = []
        text.reserveCapacity(bytes.count)
        var at = 0
        while at < bytes.count {
            guard bytes[at] == UInt8(ascii: "\\") else {
                text.append(bytes[at])
                at += 1
                continue
            }
            switch bytes[at + 1] {
            case UInt8(ascii: "b"): text.append(0x08)
            case UInt8(ascii: "f"): text.append(0x0c)
            case UInt8(ascii: "n"): text.append(0x0a)
            case UInt8(ascii: "r"): text.append(0x0d)
            case UInt8(ascii: "t"): text.append(0x09)
            case UInt8(ascii: "u"):
                let (scalar, length) = scalar(bytes, at)
                text.append(contentsOf: String(Character(scalar)).utf8)
                at += length
                continue
            case let byte: text.append(byte)
            }
            at += 2
        }
        return text
    }

    /// The scalar of the `\u` escape at `at`, or of a surrogate pair of two of them, and its length in bytes.
    private static func scalar(_ bytes: UnsafeRawBufferPointer, _ at: Int) -> (Unicode.Scalar, Int) {
        let high = unit(bytes, at)
        if (0xd800..<0xdc00).contains(high), at + 12 <= bytes.count, bytes[at + 6] == UInt8(ascii: "\\"),
            bytes[at + 7] == UInt8(ascii: "u")
        {
            let low = unit(bytes, at + 6)
            if (0xdc00..<0xe000).contains(low),
                let scalar = Unicode.Scalar(0x10000 + (high - 0xd800) << 10 + (low - 0xdc00))
            {
                return (scalar, 12)
            }
        }
        return (Unicode.Scalar(high) ?? "\u{fffd}", 6)
    }

    private static func unit(_ bytes: UnsafeRawBufferPointer, _ at: Int) -> UInt32 {
        bytes[at + 2..<at + 6].reduce(0) { $0 << 4 | UInt32(hexValue($1) ?? 0) }
    }
}
