import CLinux
import Glibc
import Linux
import Testing

@testable import Launcher

/// A small internet of namespaces around the calling thread, which must not be another test's: a host with one address,
/// and a world behind it where databases, metadata services and strangers listen. All of it ends with the process.
final class NetworkTestHost {
    let host: Int32
    let world: Int32
    static let hostAddress = IPv4Address(198, 51, 100, 2)
    /// Addresses of the world: public, of a private network, and those at which clouds keep their metadata.
    static let publicAddress = IPv4Address(203, 0, 113, 2)
    static let privateAddress = IPv4Address(10, 7, 7, 7)
    static let metadataAddress = IPv4Address(169, 254, 169, 254)

    /// Moves the thread into the new host, with a mount namespace of its own.
    init(resolver: IPv4Address = publicAddress) throws {
        try Self.check(Self.unshare(0x2_0000))  // CLONE_NEWNS
        try Self.check(Self.mount("none", "/", nil, 1 << 14 | 1 << 18, nil))  // MS_REC, MS_PRIVATE
        var template = Array("/tmp/apus-network-XXXXXX".utf8CString)
        let directory = try #require(mkdtemp(&template).map { String(cString: $0) })
        try Self.check(Self.mount("none", directory, "tmpfs", 0, nil))
        let file = open("\(directory)/resolv.conf", O_CREAT | O_WRONLY | O_CLOEXEC, 0o644)
        let line = "nameserver \(resolver)\n"
        try #require(write(file, line, line.utf8.count) == line.utf8.count)
        close(file)
        try Self.check(Self.mount("\(directory)/resolv.conf", "/etc/resolv.conf", nil, 1 << 12, nil))  // MS_BIND
        // Everybody may open the device on an ordinary machine.
        try #require(mknod("\(directory)/tun", S_IFCHR | 0o666, 10 << 8 | 200) == 0)
        try #require(chmod("\(directory)/tun", 0o666) == 0)
        try Self.check(Self.mount("\(directory)/tun", "/dev/net/tun", nil, 1 << 12, nil))
        // The two files stay where they are bound; the directory goes.
        try Self.check(Self.detach(directory, 2))  // MNT_DETACH
        try #require(rmdir(directory) == 0)

        world = try Self.newNamespace()
        var there = try NetlinkConnection()
        try there.execute([Rtnetlink.setUp(index: 1)])
        host = try Self.newNamespace()
        var here = try NetlinkConnection()
        let everywhere = NetworkPlan.everywhere
        try here.execute([
            Rtnetlink.setUp(index: 1),
            Rtnetlink.addPair(
                .init(index: 2, name: "eth0"), peer: .init(index: 2, name: "eth0"), peerNamespace: world, mtu: 1500),
            Rtnetlink.addAddress(Self.hostAddress, peer: Self.publicAddress, index: 2),
            Rtnetlink.setUp(index: 2),
        ])
        try there.execute([
            Rtnetlink.addAddress(Self.publicAddress, peer: Self.hostAddress, index: 2),
            Rtnetlink.addAddress(Self.privateAddress, index: 2),
            Rtnetlink.addAddress(Self.metadataAddress, index: 2),
            Rtnetlink.setUp(index: 2),
        ])
        try here.execute([Rtnetlink.addRoute(to: everywhere, gateway: Self.publicAddress, index: 2)])
        // Neither end loses its first packets.
        try here.execute([Rtnetlink.settle(index: 2)])
        try there.execute([Rtnetlink.settle(index: 2)])
    }

    /// Gives the host one more address.
    func add(_ address: IPv4Address) throws {
        try inside(host) {
            var connection = try NetlinkConnection()
            try connection.execute([Rtnetlink.addAddress(address, index: 2)])
        }
    }

    /// A new namespace that the thread is in afterwards.
    static func newNamespace() throws -> Int32 {
        try check(apus_network_unshare())
        return try current()
    }

    static func current() throws -> Int32 {
        let probe = try NetlinkSocket()
        let namespace = apus_network_namespace(probe.descriptor.number)
        try #require(namespace >= 0)
        return namespace
    }

    static func check(_ result: Int32) throws {
        try #require(result >= 0, "errno \(errno)")
    }

    static let unshare = function("unshare", as: (@convention(c) (Int32) -> Int32).self)
    static let fork = function("fork", as: (@convention(c) () -> Int32).self)
    static let prctl = function("prctl", as: (@convention(c) (Int32, UInt, UInt, UInt, UInt) -> Int32).self)
    static let detach = function("umount2", as: (@convention(c) (UnsafePointer<CChar>?, Int32) -> Int32).self)
    static let mount = function(
        "mount",
        as: (@convention(c) (
            UnsafePointer<CChar>?, UnsafePointer<CChar>?, UnsafePointer<CChar>?, UInt, UnsafeRawPointer?
        ) -> Int32).self)

    /// A function that the Glibc module does not show.
    private static func function<Function>(_ name: String, as type: Function.Type) -> Function {
        unsafeBitCast(dlsym(nil, name), to: type)
    }
}

/// Runs `body` with the thread in another network namespace.
func inside<Value>(_ namespace: Int32, _ body: () throws -> Value) throws -> Value {
    let home = try NetworkTestHost.current()
    defer { close(home) }
    try NetworkTestHost.check(apus_network_enter(namespace))
    defer { _ = apus_network_enter(home) }
    return try body()
}
