package import NIOCore

/// Which addresses lead out into the world, and not to this machine, its neighbours, or what a cloud tells its own
/// machines there (`169.254.169.254`).
///
/// What is for special purposes by IANA's registries is not public, whether or not a router would forward it:
/// https://www.iana.org/assignments/iana-ipv4-special-registry and iana-ipv6-special-registry.
package enum PublicAddress {
    package static func includes(_ address: SocketAddress) -> Bool {
        // Behind family and port; those of the newer kind have the flow in between.
        let bytes = address.withSockAddr { Array(UnsafeRawBufferPointer(start: $0, count: $1)) }
        return switch address {
        case .v4: isPublic(number(bytes[4..<8]))
        case .v6: isPublic(bytes[8..<24])
        case .unixDomainSocket: false
        }
    }

    /// Blocks of addresses, and how many bits of one tell that it is in there.
    private static let special: [(network: UInt32, bits: UInt32)] = [
        (0x0000_0000, 8), (0x0A00_0000, 8), (0x6440_0000, 10), (0x7F00_0000, 8), (0xA9FE_0000, 16), (0xAC10_0000, 12),
        (0xC000_0000, 24), (0xC000_0200, 24), (0xC058_6300, 24), (0xC0A8_0000, 16), (0xC612_0000, 15),
        (0xC633_6400, 24), (0xCB00_7100, 24), (0xE000_0000, 3),
    ]

    private static func isPublic(_ address: UInt32) -> Bool {
        !special.contains { address >> (32 - $0.bits) == $0.network >> (32 - $0.bits) }
    }

    private static func number(_ bytes: ArraySlice<UInt8>) -> UInt32 { bytes.reduce(0) { $0 << 8 | UInt32($1) } }

    /// - Parameter address: Sixteen bytes.
    private static func isPublic(_ address: ArraySlice<UInt8>) -> Bool {
        let bytes = Array(address)
        func v4(_ at: Int) -> UInt32 { number(bytes[at..<at + 4]) }
        let head = bytes.prefix(12)
        // An address of the older kind in one of the newer: mapped, or as NAT64 and 6to4 write it.
        if head.elementsEqual([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF])
            || head.elementsEqual([0, 0x64, 0xFF, 0x9B, 0, 0, 0, 0, 0, 0, 0, 0])
        {
            return isPublic(v4(12))
        }
        if bytes[0] == 0x20, bytes[1] == 0x02 { return isPublic(v4(2)) }
        // Only 2000::/3 is given to anybody; of that, 2001::/23 is for protocols and 2001:db8::/32 for documents.
        guard bytes[0] & 0xE0 == 0x20 else { return false }
        let first = v4(0)
        return first >> 9 != 0x2001_0000 >> 9 && first != 0x2001_0DB8
    }
}
