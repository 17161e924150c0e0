import Testing

@testable import Linux

/// The layouts are those of netlink(7), rtnetlink(7) and the headers linux/netlink.h, if_link.h, if_addr.h and
/// rtnetlink.h, written out by hand for a little-endian machine.
@Suite struct NetlinkMessageTests {
    @Test func bringsALinkUp() {
        #expect(
            Rtnetlink.setUp(index: 1).encoded(sequence: 7) == [
                32, 0, 0, 0, 16, 0, 0x05, 0, 7, 0, 0, 0, 0, 0, 0, 0,  // length, RTM_NEWLINK, REQUEST|ACK
                0, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0,  // ifinfomsg: index 1, flags IFF_UP, change IFF_UP
            ])
    }

    @Test func asksForALink() {
        #expect(
            Rtnetlink.settle(index: 2).encoded(sequence: 9) == [
                32, 0, 0, 0, 18, 0, 0x05, 0, 9, 0, 0, 0, 0, 0, 0, 0,  // RTM_GETLINK
                0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
            ])
    }

    @Test func makesAPairWithItsPeerInAnotherNamespace() {
        let message = Rtnetlink.addPair(
            .init(index: 2, name: "eth0"), peer: .init(index: 0x10005, name: "apus5"), peerNamespace: 9, mtu: 65520)
        #expect(
            message.encoded(sequence: 1) == [
                148, 0, 0, 0, 16, 0, 0x05, 0x06, 1, 0, 0, 0, 0, 0, 0, 0,  // REQUEST|ACK|EXCL|CREATE
                0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
                9, 0, 3, 0, 0x65, 0x74, 0x68, 0x30, 0, 0, 0, 0,  // IFLA_IFNAME "eth0"
                8, 0, 4, 0, 0xf0, 0xff, 0, 0,  // IFLA_MTU
                8, 0, 31, 0, 1, 0, 0, 0, 8, 0, 32, 0, 1, 0, 0, 0,  // IFLA_NUM_TX_QUEUES, IFLA_NUM_RX_QUEUES
                80, 0, 18, 0,  // IFLA_LINKINFO
                8, 0, 1, 0, 0x76, 0x65, 0x74, 0x68,  // IFLA_INFO_KIND "veth"
                68, 0, 2, 0,  // IFLA_INFO_DATA
                64, 0, 1, 0,  // VETH_INFO_PEER
                0, 0, 0, 0, 5, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0,
                10, 0, 3, 0, 0x61, 0x70, 0x75, 0x73, 0x35, 0, 0, 0,  // "apus5"
                8, 0, 4, 0, 0xf0, 0xff, 0, 0,
                8, 0, 31, 0, 1, 0, 0, 0, 8, 0, 32, 0, 1, 0, 0, 0,
                8, 0, 28, 0, 9, 0, 0, 0,  // IFLA_NET_NS_FD
            ])
    }

    @Test func givesAnAddressWithAPeer() {
        let message = Rtnetlink.addAddress(
            IPv4Address(169, 254, 128, 9), peer: IPv4Address(169, 254, 128, 1), index: 2)
        #expect(
            message.encoded(sequence: 2) == [
                40, 0, 0, 0, 20, 0, 0x05, 0x06, 2, 0, 0, 0, 0, 0, 0, 0,
                2, 32, 0, 0, 2, 0, 0, 0,  // AF_INET /32, index 2
                8, 0, 1, 0, 169, 254, 128, 1,  // IFA_ADDRESS: the other end
                8, 0, 2, 0, 169, 254, 128, 9,  // IFA_LOCAL
            ])
    }

    @Test func addsRoutes() {
        let byGateway = Rtnetlink.addRoute(
            to: IPv4Network(IPv4Address(value: 0), prefixLength: 0), gateway: IPv4Address(169, 254, 128, 1), index: 2)
        #expect(
            byGateway.encoded(sequence: 3) == [
                44, 0, 0, 0, 24, 0, 0x05, 0x06, 3, 0, 0, 0, 0, 0, 0, 0,
                2, 0, 0, 0, 254, 4, 0, 1, 0, 0, 0, 0,  // RT_TABLE_MAIN, RTPROT_STATIC, universe, unicast
                8, 0, 4, 0, 2, 0, 0, 0,  // RTA_OIF
                8, 0, 5, 0, 169, 254, 128, 1,  // RTA_GATEWAY
            ])
        let direct = Rtnetlink.addRoute(
            to: IPv4Network(IPv4Address(169, 254, 128, 9), prefixLength: 32), source: IPv4Address(169, 254, 128, 1),
            index: 0x10001)
        #expect(
            direct.encoded(sequence: 4) == [
                52, 0, 0, 0, 24, 0, 0x05, 0x06, 4, 0, 0, 0, 0, 0, 0, 0,
                2, 32, 0, 0, 254, 4, 253, 1, 0, 0, 0, 0,  // RT_SCOPE_LINK
                8, 0, 1, 0, 169, 254, 128, 9,  // RTA_DST
                8, 0, 4, 0, 1, 0, 1, 0,
                8, 0, 7, 0, 169, 254, 128, 1,  // RTA_PREFSRC
            ])
    }

    @Test func changesSettingsOfADevice() {
        #expect(
            Rtnetlink.set([(.forwarding, 1), (.reversePathFilter, 1)], index: 3).encoded(sequence: 5) == [
                60, 0, 0, 0, 16, 0, 0x05, 0, 5, 0, 0, 0, 0, 0, 0, 0,
                0, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
                28, 0, 26, 0,  // IFLA_AF_SPEC
                24, 0, 2, 0,  // AF_INET
                20, 0, 1, 0,  // IFLA_INET_CONF
                8, 0, 1, 0, 1, 0, 0, 0,  // IPV4_DEVCONF_FORWARDING
                8, 0, 8, 0, 1, 0, 0, 0,  // IPV4_DEVCONF_RP_FILTER
            ])
        // A byte-sized attribute is padded, and its own length does not count the padding.
        #expect(
            Rtnetlink.withoutIPv6Addresses(index: 3).encoded(sequence: 6).suffix(16) == [
                16, 0, 26, 0, 12, 0, 10, 0, 5, 0, 8, 0, 1, 0, 0, 0,  // AF_INET6: IFLA_INET6_ADDR_GEN_MODE none
            ])
    }

    @Test func asksForRoutes() {
        #expect(
            Rtnetlink.dumpRoutes().encoded(sequence: 8) == [
                28, 0, 0, 0, 26, 0, 0x01, 0x03, 8, 0, 0, 0, 0, 0, 0, 0,  // RTM_GETROUTE, REQUEST|ROOT|MATCH
                2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
            ])
    }
}

@Suite struct NetlinkIPv4Tests {
    @Test func networksAreWrittenMaskedAndOverlap() {
        let network = IPv4Network(IPv4Address(10, 0, 2, 77), prefixLength: 24)
        #expect(network.description == "10.0.2.0/24")
        #expect(network.address(at: 3).description == "10.0.2.3")
        #expect(network.overlaps(IPv4Network(IPv4Address(10, 0, 0, 0), prefixLength: 8)))
        #expect(network.overlaps(IPv4Network(IPv4Address(10, 0, 2, 200), prefixLength: 32)))
        #expect(network.overlaps(IPv4Network(IPv4Address(1, 2, 3, 4), prefixLength: 0)))
        #expect(!network.overlaps(IPv4Network(IPv4Address(10, 0, 3, 0), prefixLength: 24)))
        #expect(IPv4Network(IPv4Address(1, 2, 3, 4), prefixLength: 99).description == "1.2.3.4/32")
    }
}
