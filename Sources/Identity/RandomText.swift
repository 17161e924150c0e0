import AWSWire

/// Unguessable text.
package enum RandomText {
    package static let base32 = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".utf8)
    package static let base64 = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)

    /// - Parameter alphabet: a power of two of characters, at most 256.
    package static func of(_ count: Int, from alphabet: [UInt8]) -> String {
        var generator = BufferedRandom()
        var word: UInt64 = 0
        return String(unsafeUninitializedCapacity: count) { text in
            for index in 0..<count {
                word = index % 8 == 0 ? generator.next() : word >> 8
                text[index] = alphabet[Int(word & 0xFF) & (alphabet.count - 1)]
            }
            return count
        }
    }

    /// Of a long-lived or temporary key, 40 characters.
    package static var secretAccessKey: String { of(40, from: base64) }
}
