package import NIOCore

/// Checks of JSON text that keep nothing of it.
package enum JSONSyntax {
    /// How deep containers may nest at most. AWS's parser (Jackson) has the same limit.
    package static let maximumDepth = 1000

    /// Tells whether the readable bytes of `buffer` are one JSON value, in one pass that allocates nothing.
    ///
    /// Strict RFC 8259: any value may stand at the top, UTF-8 must be well-formed, nothing may follow.
    /// - Returns: nil for valid JSON.
    package static func validate(_ buffer: ByteBuffer) -> JSONSyntaxError? {
        buffer.withUnsafeReadableBytes { bytes in
            var scanner = JSONScanner(bytes, depthLimit: maximumDepth, sink: NoSink())
            return scanner.run().map { JSONSyntaxError($0, in: bytes) }
        }
    }
}

/// Where and why text is not JSON.
package struct JSONSyntaxError: Error, Sendable, Hashable, CustomStringConvertible {
    /// Counted from zero, from the beginning of the text.
    package let offset: Int
    /// Counted from one.
    package let line: Int
    /// The column that AWS's parser would name, in bytes, counted from one.
    package let column: Int
    /// What is wrong, in the words of AWS's parser.
    package let reason: String

    /// Reason and place as AWS's answers give them, with the line break in the middle.
    package var description: String {
        "\(reason)\n at [Source: \(JSONFault.source); line: \(line), column: \(column)]"
    }

    init(_ fault: JSONFault, in bytes: UnsafeRawBufferPointer) {
        let resolved = fault.resolved(in: bytes)
        offset = fault.offset
        reason = resolved.reason
        (line, column) = JSONFault.place(of: resolved.mark, in: bytes)
    }
}

/// What a scan found wrong, before it is worded.
struct JSONFault {
    enum Reason {
        case endOfInput
        case endOfString
        case trailing
        case expectedValue
        case token
        case expectedName
        case expectedColon
        case expectedCommaInObject
        case expectedCommaInArray
        case mismatchedClose
        case controlCharacter(UInt8)
        case badEscape(UInt8)
        case badHex(UInt8)
        case utf8Start(UInt8)
        case utf8Middle(UInt8)
        case leadingZero
        case noDigitAfterMinus
        case noDigitAfterPoint
        case noDigitInExponent
        case tooDeep(Int)
    }

    var reason: Reason
    /// The byte that is wrong, or the end of the text.
    var offset: Int

    /// What AWS prints where its parser would print the text.
    static let source = "REDACTED (`StreamReadFeature.INCLUDE_SOURCE_IN_LOCATION` disabled)"

    private static let values = "(JSON String, Number, Array, Object or token 'null', 'true' or 'false')"

    static func place(of mark: Int, in bytes: UnsafeRawBufferPointer) -> (line: Int, column: Int) {
        var line = 1
        var start = 0
        for index in 0..<min(mark, bytes.count) where bytes[index] == 0x0a {
            line += 1
            start = index + 1
        }
        return (line, mark - start + 1)
    }

