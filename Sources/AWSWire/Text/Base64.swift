/// Base64 with the standard alphabet and padding (RFC 4648, section 4).
package enum Base64 {
    private static let alphabet: [UInt8] = Array(
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)

    /// The value of each byte as a digit; 255 for those that are none.
    private static let values: [UInt8] = {
        var values = [UInt8](repeating: 255, count: 256)
        for (value, byte) in alphabet.enumerated() { values[Int(byte)] = UInt8(value) }
        return values
    }()

    package static func encode(_ bytes: some Sequence<UInt8>) -> String {
        var text: [UInt8] = []
        text.reserveCapacity((bytes.underestimatedCount + 2) / 3 * 4)
        var bits: UInt32 = 0
        var held = 0
        for byte in bytes {
            bits = bits << 8 | UInt32(byte)
            held += 1
            if held == 3 {
                for shift in [18, 12, 6, 0] { text.append(alphabet[Int(bits >> UInt32(shift)) & 63]) }
                (bits, held) = (0, 0)
            }
        }
        if held > 0 {
            bits <<= UInt32(8 * (3 - held))
            for digit in 0...held { text.append(alphabet[Int(bits >> UInt32(18 - 6 * digit)) & 63]) }
            text.append(contentsOf: repeatElement(UInt8(ascii: "="), count: 3 - held))
        }
        return String(decoding: text, as: UTF8.self)
    }

    /// The text that was encoded: what tokens of pages are, mostly.
    ///
    /// - Returns: nil for what is no base64, or not of UTF-8.
    package static func decodeText(_ text: String) -> String? {
        decode(text).flatMap { String(validating: $0, as: UTF8.self) }
    }

    /// - Returns: nil for a digit outside the alphabet, wrong padding, or bits behind the last byte that are not zero.
    ///   Padding may be left out, as AWS's services allow.
    package static func decode(_ text: UnsafeRawBufferPointer) -> [UInt8]? {
        var end = text.count
        while end > 0, text.count - end < 2, text[end - 1] == UInt8(ascii: "=") { end -= 1 }
        if end != text.count, text.count % 4 != 0 { return nil }
        if end % 4 == 1 { return nil }
        return values.withUnsafeBufferPointer { values in
            var valid = true
            let bytes = [UInt8](unsafeUninitializedCapacity: end / 4 * 3 + 2) { target, count in
                var bits: UInt32 = 0
                var held: UInt32 = 0
                for index in 0..<end {
                    let value = values[Int(text[index])]
                    if value == 255 {
                        valid = false
                        break
                    }
                    bits = bits << 6 | UInt32(value)
                    held += 6
                    if held >= 8 {
                        held -= 8
                        target.initializeElement(at: count, to: UInt8(truncatingIfNeeded: bits >> held))
                        count += 1
                    }
                }
                if bits & (1 << held - 1) != 0 { valid = false }
            }
            return valid ? bytes : nil
        }
    }

    package static func decode(_ text: String) -> [UInt8]? {
        var text = text
        return text.withUTF8 { decode(UnsafeRawBufferPointer($0)) }
    }
}
