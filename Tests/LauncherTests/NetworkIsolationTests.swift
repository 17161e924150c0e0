import CLinux
import Glibc
import Linux
import Sandbox
import Testing

@testable import Launcher

/// Whether this process can make what these suites need; they say so when they skip.
enum NetworkTestNeeds {
    static let root: ConditionTrait = .enabled(
        if: geteuid() == 0 && access("/dev/net/tun", F_OK) == 0,
        "skipped: the network's tests need root, for a host of their own, and /dev/net/tun")
    static let wayOut: ConditionTrait = .enabled(
        if: ["nft", "slirp4netns"].allSatisfy {
            NetworkProgram.find($0, in: NetworkConfiguration.systemDirectories) != nil
        }, "skipped: nft or slirp4netns is not installed")
}

private typealias Host = NetworkTestHost
private typealias Socket = NetworkTestSocket

extension EnvironmentNetwork {
    var ip: IPv4Address { NetworkPlan.address(slot: slot) }
    func run<Value>(_ body: () throws -> Value) throws -> Value { try inside(namespace, body) }
    func connect(_ address: IPv4Address, _ port: UInt16) throws -> NetworkTestSocket.Outcome {
        try run { NetworkTestSocket(.stream).connect(address, port) }
    }
}

/// What a function can and cannot reach, tried from inside namespaces of the pool with root's rights there, which a
/// function never has. Each test is a process of its own whose one thread lives in a host of its own.
///
/// EHOSTUNREACH (113) is what Linux makes of ICMP's "administratively prohibited", ECONNREFUSED (111) of a reset.
@Suite(.serialized, NetworkTestNeeds.root, NetworkTestNeeds.wayOut) struct NetworkIsolationTests {
    @Test func theEndpointIsReachedAndNothingElseOfTheRouter() async {
        await #expect(processExitsWith: .success) {
            _ = try Host()
            let pool = try NetworkPool.start(NetworkConfiguration(endpointPort: 4599))
            #expect(pool.weaknesses == [])
            #expect(pool.endpointAddress == "169.254.128.1")
            let environment = try pool.acquire()
            #expect(try environment.connect(NetworkPlan.router, 4599) == .connected)
            #expect(Socket.accept(on: pool.endpointListener)?.from == environment.ip)

            let other = Socket.listening(.stream, port: 4600)
            #expect(try environment.connect(NetworkPlan.router, 4600) == .refused(errno: ECONNREFUSED))
            #expect(other.accept(patience: 0) == nil)
        }
    }

    /// The pool goes without a refinement that is refused, so only this test would notice a mistake in one.
    @Test func theKernelTakesEveryRule() async {
        await #expect(processExitsWith: .success) {
            _ = try Host()
            let nft = try #require(NetworkProgram.find("nft", in: NetworkConfiguration.systemDirectories))
            let rules = NetworkRules(
                endpointPort: 4566, slirpNetwork: NetworkPlan.candidates[0], hostNetworks: NetworkPlan.candidates)
            for text in [rules.text] + rules.refinements + [rules.update] {
                #expect(throws: Never.self) { try NetworkProgram.nft(nft, rules: text) }
            }
            #expect(throws: NetworkError.self) { try NetworkProgram.nft(nft, rules: "add rule inet nothing here\n") }
        }
    }

    @Test func theRuntimeAPIListensInsideOnly() async {
        await #expect(processExitsWith: .success) {
            _ = try Host()
            let pool = try NetworkPool.start(NetworkConfiguration())
            let first = try pool.acquire()
            let second = try pool.acquire()
            #expect(try first.connect(IPv4Address(127, 0, 0, 1), 9001) == .connected)
            #expect(Socket.accept(on: first.runtimeAPIListener) != nil)
            #expect(Socket.accept(on: second.runtimeAPIListener, patience: 0) == nil)
            #expect(try second.connect(first.ip, 9001) == .refused(errno: EHOSTUNREACH))
        }
    }

    @Test func oneEnvironmentDoesNotReachAnother() async {
        await #expect(processExitsWith: .success) {
            _ = try Host()
            let pool = try NetworkPool.start(NetworkConfiguration())
            let first = try pool.acquire()
            let second = try pool.acquire()
            let stream = try second.run { Socket.listening(.stream, port: 8080) }
            let datagram = try second.run { Socket.listening(.datagram, port: 8080) }
            // They do listen: the environment reaches itself.
            #expect(try second.connect(second.ip, 8080) == .connected)
            #expect(stream.accept() != nil)

            #expect(try first.connect(second.ip, 8080) == .refused(errno: EHOSTUNREACH))
            try first.run { _ = Socket(.datagram).send("hello", to: second.ip, 8080) }
            // What was sent before has been through the router when this is connected.
            #expect(try first.connect(NetworkPlan.router, 4566) == .connected)
            #expect(stream.accept(patience: 0) == nil)
            #expect(datagram.receive(patience: 0) == nil)
        }
    }

    @Test func nobodySendsFromAnothersAddress() async {
        await #expect(processExitsWith: .success) {
            let host = try Host()
            let heard = try inside(host.world) { Socket.listening(.datagram, port: 9000) }
            let pool = try NetworkPool.start(NetworkConfiguration())
            let liar = try pool.acquire()
            let victim = try pool.acquire()
            let foreign = [victim.ip, Host.publicAddress, IPv4Address(10, 0, 2, 100), NetworkPlan.router]
            var connections: [NetworkTestSocket] = []
            for address in foreign {
                try liar.run {
                    let datagram = Socket(.datagram)
                    #expect(datagram.bindForeign(address))
                    #expect(datagram.send("forged", to: Host.publicAddress, 9000) == 0)
                    #expect(datagram.send("forged", to: victim.ip, 9000) == 0)
                    let stream = Socket(.stream)
                    #expect(stream.bindForeign(address))
                    #expect(stream.connect(NetworkPlan.router, 4566, patience: 0) == .silence)
                    connections.append(stream)
                }
            }
            try liar.run { #expect(Socket(.datagram).send("honest", to: Host.publicAddress, 9000) == 0) }
            #expect(heard.receive() == "honest")
            #expect(heard.receive(patience: 0) == nil)
            #expect(try liar.connect(NetworkPlan.router, 4566) == .connected)
            #expect(Socket.accept(on: pool.endpointListener)?.from == liar.ip)
            #expect(Socket.accept(on: pool.endpointListener, patience: 0) == nil)
        }
    }

    @Test func theHostIsOutOfReach() async {
        await #expect(processExitsWith: .success) {
            let host = try Host()
            let service = Socket.listening(.stream, port: 8080)
            let datagrams = Socket.listening(.datagram, port: 8080)
            // The service does answer: from the world.
            #expect(try inside(host.world) { Socket(.stream).connect(Host.hostAddress, 8080) } == .connected)
            #expect(service.accept() != nil)
            let pool = try NetworkPool.start(NetworkConfiguration())
            let environment = try pool.acquire()
            // libslirp takes its gateway for the host's loopback and its nameserver for the host's resolver.
            for address in [Host.hostAddress, IPv4Address(10, 0, 2, 2), IPv4Address(10, 0, 2, 3)] {
                #expect(try environment.connect(address, 8080) == .refused(errno: EHOSTUNREACH))
                try environment.run { _ = Socket(.datagram).send("hello", to: address, 8080) }
            }
            // An environment's 127.0.0.1 is its own.
            #expect(try environment.connect(IPv4Address(127, 0, 0, 1), 8080) == .refused(errno: ECONNREFUSED))
            #expect(service.accept(patience: 0) == nil)
            #expect(datagrams.receive(patience: 0) == nil)
        }
    }

    @Test func addressesThatTheHostGetsLaterAreBarredToo() async {
        await #expect(processExitsWith: .success) {
            let host = try Host()
            let service = Socket.listening(.stream, port: 8080)
            let pool = try NetworkPool.start(NetworkConfiguration())
            let environment = try pool.acquire()
            let later = IPv4Address(203, 0, 113, 77)
            try host.add(later)
            // Without the change the host would be reached, which shows that the rule is what bars it.
            #expect(try environment.connect(later, 8080) == .connected)
            #expect(service.accept() != nil)

            #expect(apus_network_wait(pool.hostAddressSocket, 10_000) == 1)
            try pool.hostAddressesChanged()
            #expect(try environment.connect(later, 8080) == .refused(errno: EHOSTUNREACH))
            #expect(service.accept(patience: 0) == nil)
            #expect(apus_network_wait(pool.hostAddressSocket, 0) == 0)
        }
    }

    @Test func theWorldIsReachedButNotItsMetadata() async {
        await #expect(processExitsWith: .success) {
            let host = try Host()
            let service = try inside(host.world) { Socket.listening(.stream, port: 80) }
            // The metadata service does answer: the host.
            #expect(Socket(.stream).connect(Host.metadataAddress, 80) == .connected)
            #expect(service.accept() != nil)
            let pool = try NetworkPool.start(NetworkConfiguration())
            let environment = try pool.acquire()
            for address in [Host.publicAddress, Host.privateAddress] {
                #expect(try environment.connect(address, 80) == .connected)
                #expect(service.accept()?.from == Host.hostAddress)
            }
            #expect(try environment.connect(Host.metadataAddress, 80) == .refused(errno: EHOSTUNREACH))
            #expect(service.accept(patience: 0) == nil)
        }
    }

    @Test func namesAreAskedOfTheHostsResolverOnPort53Only() async {
        await #expect(processExitsWith: .success) {
            let host = try Host(resolver: Host.publicAddress)
            let (resolver, neighbour) = try inside(host.world) {
                (Socket.listening(.datagram, port: 53), Socket.listening(.stream, port: 54))
            }
            let pool = try NetworkPool.start(NetworkConfiguration())
            let environment = try pool.acquire()
            #expect(pool.nameserver == "10.0.2.3")
            try environment.run { _ = Socket(.datagram).send("question", to: IPv4Address(10, 0, 2, 3), 53) }
            #expect(resolver.receive() == "question")
            #expect(try environment.connect(IPv4Address(10, 0, 2, 3), 54) == .refused(errno: EHOSTUNREACH))
            #expect(neighbour.accept(patience: 0) == nil)
            #expect(try environment.connect(Host.publicAddress, 54) == .connected)
        }
    }
}
