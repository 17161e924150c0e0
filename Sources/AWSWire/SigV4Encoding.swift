import Crypto
package import NIOCore

extension SigV4 {
    /// The SHA-256 of `bytes` in lower-case hex.
    package static func hash(_ bytes: [UInt8]) -> String {
        hex(of: SHA256.hash(data: bytes))
    }

    /// The SHA-256 of the readable bytes in lower-case hex; they are not copied.
    package static func hash(_ buffer: ByteBuffer) -> String {
        guard buffer.readableBytes > 0 else { return emptyPayloadHash }
        var hasher = SHA256()
        buffer.withUnsafeReadableBytes { hasher.update(bufferPointer: $0) }
        return hex(of: hasher.finalize())
    }

    private static func hex(of digest: SHA256Digest) -> String {
        digest.withUnsafeBytes { Hexadecimal.encode($0) }
    }

    /// Takes percent-encoding off. A `%` that no two hex digits follow stands for itself, and so does `+`.
    static func decode(_ bytes: some Sequence<UInt8>) -> [UInt8] {
        let input = Array(bytes)
        var output: [UInt8] = []
        output.reserveCapacity(input.count)
        var index = 0
        while index < input.count {
            if input[index] == UInt8(ascii: "%"), index + 2 < input.count, let high = hexValue(input[index + 1]),
                let low = hexValue(input[index + 2])
            {
                output.append(high << 4 | low)
                index += 3
            } else {
                output.append(input[index])
                index += 1
            }
        }
        return output
    }

    /// The decoded value of the first parameter of that name.
    static func parameter(_ name: String, in query: String?) -> String? {
        guard let query else { return nil }
        for pair in query.utf8.split(separator: UInt8(ascii: "&")) {
            let halves = pair.split(separator: UInt8(ascii: "="), maxSplits: 1, omittingEmptySubsequences: false)
            guard let key = halves.first, decode(key).elementsEqual(name.utf8) else { continue }
            return halves.count == 2 ? String(decoding: decode(halves[1]), as: UTF8.self) : ""
        }
        return nil
    }
}
