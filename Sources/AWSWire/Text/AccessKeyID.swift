/// Ids of access keys as AWS makes them: a prefix of four letters, and 80 bits in base32 of which the first tell the
/// account. That lets anybody name the account of any key (`sts:GetAccessKeyInfo` does) without knowing the key.
package enum AccessKeyID {
    /// A user's or an owner's key.
    package static let longLived = "AKIA"
    /// A session's.
    package static let temporary = "ASIA"

    /// A new id of 20 characters.
    ///
    /// - Parameter account: Twelve digits.
    package static func make(_ prefix: String = longLived, account: String) -> String {
        var generator = BufferedRandom()
        // One bit that is set, 40 of the account, and whatever comes.
        let head = 1 << 47 | (UInt64(account) ?? 0) << 7 | generator.next() & 0x7f
        let tail = generator.next() & 0xffff_ffff
        var text = prefix
        for place in 0..<16 {
            // 48 bits of the head come before 32 of the tail; the tenth digit has bits of both.
            let shift = 75 - 5 * place
            let bits = shift >= 32 ? head >> UInt64(shift - 32) : (head << 32 | tail) >> UInt64(shift)
            text.append(character(bits))
        }
        return text
    }

    /// The base32 digit of the last five bits.
    package static func character(_ bits: UInt64) -> Character {
        Character(Unicode.Scalar(digits[Int(bits & 31)]))
    }

    /// The account that a key's id tells.
    ///
    /// - Returns: nil for what is no such id.
    package static func account(of id: String) -> AccountID? {
        guard id.utf8.count >= 14 else { return nil }
        var bits: UInt64 = 0
        for byte in id.utf8.dropFirst(4).prefix(10) {
            guard let digit = digits.firstIndex(of: byte) else { return nil }
            bits = bits << 5 | UInt64(digit)
        }
        let number = String(bits >> 9 & 0xff_ffff_ffff)
        return AccountID(String(repeating: "0", count: max(0, 12 - number.utf8.count)) + number)
    }

    private static let digits = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".utf8)
}