    /// The wording, and the offset whose column is to be named: AWS's parser names the place behind the byte it has
    /// just consumed, except for an unexpected character, where it names the character's own.
    func resolved(in bytes: UnsafeRawBufferPointer) -> (reason: String, mark: Int) {
        switch reason {
        case .endOfInput: return (endOfInput(in: bytes), offset)
        case .endOfString: return ("Unexpected end-of-input: was expecting closing quote for a string value", offset)
        case .trailing: return (unexpected(in: bytes, "expected end of input"), offset)
        case .expectedValue: return (unexpected(in: bytes, "expected a valid value \(Self.values)"), offset)
        case .token: return token(in: bytes)
        case .expectedName: return (unexpected(in: bytes, "was expecting double-quote to start field name"), offset)
        case .expectedColon:
            return (unexpected(in: bytes, "was expecting a colon to separate field name and value"), offset)
        case .expectedCommaInObject:
            return (unexpected(in: bytes, "was expecting comma to separate Object entries"), offset)
        case .expectedCommaInArray:
            return (unexpected(in: bytes, "was expecting comma to separate Array entries"), offset)
        case .mismatchedClose: return (mismatchedClose(in: bytes), offset + 1)
        case .controlCharacter(let byte):
            let text = "has to be escaped using backslash to be included in string value"
            return ("Illegal unquoted character (\(Self.name(byte))): \(text)", offset + 1)
        case .badEscape(let byte): return ("Unrecognized character escape \(Self.name(byte))", offset + 1)
        case .badHex(let byte):
            return (
                "Unexpected character (\(Self.name(byte))): expected a hex-digit for character escape sequence", offset
            )
        case .utf8Start(let byte): return ("Invalid UTF-8 start byte 0x\(Self.hex(byte))", offset + 1)
        case .utf8Middle(let byte): return ("Invalid UTF-8 middle byte 0x\(Self.hex(byte))", offset + 1)
        case .leadingZero: return ("Invalid numeric value: Leading zeroes not allowed", offset + 1)
        case .noDigitAfterMinus:
            return (unexpected(in: bytes, "expected digit (0-9) to follow minus sign, for valid numeric value"), offset)
        case .noDigitAfterPoint: return (unexpected(in: bytes, "Decimal point not followed by a digit"), offset)
        case .noDigitInExponent: return (unexpected(in: bytes, "Exponent indicator not followed by a digit"), offset)
        case .tooDeep(let limit):
            return ("Document nesting depth (\(limit + 1)) exceeds the maximum allowed (\(limit))", offset + 1)
        }
    }

    private func unexpected(in bytes: UnsafeRawBufferPointer, _ comment: String) -> String {
        "Unexpected character (\(Self.name(bytes[offset]))): \(comment)"
    }

    /// A word that is no token: AWS's parser reads on to its end, and may stumble over its encoding on the way.
    private func token(in bytes: UnsafeRawBufferPointer) -> (reason: String, mark: Int) {
        var end = offset
        while end < bytes.count, end - offset < 256, isIdentifier(bytes[end]) { end += 1 }
        if end < bytes.count, (0x80...0xc1).contains(bytes[end]) || bytes[end] > 0xf4 {
            return ("Invalid UTF-8 start byte 0x\(Self.hex(bytes[end]))", end + 1)
        }
        let word = String(decoding: bytes[offset..<end], as: UTF8.self)
        return ("Unrecognized token '\(word)': was expecting \(Self.values)", end)
    }

    private func endOfInput(in bytes: UnsafeRawBufferPointer) -> String {
        guard let open = innermostOpen(in: bytes) else { return "No content to map due to end-of-input" }
        return "Unexpected end-of-input: expected close marker for \(open.kind) (start marker at \(open.place))"
    }

    private func mismatchedClose(in bytes: UnsafeRawBufferPointer) -> String {
        guard let open = innermostOpen(in: bytes) else { return "Unexpected close marker" }
        let marker = Unicode.Scalar(bytes[offset])
        let wanted = open.kind == "Object" ? "}" : "]"
        return "Unexpected close marker '\(marker)': expected '\(wanted)' (for \(open.kind) starting at \(open.place))"
    }

    /// The container that is open where the fault is, as AWS's parser calls it, and where it began.
    private func innermostOpen(in bytes: UnsafeRawBufferPointer) -> (kind: String, place: String)? {
        var open: [Int] = []
        var inString = false
        var index = 0
        while index < min(offset, bytes.count) {
            switch bytes[index] {
            case UInt8(ascii: "\\") where inString: index += 1
            case UInt8(ascii: "\""): inString.toggle()
            case UInt8(ascii: "{") where !inString, UInt8(ascii: "[") where !inString: open.append(index)
            case UInt8(ascii: "}") where !inString, UInt8(ascii: "]") where !inString: _ = open.popLast()
            default: break
            }
            index += 1
        }
        guard let start = open.last else { return nil }
        let (line, column) = Self.place(of: start, in: bytes)
        let place = "[Source: \(Self.source); line: \(line), column: \(column)]"
        return (bytes[start] == UInt8(ascii: "{") ? "Object" : "Array", place)
    }

    private static func name(_ byte: UInt8) -> String {
        switch byte {
        case 0..<0x20, 0x7f...0x9f: "(CTRL-CHAR, code \(byte))"
        default: "'\(Unicode.Scalar(byte))' (code \(byte))"
        }
    }

    private static func hex(_ byte: UInt8) -> String { String(byte, radix: 16) }
}
