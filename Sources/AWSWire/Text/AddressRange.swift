import Glibc

/// Addresses in CIDR notation, of either family; without a length, one address.
package struct AddressRange: Sendable, Hashable {
    private let bytes: [UInt8]
    private let length: Int

    /// - Returns: nil for what is no such range.
    package init?(_ text: String) {
        let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        guard let first = parts.first, let bytes = Self.bytes(String(first)) else { return nil }
        self.bytes = bytes
        guard parts.count == 2 else {
            length = bytes.count * 8
            return
        }
        guard parts[1].utf8.allSatisfy({ (0x30...0x39).contains($0) }), let length = Int(parts[1]),
            length <= bytes.count * 8
        else { return nil }
        self.length = length
    }

    /// An IPv4 address that is written as one of IPv6 (`::ffff:203.0.113.7`), as sockets of both families have it, is
    /// the IPv4 address.
    package func contains(_ address: String) -> Bool {
        guard let other = Self.bytes(address) else { return false }
        if other.count == bytes.count { return holds(other[...]) }
        let isMapped = other.count == 16 && other[..<10].allSatisfy { $0 == 0 } && other[10] == 255 && other[11] == 255
        return isMapped && bytes.count == 4 && holds(other[12...])
    }

    private func holds(_ other: ArraySlice<UInt8>) -> Bool {
        zip(bytes.indices, zip(bytes, other)).allSatisfy { index, pair in
            let bits = min(8, max(0, length - 8 * index))
            let mask = bits == 0 ? 0 : UInt8(truncatingIfNeeded: 0xff << (8 - bits))
            return pair.0 & mask == pair.1 & mask
        }
    }

    private static func bytes(_ text: String) -> [UInt8]? {
        // The C function would read no further than a zero byte.
        guard !text.utf8.contains(0) else { return nil }
        for (family, count) in [(AF_INET, 4), (AF_INET6, 16)] {
            var bytes = [UInt8](repeating: 0, count: count)
            if inet_pton(family, text, &bytes) == 1 { return bytes }
        }
        return nil
    }
}
