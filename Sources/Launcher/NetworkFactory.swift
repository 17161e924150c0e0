import CLinux
import Linux

#if canImport(Glibc)
    import Glibc
#endif

/// Makes the environments' network namespaces and connects them to the router.
struct NetworkFactory: ~Copyable {
    /// The router's namespace, to come back to.
    private let router: Descriptor
    private var connection: NetlinkConnection<NetlinkSocket>
    /// Whether environments are linked to the router at all.
    var linked: Bool
    /// Whether the router forwards what environments send. Only ever true with the rules in place.
    var forwards = false
    private var slots = NetworkSlots(count: NetworkPlan.slots)

    /// Moves the calling thread into a new network namespace, the router, which at first has only its loopback.
    init(linked: Bool) throws(NetworkError) {
        _ = try checked("unshare(CLONE_NEWNET)", apus_network_unshare())
        var connection = try netlink { () throws(NetlinkError) in try NetlinkConnection() }
        let router = try checked(
            "ioctl(SIOCGSKNS)", apus_network_namespace(connection.transport.descriptor.number))
        let requests = [
            Rtnetlink.setUp(index: 1), Rtnetlink.addAddress(NetworkPlan.router, index: 1),
        ]
        do { try connection.execute(requests) } catch {
            close(router)
            throw NetworkError(error)
        }
        self.connection = connection
        self.router = Descriptor(owning: router)
        self.linked = linked
    }

    /// Changes settings of a device of the router.
    mutating func set(_ settings: [(Rtnetlink.IPv4Setting, UInt32)], index: Int32) throws(NetworkError) {
        do { try connection.execute([Rtnetlink.set(settings, index: index)]) } catch { throw NetworkError(error) }
    }

    /// A new namespace with its Runtime API listener.
    mutating func make() throws(NetworkError) -> EnvironmentNetwork {
        // A slot whose old device still lives refuses the new one; the kernel clears up soon.
        var attempts = 0
        while true {
            guard let slot = slots.take() else { throw NetworkError(operation: "address", errno: EADDRNOTAVAIL) }
            do { return try make(slot: slot) } catch {
                slots.give(slot)
                attempts += 1
                guard error.errno == EEXIST || error.errno == EBUSY, attempts < 8 else { throw error }
            }
        }
    }

    /// Gives the slot of a closed network free.
    mutating func forget(_ network: EnvironmentNetwork) { slots.give(network.slot) }

    private mutating func make(slot: UInt32) throws(NetworkError) -> EnvironmentNetwork {
        _ = try checked("unshare(CLONE_NEWNET)", apus_network_unshare())
        let made: Result<EnvironmentNetwork, NetworkError>
        var inside: NetlinkConnection<NetlinkSocket>?
        do throws(NetworkError) {
            var connection = try netlink { () throws(NetlinkError) in try NetlinkConnection() }
            made = .success(try furnish(slot: slot, &connection))
            inside = consume connection
        } catch { made = .failure(error) }
        _ = try checked("setns", apus_network_enter(router.number))
        let network = try made.get()
        guard linked else { return network }
        do {
            try connection.execute(routerEnd(slot: slot))
            try inside?.execute([Rtnetlink.settle(index: NetworkPlan.eth0.index)])
        } catch {
            network.close()
            throw NetworkError(error)
        }
        return network
    }

    /// A socket inside a network; below zero (`-errno`) when it cannot be made. Fails only when the thread cannot come
    /// back.
    func makeSocket(in network: EnvironmentNetwork, datagramPort: UInt16) throws(NetworkError) -> Int32 {
        let entered = apus_network_enter(network.namespace)
        if entered < 0 { return entered }
        let made =
            datagramPort == 0
            ? apus_network_socket() : apus_network_datagrams(IPv4Address(127, 0, 0, 1).value, datagramPort)
        _ = try checked("setns", apus_network_enter(router.number))
        return made
    }

    /// Sets up the namespace that the thread has just made.
    private func furnish(
        slot: UInt32, _ inside: inout NetlinkConnection<NetlinkSocket>
    ) throws(NetworkError) -> EnvironmentNetwork {
        let namespace = Descriptor(
            owning: try checked("ioctl(SIOCGSKNS)", apus_network_namespace(inside.transport.descriptor.number)))
        let address = NetworkPlan.address(slot: slot)
        var requests = [Rtnetlink.setUp(index: 1)]
        if linked {
            let eth0 = NetworkPlan.eth0
            requests += [
                Rtnetlink.addPair(
                    eth0, peer: NetworkPlan.device(slot: slot), peerNamespace: router.number, mtu: NetworkPlan.mtu),
                Rtnetlink.withoutIPv6Addresses(index: eth0.index),
                Rtnetlink.setUp(index: eth0.index),
                Rtnetlink.addAddress(address, peer: NetworkPlan.router, index: eth0.index),
                Rtnetlink.addRoute(to: NetworkPlan.everywhere, gateway: NetworkPlan.router, index: eth0.index),
            ]
        }
        do { try inside.execute(requests) } catch { throw NetworkError(error) }
        // The listener keeps its namespace, whoever accepts on it.
        let listener = try checked(
            "listen", apus_network_listen(IPv4Address(127, 0, 0, 1).value, EnvironmentNetwork.runtimeAPIPort, 128))
        return EnvironmentNetwork(
            namespace: namespace.release(), runtimeAPIListener: listener, address: address.description, slot: slot)
    }

    /// Strict reverse path filtering holds where nft is missing, too; so does not forwarding.
    private func routerEnd(slot: UInt32) -> [NetlinkMessage] {
        let device = NetworkPlan.device(slot: slot)
        let settings: [(Rtnetlink.IPv4Setting, UInt32)] = [
            (.reversePathFilter, 1), (.forwarding, forwards ? 1 : 0), (.acceptRedirects, 0), (.sendRedirects, 0),
            (.acceptSourceRoute, 0),
        ]
        return [
            Rtnetlink.withoutIPv6Addresses(index: device.index),
            Rtnetlink.set(settings, index: device.index),
            Rtnetlink.setUp(index: device.index),
            Rtnetlink.addRoute(
                to: IPv4Network(NetworkPlan.address(slot: slot), prefixLength: 32), source: NetworkPlan.router,
                index: device.index),
        ]
    }
}
