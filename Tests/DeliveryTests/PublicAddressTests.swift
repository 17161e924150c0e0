import Delivery
import NIOCore
import Testing

/// The first and last addresses of the blocks in IANA's registries of special purposes, and their neighbours.
@Suite struct PublicAddressTests {
    @Test(arguments: [
        "0.0.0.0", "0.255.255.255", "10.0.0.0", "10.255.255.255", "100.64.0.0", "100.127.255.255", "127.0.0.1",
        "127.255.255.255", "169.254.169.254", "172.16.0.0", "172.31.255.255", "192.0.0.1", "192.0.2.1", "192.88.99.1",
        "192.168.0.1", "192.168.255.255", "198.18.0.0", "198.19.255.255", "198.51.100.1", "203.0.113.1", "224.0.0.1",
        "240.0.0.1", "255.255.255.255",
        "::", "::1", "::127.0.0.1", "::ffff:127.0.0.1", "::ffff:169.254.169.254", "64:ff9b::a00:1", "100::1",
        "2001::1", "2001:1ff::1", "2001:db8::1", "2002:7f00:1::1", "2002:a9fe:a9fe::", "fc00::1", "fd00:ec2::254",
        "fe80::1", "fec0::1", "ff02::1",
    ])
    func keepsOut(_ text: String) throws {
        let address = try SocketAddress(ipAddress: text, port: 80)
        #expect(!PublicAddress.includes(address))
    }

    @Test(arguments: [
        "1.0.0.0", "9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0", "126.255.255.255", "128.0.0.0",
        "169.253.255.255", "169.255.0.0", "172.15.255.255", "172.32.0.0", "192.0.1.0", "192.167.255.255",
        "192.169.0.0", "198.17.255.255", "198.20.0.0", "223.255.255.255",
        "::ffff:8.8.8.8", "64:ff9b::808:808", "2002:808:808::1", "2001:200::1", "2001:4860:4860::8888",
        "2600:1f18::1", "3fff:ffff::1",
    ])
    func letsOut(_ text: String) throws {
        let address = try SocketAddress(ipAddress: text, port: 80)
        #expect(PublicAddress.includes(address))
    }

    @Test func keepsOutSockets() throws {
        let address = try SocketAddress(unixDomainSocketPath: "/run/x")
        #expect(!PublicAddress.includes(address))
    }
}
