package import Linux

/// The addresses of the sandboxes' network. Every environment has its own of 169.254.128.0/17 and nothing else on its
/// link: whatever it sends goes to the router, which sees each environment on a device of its own.
package enum NetworkPlan {
    /// Where the router, and on it Apus's endpoint, answers.
    package static let router = IPv4Address(169, 254, 128, 1)
    package static let everywhere = IPv4Network(IPv4Address(value: 0), prefixLength: 0)

    /// slirp4netns's and the links' greatest sizes: fewer, larger packets through user space.
    static let mtu: UInt32 = 65520

    /// Environments that can have an address at the same time: 169.254.128.2 to 169.254.254.255 (the last 256 of
    /// 169.254.0.0/16 are reserved, RFC 3927).
    package static let slots: UInt32 = 0x7f00 - 2

    package static func address(slot: UInt32) -> IPv4Address { IPv4Address(value: router.value + slot) }

    /// The router's end of an environment's link. Names and indexes say the slot, so nothing has to be looked up.
    package static func device(slot: UInt32) -> Rtnetlink.Device {
        Rtnetlink.Device(index: Int32(0x10000 + slot), name: "apus\(slot)")
    }

    /// The environment's own end.
    package static let eth0 = Rtnetlink.Device(index: 2, name: "eth0")

    /// Networks that slirp4netns may use for itself, best first. They are only seen inside the router.
    static let candidates = [
        IPv4Network(IPv4Address(10, 0, 2, 0), prefixLength: 24),
        IPv4Network(IPv4Address(10, 251, 113, 0), prefixLength: 24),
        IPv4Network(IPv4Address(172, 30, 251, 0), prefixLength: 24),
        IPv4Network(IPv4Address(192, 168, 251, 0), prefixLength: 24),
        IPv4Network(IPv4Address(198, 18, 251, 0), prefixLength: 24),
    ]

    /// The first candidate that none of the host's routes (the default routes aside) leads to; the last, of the range
    /// for benchmarks (RFC 2544), when there is none.
    package static func slirpNetwork(avoiding routes: [Rtnetlink.Route]) -> IPv4Network {
        let taken = routes.map(\.destination).filter { $0.prefixLength > 0 }
        return candidates.first { candidate in !taken.contains { $0.overlaps(candidate) } }
            ?? candidates[candidates.count - 1]
    }

    /// Where slirp4netns answers DNS queries with the host's resolver.
    static func nameserver(of network: IPv4Network) -> IPv4Address { network.address(at: 3) }
}
