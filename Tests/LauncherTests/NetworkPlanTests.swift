import Linux
import Testing

@testable import Launcher

@Suite struct NetworkPlanTests {
    private func network(_ a: UInt8, _ b: UInt8, _ c: UInt8, _ d: UInt8, _ length: UInt8) -> IPv4Network {
        IPv4Network(IPv4Address(a, b, c, d), prefixLength: length)
    }

    @Test func everySlotHasItsOwnAddressBelowTheReservedRange() {
        #expect(NetworkPlan.address(slot: 1).description == "169.254.128.2")
        // RFC 3927, 2.1: the first and the last 256 addresses of 169.254/16 are reserved.
        #expect(NetworkPlan.address(slot: NetworkPlan.slots) < IPv4Address(169, 254, 255, 0))
        #expect(NetworkPlan.device(slot: NetworkPlan.slots).name.utf8.count <= 15)
    }

    @Test func slirpsNetworkAvoidsTheHosts() {
        func chosen(_ destinations: IPv4Network...) -> String {
            NetworkPlan.slirpNetwork(avoiding: destinations.map { .init(kind: .unicast, destination: $0) }).description
        }
        #expect(chosen() == "10.0.2.0/24")
        // A default route leads to everything and says nothing.
        #expect(chosen(network(0, 0, 0, 0, 0)) == "10.0.2.0/24")
        #expect(chosen(network(10, 0, 2, 128, 25)) == "10.251.113.0/24")
        #expect(chosen(network(10, 0, 0, 0, 8)) == "172.30.251.0/24")
        let private16 = network(192, 168, 0, 0, 16)
        #expect(chosen(network(10, 0, 0, 0, 8), network(172, 16, 0, 0, 12), private16) == "198.18.251.0/24")
    }

    @Test func theHostsOwnNetworksAreLocalAndBroadcastRoutes() {
        let routes: [Rtnetlink.Route] = [
            .init(kind: .unicast, destination: network(192, 0, 2, 0, 24)),
            .init(kind: .local, destination: network(192, 0, 2, 2, 32)),
            .init(kind: .broadcast, destination: network(192, 0, 2, 255, 32)),
            .init(kind: .local, destination: network(127, 0, 0, 0, 8)),
            .init(kind: .local, destination: network(127, 0, 0, 0, 8)),
        ]
        #expect(
            NetworkHost.networks(in: routes).map(\.description) == [
                "127.0.0.0/8", "192.0.2.2/32", "192.0.2.255/32",
            ])
    }

    @Test func slotsComeBackLast() {
        var slots = NetworkSlots(count: 3)
        #expect(slots.take() == 1)
        slots.give(1)
        #expect(slots.take() == 2)
        #expect(slots.take() == 3)
        #expect(slots.take() == 1)
        #expect(slots.take() == nil)
        slots.give(2)
        slots.give(2)
        #expect(slots.take() == 2)
        #expect(slots.take() == nil)
    }

    /// The order is the protection: names to the host's resolver pass first, then all that is refused, then the rest.
    @Test func rulesRefuseBeforeTheyAccept() throws {
        let rules = NetworkRules(
            endpointPort: 4567, slirpNetwork: network(10, 0, 2, 0, 24), hostNetworks: [network(192, 0, 2, 2, 32)])
        let lines = rules.text.split(separator: "\n").map { String($0.drop { $0 == " " }) }
        let start = try #require(lines.firstIndex(of: "chain outward {"))
        #expect(
            Array(lines[(start + 1)...].prefix(8)) == [
                "ct state invalid drop",
                "meta nfproto != ipv4 drop",
                "ip daddr 10.0.2.3 udp dport 53 accept",
                "ip daddr 10.0.2.3 tcp dport 53 accept",
                "ip daddr @host reject with icmp type admin-prohibited",
                "ip daddr { 0.0.0.0/8, 10.0.2.0/24, 127.0.0.0/8, 169.254.0.0/16, 224.0.0.0/3 } "
                    + "reject with icmp type admin-prohibited",
                "accept",
                "}",
            ])
        #expect(lines.contains("elements = { 192.0.2.2/32 }"))
        #expect(lines.contains("iifname \"apus*\" ip daddr 169.254.128.1 tcp dport 4567 accept"))
        #expect(rules.update == "flush set inet apus host\nadd element inet apus host { 192.0.2.2/32 }\n")
    }

    @Test func aHostWithoutAddressesHasNoElements() {
        let rules = NetworkRules(endpointPort: 1, slirpNetwork: network(10, 0, 2, 0, 24), hostNetworks: [])
        #expect(!rules.text.contains("elements"))
        #expect(rules.update == "flush set inet apus host\n")
    }
}
