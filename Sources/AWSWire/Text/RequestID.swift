/// Ids in the form of AWS's request ids.
package enum RequestID {
    /// A new random UUID (version 4, RFC 9562) in lower case, such as `5f0c1c3e-8b0a-4f6e-9d0a-2b9a5c1d7e42`.
    package static func make() -> String {
        var generator = BufferedRandom()
        return make(using: &generator)
    }

    package static func make(using generator: inout some RandomNumberGenerator) -> String {
        let high = generator.next() & 0xffff_ffff_ffff_0fff | 0x4000
        let low = generator.next() & 0x3fff_ffff_ffff_ffff | 0x8000_0000_0000_0000
        return String(unsafeUninitializedCapacity: 36) { text in
            var at = 0
            for digit in 0..<32 {
                if digit == 8 || digit == 12 || digit == 16 || digit == 20 {
                    text.initializeElement(at: at, to: UInt8(ascii: "-"))
                    at += 1
                }
                let word = digit < 16 ? high : low
                let nibble = UInt8(truncatingIfNeeded: word >> UInt64(60 - 4 * (digit & 15))) & 15
                text.initializeElement(
                    at: at, to: nibble < 10 ? UInt8(ascii: "0") + nibble : UInt8(ascii: "a") + nibble - 10)
                at += 1
            }
            return at
        }
    }
}
