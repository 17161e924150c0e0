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
        let bytes = text.readableBytesView
        func position(_ offset: Int) -> TextPosition {
            var position = TextPosition(line: 1, column: 1)
            for byte in bytes.prefix(offset) {
                if byte == UInt8(ascii: "\n") {
                    position = TextPosition(line: position.line + 1, column: 1)
                } else if byte & 0xc0 != 0x80 {
                    position.column += 1
                }
            }
            return position
        }
        return statement.listed.map { value in
            (position(value.byteRange.lowerBound + 1), position(value.byteRange.upperBound))
        }
    }
}
