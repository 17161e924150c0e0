import AWSWire
package import NIOCore

/// A place in a policy's text as the policy simulator counts: lines and columns from 1.
package struct TextPosition: Sendable, Hashable {
    package var line: Int
    package var column: Int
}

extension PolicyDocument {
    /// Where each statement stands in the text: behind its first brace, and behind its last, as recorded in
    /// localstack's test_simulate_principle_policy.
    ///
    /// - Returns: Empty when the text is no policy.
    package static func statementPositions(in text: ByteBuffer) -> [(start: TextPosition, end: TextPosition)] {
        guard let statement = (try? JSONValue(parsing: text))?["Statement"] else { return [] }
        var rest = text.readableBytesView[...]
        var (offset, position) = (0, TextPosition(line: 1, column: 1))
        // Statements stand one after the other: the text is gone through once.
        func advance(to end: Int) -> TextPosition {
            for byte in rest.prefix(end - offset) {
                if byte == UInt8(ascii: "\n") {
                    position = TextPosition(line: position.line + 1, column: 1)
                } else if byte & 0xc0 != 0x80 {
                    position.column += 1
                }
            }
            rest = rest.dropFirst(end - offset)
            offset = end
            return position
        }
        return statement.listed.map { value in
            (advance(to: value.byteRange.lowerBound + 1), advance(to: value.byteRange.upperBound))
        }
    }
}
