/// The rtnetlink(7) requests that Apus makes, and the one answer that it reads.
package enum Rtnetlink {
    /// Multicast groups as bits for a socket's `groups`: links, IPv4 addresses and IPv4 routes came or went.
    package static let hostGroups: UInt32 = 1 << 0 | 1 << 4 | 1 << 6

    /// One end of a pair of virtual Ethernet devices.
    package struct Device: Sendable, Equatable {
        /// The interface index it shall have, unused in its namespace.
        package var index: Int32
        /// At most 15 bytes.
        package var name: String
        package init(index: Int32, name: String) {
            self.index = index
            self.name = name
        }
    }

    /// A setting of `/proc/sys/net/ipv4/conf/DEVICE`, by its number in linux/ip.h.
    package enum IPv4Setting: UInt16, Sendable {
        case forwarding = 1
        case acceptRedirects = 4
        case sendRedirects = 6
        case reversePathFilter = 8
        case acceptSourceRoute = 9
    }

    /// Makes a pair of connected devices: one here, its peer in the namespace `peerNamespace` (an nsfs descriptor).
    ///
    /// Each with one queue, which is all that they use. With the kernel's default, one for each processor, it takes the
    /// others away again, and waits for all processors to do so, with every other change of a network behind it.
    package static func addPair(_ device: Device, peer: Device, peerNamespace: Int32, mtu: UInt32) -> NetlinkMessage {
        var message = NetlinkMessage(
            type: 16, flags: [.create, .exclusive, .acknowledge], subject: "new veth \(peer.name)")
        message.link(index: device.index)
        message.attribute(Link.name, device.name)
        message.attribute(Link.mtu, mtu)
        message.attribute(Link.sendQueues, UInt32(1))
        message.attribute(Link.receiveQueues, UInt32(1))
        message.nest(Link.information) {
            $0.attribute(Link.kind, Array("veth".utf8))
            $0.nest(Link.data) {
                $0.nest(Link.peer) {
                    $0.link(index: peer.index)
                    $0.attribute(Link.name, peer.name)
                    $0.attribute(Link.mtu, mtu)
                    $0.attribute(Link.sendQueues, UInt32(1))
                    $0.attribute(Link.receiveQueues, UInt32(1))
                    $0.attribute(Link.namespace, UInt32(bitPattern: peerNamespace))
                }
            }
        }
        return message
    }

    package static func setUp(index: Int32) -> NetlinkMessage {
        var message = NetlinkMessage(type: 16, flags: .acknowledge, subject: "up \(index)")
        message.link(index: index, flags: 1, change: 1)
        return message
    }

    /// Waits until a device whose other end has come up carries packets. The kernel puts that off, and drops what is
    /// sent until then, unless somebody looks at the device (Linux 6.8; older ones do it within moments all the same).
    package static func settle(index: Int32) -> NetlinkMessage {
        var message = NetlinkMessage(type: 18, flags: .acknowledge, subject: "state of \(index)")
        message.link(index: index)
        return message
    }

    /// Keeps the kernel from giving a device, which must be down, an IPv6 address of its own. Tolerated: a kernel
    /// without IPv6 refuses it.
    package static func withoutIPv6Addresses(index: Int32) -> NetlinkMessage {
        var message = NetlinkMessage(type: 16, flags: .acknowledge, subject: "no IPv6 on \(index)")
        message.isTolerated = true
        message.link(index: index)
        message.nest(Link.families) {
            $0.nest(10) { $0.attribute(8, [1]) }  // AF_INET6: IFLA_INET6_ADDR_GEN_MODE = none
        }
        return message
    }

    /// Changes settings of one device. Works where `/proc/sys` is read-only, as in containers.
    package static func set(_ settings: [(IPv4Setting, UInt32)], index: Int32) -> NetlinkMessage {
        var message = NetlinkMessage(type: 16, flags: .acknowledge, subject: "IPv4 settings of \(index)")
        message.link(index: index)
        message.nest(Link.families) {
            $0.nest(2) {  // AF_INET
                $0.nest(1) {  // IFLA_INET_CONF
                    for (setting, value) in settings { $0.attribute(setting.rawValue, value) }
                }
            }
        }
        return message
    }

    /// Gives a device an address. With a `peer` that address is what lies at the other end, and a route to it comes
    /// along.
    package static func addAddress(_ address: IPv4Address, peer: IPv4Address? = nil, index: Int32) -> NetlinkMessage {
        var message = NetlinkMessage(
            type: 20, flags: [.create, .exclusive, .acknowledge], subject: "address \(address)")
        // struct ifaddrmsg: family, prefix length, flags, scope (global), index
        for byte: UInt8 in [2, 32, 0, 0] { message.append(byte) }
        message.append(index)
        message.attribute(1, (peer ?? address).bytes)
        message.attribute(2, address.bytes)
        return message
    }

    /// A route in the main table: by `gateway`, or straight out of the device.
    package static func addRoute(
        to destination: IPv4Network, gateway: IPv4Address? = nil, source: IPv4Address? = nil, index: Int32
    ) -> NetlinkMessage {
        var message = NetlinkMessage(
            type: 24, flags: [.create, .exclusive, .acknowledge], subject: "route \(destination)")
        // struct rtmsg: family, destination's and source's prefix, tos, table (main), protocol (static),
        // scope (universe or link), type (unicast), flags
        let scope: UInt8 = gateway == nil ? 253 : 0
        for byte: UInt8 in [2, destination.prefixLength, 0, 0, 254, 4, scope, 1] { message.append(byte) }
        message.append(UInt32(0))
        if destination.prefixLength > 0 { message.attribute(1, destination.address.bytes) }
        message.attribute(4, UInt32(bitPattern: index))
        if let gateway { message.attribute(5, gateway.bytes) }
        if let source { message.attribute(7, source.bytes) }
        return message
    }

    /// Asks for every IPv4 route of every table.
    package static func dumpRoutes() -> NetlinkMessage {
        var message = NetlinkMessage(type: 26, flags: .dump, subject: "routes")
        for byte: UInt8 in [2, 0, 0, 0, 0, 0, 0, 0] { message.append(byte) }
        message.append(UInt32(0))
        return message
    }

    /// One route of a dump.
    package struct Route: Sendable, Hashable {
        package enum Kind: Sendable, Hashable {
            /// To other machines.
            case unicast
            /// The host itself answers there: its addresses, loopback, any-IP ranges.
            case local
            case broadcast
            case other
        }
        package var kind: Kind
        package var destination: IPv4Network

        package init(kind: Kind, destination: IPv4Network) {
            self.kind = kind
            self.destination = destination
        }

        /// Nil when `reply` is not an IPv4 route.
        package init?(_ reply: NetlinkReply) {
            guard case .entry(_, 24, let body) = reply, body.count >= 12, body[0] == 2, body[1] <= 32 else {
                return nil
            }
            switch body[7] {
            case 1: kind = .unicast
            case 2: kind = .local
            case 3: kind = .broadcast
            default: kind = .other
            }
            let bytes = NetlinkReader.attributes(in: body, from: 12)[1].map(Array.init) ?? [0, 0, 0, 0]
            guard bytes.count == 4 else { return nil }
            destination = IPv4Network(IPv4Address(bytes[0], bytes[1], bytes[2], bytes[3]), prefixLength: body[1])
        }
    }

    /// Attribute types of linux/if_link.h.
    enum Link {
        static let name: UInt16 = 3
        static let mtu: UInt16 = 4
        static let information: UInt16 = 18
        static let families: UInt16 = 26
        static let namespace: UInt16 = 28
        static let sendQueues: UInt16 = 31
        static let receiveQueues: UInt16 = 32
        static let kind: UInt16 = 1
        static let data: UInt16 = 2
        static let peer: UInt16 = 1
    }
}

extension NetlinkMessage {
    /// `struct ifinfomsg`.
    fileprivate mutating func link(index: Int32, flags: UInt32 = 0, change: UInt32 = 0) {
        append(UInt32(0))  // family, padding, device type
        append(index)
        append(flags)
        append(change)
    }
}
