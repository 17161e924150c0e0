package import NIOCore

/// What the bytes of HTTP's heads are made of.
package enum HTTPBytes {
    /// The characters of a token (RFC 9110, 5.6.2), by their codes.
    private static let tokens: [Bool] = (0...255).map { (code: Int) in
        let byte = UInt8(code)
        return (0x30...0x39).contains(byte) || (0x61...0x7A).contains(byte | 0x20) && byte < 0x80
            || "!#$%&'*+-.^_`|~".utf8.contains(byte)
    }

    package static func isToken(_ byte: UInt8) -> Bool { tokens[Int(byte)] }

    /// Whether a field's value may have it (RFC 9110, 5.5): no control character but the tab.
    package static func isValue(_ byte: UInt8) -> Bool { byte >= 0x20 && byte != 0x7F || byte == 0x09 }

    /// Whether `text` is `lower`, a word in lower case, in any case.
    package static func isSame(_ text: some Collection<UInt8>, _ lower: StaticString) -> Bool {
        text.count == lower.utf8CodeUnitCount
            && lower.withUTF8Buffer { lower in zip(text, lower).allSatisfy { ($0 >= 0x40 ? $0 | 0x20 : $0) == $1 } }
    }
}

extension ByteBuffer {
    /// Appends `value` in decimal digits without making a string.
    package mutating func writeDecimal(_ value: Int64) {
        if value < 0 { writeInteger(UInt8(ascii: "-")) }
        var magnitude = value.magnitude
        let end = 20
        withUnsafeTemporaryAllocation(of: UInt8.self, capacity: end) { digits in
            var start = end
            repeat {
                start -= 1
                digits[start] = UInt8(ascii: "0") + UInt8(truncatingIfNeeded: magnitude % 10)
                magnitude /= 10
            } while magnitude > 0
            writeBytes(UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(digits)[start..<end]))
        }
    }
}
