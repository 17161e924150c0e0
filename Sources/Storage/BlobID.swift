import Crypto

/// The name of a blob: the SHA-256 of its bytes.
package struct BlobID: Sendable, Hashable, CustomStringConvertible {
    /// 64 lower-case hexadecimal digits.
    package let hex: String

    /// - Returns: nil unless `hex` is exactly 64 lower-case hexadecimal digits.
    package init?(_ hex: some StringProtocol) {
        let isDigit = { (byte: UInt8) in (0x30...0x39).contains(byte) || (0x61...0x66).contains(byte) }
        guard hex.utf8.count == 64, hex.utf8.allSatisfy(isDigit) else { return nil }
        self.hex = String(hex)
    }

    init(digest: SHA256Digest) {
        let digits = Array("0123456789abcdef".utf8)
        let hex = digest.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }
        self.hex = String(decoding: hex, as: UTF8.self)
    }

    /// The 32 bytes of the digest.
    package var digest: [UInt8] {
        let nibbles = hex.utf8.map { $0 < 0x3a ? $0 - 0x30 : $0 - 0x61 + 10 }
        return stride(from: 0, to: nibbles.count, by: 2).map { nibbles[$0] << 4 | nibbles[$0 + 1] }
    }

    package var description: String { hex }
}
