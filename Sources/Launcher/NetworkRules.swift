package import Linux

/// The nftables rule set of the router, as text for `nft -f -`.
package struct NetworkRules: Sendable, Hashable {
    package var endpointPort: UInt16
    package var slirpNetwork: IPv4Network
    /// Everything at which the host itself answers.
    package var hostNetworks: [IPv4Network]

    package init(endpointPort: UInt16, slirpNetwork: IPv4Network, hostNetworks: [IPv4Network]) {
        self.endpointPort = endpointPort
        self.slirpNetwork = slirpNetwork
        self.hostNetworks = hostNetworks
    }

    /// The whole rule set, loaded once.
    ///
    /// Anti-spoofing: `fib` finds by which device the router would answer a packet's source; a packet that came by
    /// another is dropped, before connection tracking sees it. Destinations are refused with an answer, not in silence:
    /// what looks for cloud metadata gets its error at once. DNS goes to port 53 of slirp4netns's nameserver only, as
    /// libslirp maps that address to the host's resolver on every port. IPv6 is nowhere accepted.
    package var text: String {
        """
        table inet apus {
          set host {
            type ipv4_addr
            flags interval
            auto-merge
        \(elements.map { "    elements = { \($0) }\n" } ?? "")  }
          chain prerouting {
            type filter hook prerouting priority -300; policy accept;
            iifname "apus*" fib saddr . iif oif missing drop
          }
          chain input {
            type filter hook input priority 0; policy drop;
            iifname "lo" accept
            ct state established,related accept
            iifname "apus*" ip daddr \(NetworkPlan.router) tcp dport \(endpointPort) accept
            iifname "apus*" ip protocol tcp reject with tcp reset
            iifname "apus*" meta nfproto ipv4 reject with icmp type port-unreachable
          }
          chain forward {
            type filter hook forward priority 0; policy drop;
            iifname "tap0" oifname "apus*" ct state established,related accept
            iifname "apus*" oifname "tap0" jump outward
            iifname "apus*" meta nfproto ipv4 reject with icmp type admin-prohibited
          }
          chain outward {
            ct state invalid drop
            meta nfproto != ipv4 drop
            ip daddr \(NetworkPlan.nameserver(of: slirpNetwork)) udp dport 53 accept
            ip daddr \(NetworkPlan.nameserver(of: slirpNetwork)) tcp dport 53 accept
            ip daddr @host reject with icmp type admin-prohibited
            ip daddr { \(refused) } reject with icmp type admin-prohibited
            accept
          }
          chain postrouting {
            type nat hook postrouting priority 100; policy accept;
            oifname "tap0" masquerade
          }
        }

        """
    }

    /// Rules that a kernel without the modules for them may refuse, each by itself. Connections left open by
    /// environments that are gone fill the router's table for an hour instead of five days (a living one that was idle
    /// for longer is picked up again by its next packet); and one environment cannot fill it alone.
    package var refinements: [String] {
        [
            """
            table inet apus {
              ct timeout idle { protocol tcp; l3proto ip; policy = { established : 3600 }; }
            }
            insert rule inet apus outward meta l4proto tcp ct timeout set "idle"

            """,
            """
            table inet apus {
              set flows { type ipv4_addr; size 65535; flags dynamic; }
            }
            insert rule inet apus outward ct state new add @flows { ip saddr ct count over \(Self.flowLimit) } \
            reject with icmp type admin-prohibited

            """,
        ]
    }

    /// Connections of one environment to the outside, those included that ended moments ago.
    static let flowLimit = 4096

    /// Only the host's addresses anew, in one transaction.
    package var update: String {
        "flush set inet apus host\n" + (elements.map { "add element inet apus host { \($0) }\n" } ?? "")
    }

    private var elements: String? {
        hostNetworks.isEmpty ? nil : hostNetworks.map(\.description).joined(separator: ", ")
    }

    /// Of every host: "this" network, loopback, link-local with the clouds' metadata services, slirp4netns's own
    /// network, multicast, reserved and broadcast.
    private var refused: String {
        "0.0.0.0/8, \(slirpNetwork), 127.0.0.0/8, 169.254.0.0/16, 224.0.0.0/3"
    }
}
