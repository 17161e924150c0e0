/// An IPv4 address, kept in host byte order so that it compares and counts as a number.
package struct IPv4Address: Sendable, Hashable, Comparable, CustomStringConvertible {
    package var value: UInt32

    package init(value: UInt32) { self.value = value }

    package init(_ first: UInt8, _ second: UInt8, _ third: UInt8, _ fourth: UInt8) {
        value = UInt32(first) << 24 | UInt32(second) << 16 | UInt32(third) << 8 | UInt32(fourth)
    }

    /// The four bytes as they travel.
    package var bytes: [UInt8] {
        [UInt8(value >> 24), UInt8(value >> 16 & 0xff), UInt8(value >> 8 & 0xff), UInt8(value & 0xff)]
    }

    package var description: String { bytes.map(String.init).joined(separator: ".") }

    package static func < (left: IPv4Address, right: IPv4Address) -> Bool { left.value < right.value }
}

/// An IPv4 network in CIDR form. Bits of the address past the prefix are cleared.
package struct IPv4Network: Sendable, Hashable, Comparable, CustomStringConvertible {
    package let address: IPv4Address
    /// 0 to 32; greater values count as 32.
    package let prefixLength: UInt8

    package init(_ address: IPv4Address, prefixLength: UInt8) {
        let length = min(prefixLength, 32)
        let mask: UInt32 = length == 0 ? 0 : ~0 << (32 - UInt32(length))
        self.address = IPv4Address(value: address.value & mask)
        self.prefixLength = length
    }

    package var description: String { "\(address)/\(prefixLength)" }

    /// Whether any address lies in both.
    package func overlaps(_ other: IPv4Network) -> Bool {
        let shorter = min(prefixLength, other.prefixLength)
        return IPv4Network(address, prefixLength: shorter) == IPv4Network(other.address, prefixLength: shorter)
    }

    /// The address `offset` above the network's own.
    package func address(at offset: UInt32) -> IPv4Address { IPv4Address(value: address.value &+ offset) }

    package static func < (left: IPv4Network, right: IPv4Network) -> Bool {
        (left.address, left.prefixLength) < (right.address, right.prefixLength)
    }
}
