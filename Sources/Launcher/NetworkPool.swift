import CLinux
import Linux
package import Sandbox

#if canImport(Glibc)
    import Glibc
#endif

/// The network of one sandbox. The pool owns both descriptors until ``NetworkPool/release(_:)``.
package struct EnvironmentNetwork: Sendable, Hashable {
    package static let runtimeAPIPort: UInt16 = 9001

    /// The network namespace (nsfs), to be entered with setns(2).
    package var namespace: Int32
    /// A non-blocking socket that listens at 127.0.0.1:9001 inside it. Whoever holds a copy keeps the namespace alive.
    package var runtimeAPIListener: Int32
    /// The environment's IPv4 address. Only its namespace can send from it.
    package var address: String
    var slot: UInt32

    func close() {
        Glibc.close(runtimeAPIListener)
        Glibc.close(namespace)
    }
}

/// The sandboxes' network: a router namespace, which is the launcher's own, and one namespace for each environment,
/// some of them made in advance. Not thread-safe: it belongs to the launcher's one thread.
///
/// Nothing on the host changes, neither addresses nor rules. When the launcher ends, all of it is gone.
package final class NetworkPool {
    /// A listening TCP socket at ``endpointAddress``:port that only environments can reach; -1 when they have no link.
    package let endpointListener: Int32
    package let endpointAddress: String
    /// Where sandboxes resolve names; nil when there is no way out.
    package private(set) var nameserver: String?
    /// Why functions reach less than was configured; nil when all is well.
    package private(set) var shortcoming: NetworkError?

    private let configuration: NetworkConfiguration
    private var host: NetworkHost
    private var factory: NetworkFactory
    private var wayOut: NetworkWayOut?
    private var restarts = 0
    private var lastReady = ContinuousClock.now
    private let nft: String?
    private var rules: NetworkRules
    private var spares: [EnvironmentNetwork] = []

    /// Makes the network and moves the calling thread, for good, into the router's namespace.
    ///
    /// An ordinary user must be root of a user namespace of its own by then; the mount namespace must still show the
    /// host's `/proc`, `/dev/net/tun`, `/etc`, `/run` and the programs.
    /// - Throws: when not even an empty network namespace can be made. Whatever else fails costs only what needs it.
    package static func start(_ configuration: NetworkConfiguration) throws(NetworkError) -> NetworkPool {
        try NetworkPool(configuration)
    }

    private init(_ configuration: NetworkConfiguration) throws(NetworkError) {
        self.configuration = configuration
        var host = try NetworkHost()
        let routes = try host.routes()
        let slirp = NetworkPlan.slirpNetwork(avoiding: routes)
        rules = NetworkRules(
            endpointPort: configuration.endpointPort, slirpNetwork: slirp,
            hostNetworks: NetworkHost.networks(in: routes))
        nft = NetworkProgram.find("nft", in: configuration.programDirectories)

        // In the host's network: the attendant. Then over to the router.
        let program = NetworkProgram.find("slirp4netns", in: configuration.programDirectories)
        var wayOut: NetworkWayOut?
        if configuration.reach == .internet, nft != nil, let program {
            wayOut = try NetworkWayOut(program: program, network: slirp)
        }
        var factory = try NetworkFactory(linked: configuration.reach >= .endpoint)

        // Rules first, so that not one packet is forwarded without them.
        var shortcoming: NetworkError?
        do throws(NetworkError) {
            if factory.linked, let nft {
                try Self.load(rules, nft)
            }
            if configuration.reach == .internet {
                if program == nil { throw Self.missing("slirp4netns") }
                if nft == nil { throw Self.missing("nft") }
                try wayOut?.startAndWait()
                try Self.forward(&factory)
                nameserver = NetworkPlan.nameserver(of: slirp).description
            }
        } catch {
            shortcoming = error
            wayOut = nil
        }

        // The first environment shows whether links can be made at all.
        let first: EnvironmentNetwork
        do throws(NetworkError) { first = try factory.make() } catch {
            guard factory.linked else { throw error }
            factory.linked = false
            first = try factory.make()
            shortcoming = error
            wayOut = nil
            nameserver = nil
        }
        spares = [first]
        endpointAddress = NetworkPlan.router.description
        if factory.linked {
            let listener = apus_network_listen(NetworkPlan.router.value, configuration.endpointPort, 1024)
            endpointListener = try checked("listen", listener)
        } else {
            endpointListener = -1
        }
        self.shortcoming = shortcoming
        self.host = host
        self.factory = factory
        self.wayOut = wayOut
    }

    deinit {
        for spare in spares { spare.close() }
        if endpointListener >= 0 { close(endpointListener) }
    }

    /// What functions do not get though it was configured.
    package var weaknesses: [Weakness] {
        configuration.reach == .internet && nameserver == nil ? [.noInternet] : []
    }

    // MARK: Environments

    /// A network that nobody has used. Takes microseconds while there are spares, else what ``refill()`` takes.
    package func acquire() throws(NetworkError) -> EnvironmentNetwork {
        if let spare = spares.popLast() { return spare }
        return try factory.make()
    }

    /// Takes a network back when no process of its sandbox is left, closes both descriptors, and lets the kernel
    /// destroy it in its own time. It is never used again.
    package func release(_ network: EnvironmentNetwork) {
        network.close()
        factory.forget(network)
    }

    /// A socket inside a network: for TCP and unconnected, or, unless `datagramPort` is 0, for UDP and bound to that
    /// port of its loopback address; below zero when none can be made. Fails only when the thread is lost to that
    /// network.
    package func makeSocket(in network: EnvironmentNetwork, datagramPort: UInt16 = 0) throws(NetworkError) -> Int32 {
        try factory.makeSocket(in: network, datagramPort: datagramPort)
    }

    /// Whether ``refill()`` has something to do.
    package var wantsRefill: Bool { spares.count < configuration.spares }

    /// Makes one spare if some are missing: a millisecond or two. To be called while the launcher is idle. What fails
    /// here is tried again by the next call, or told by ``acquire()``.
    package func refill() {
        guard spares.count < configuration.spares, let spare = try? factory.make() else { return }
        spares.insert(spare, at: 0)
    }

    // MARK: Changes outside

    /// Readable when the host's addresses may have changed: ``hostAddressesChanged()`` is to be called then.
    package var hostAddressSocket: Int32 { host.changes.descriptor.number }

    /// Reads the host's addresses anew and bars functions from those that came. When that fails, twice, the functions'
    /// way out is closed for good: better no internet than a way into the host.
    package func hostAddressesChanged() throws(NetworkError) {
        host.changes.drain()
        do { try loadHostNetworks() } catch {
            do { try loadHostNetworks() } catch {
                closeWayOut(error)
                throw error
            }
        }
    }

    private func loadHostNetworks() throws(NetworkError) {
        let networks = NetworkHost.networks(in: try host.routes())
        guard networks != rules.hostNetworks, let nft, wayOut != nil else { return }
        var new = rules
        new.hostNetworks = networks
        try NetworkProgram.nft(nft, rules: new.update)
        rules = new
    }

    /// Readable when slirp4netns ended or came back: ``wayOutChanged()`` is to be called then. -1 for none.
    package var wayOutSocket: Int32 { wayOut?.channel.number ?? -1 }

    /// Starts slirp4netns again when it has ended, up to five times in a row. Afterwards, and when it is the attendant
    /// that is gone, ``wayOutSocket`` is -1 (its descriptor is closed) and ``weaknesses`` says so.
    package func wayOutChanged() {
        do throws(NetworkError) {
            switch wayOut?.next() {
            case nil: return
            case .ready:
                lastReady = .now
                try Self.forward(&factory)
            case .ended(let status):
                if .now - lastReady > .seconds(60) { restarts = 0 }
                guard restarts < 5 else {
                    throw NetworkError(operation: "slirp4netns", reason: "ended again, wait status \(status)")
                }
                restarts += 1
                try wayOut?.start()
            case .lost: throw NetworkError(operation: "slirp4netns", reason: "its attendant is gone")
            }
        } catch { closeWayOut(error) }
    }

    private func closeWayOut(_ reason: NetworkError) {
        guard wayOut != nil else { return }
        shortcoming = reason
        nameserver = nil
        wayOut = nil
    }

    /// Lets packets through between environments and slirp4netns's device, as far as the rules let them.
    private static func forward(_ factory: inout NetworkFactory) throws(NetworkError) {
        let index = Int32(bitPattern: if_nametoindex("tap0"))
        guard index > 0 else { throw NetworkError(operation: "tap0", errno: errno) }
        try factory.set([(.forwarding, 1), (.acceptRedirects, 0)], index: index)
        factory.forwards = true
    }

    /// All rules at once, as every run of nft waits for the kernel some 20 ms; one after the other if that is refused.
    private static func load(_ rules: NetworkRules, _ nft: String) throws(NetworkError) {
        do { try NetworkProgram.nft(nft, rules: rules.text + rules.refinements.joined()) } catch {
            try NetworkProgram.nft(nft, rules: rules.text)
            for refinement in rules.refinements { try? NetworkProgram.nft(nft, rules: refinement) }
        }
    }

    private static func missing(_ program: String) -> NetworkError {
        NetworkError(operation: program, reason: "not installed")
    }
}
