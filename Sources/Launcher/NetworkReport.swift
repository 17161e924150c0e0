import CLinux
import Linux

#if canImport(Glibc)
    import Glibc
#endif

/// What this machine offers for the sandboxes' network, for `apus doctor`. It changes nothing and needs no privilege.
package struct NetworkReport: Sendable, Hashable {
    /// One thing that the network is made of.
    package struct Item: Sendable, Hashable {
        /// "slirp4netns", "/dev/net/tun", ...
        package var name: String
        /// What it is good for, in a few words.
        package var purpose: String
        package var isPresent: Bool
        /// What was found: a path, or what is missing and what follows from it.
        package var finding: String
        /// The command that mends it; nil when there is nothing to mend, or no command for it.
        package var remedy: String?
    }

    package var items: [Item]

    /// Whether functions will reach the internet, as far as it can be told without trying.
    package var hasWayOut: Bool { items.allSatisfy(\.isPresent) }

    /// Looks at the machine.
    package init(programDirectories: [String] = NetworkConfiguration.systemDirectories) {
        self.init(
            find: { NetworkProgram.find($0, in: programDirectories) },
            tun: access("/dev/net/tun", R_OK | W_OK) == 0 ? 0 : errno,
            resolver: Self.resolverCount(), isRoot: geteuid() == 0)
    }

    /// - Parameters:
    ///   - tun: 0 when `/dev/net/tun` can be opened, else why not.
    ///   - resolver: how many nameservers `/etc/resolv.conf` has; nil when it cannot be read.
    init(find: (String) -> String?, tun: Int32, resolver: Int?, isRoot: Bool) {
        items = [
            Self.program("slirp4netns", "carries functions' packets to the internet", find),
            Self.program("nft", "keeps functions away from this host and from one another", find, package: "nftables"),
            Self.device(tun, isRoot: isRoot),
            Self.names(resolver),
        ]
    }

    private static func program(
        _ name: String, _ purpose: String, _ find: (String) -> String?, package: String? = nil
    ) -> Item {
        let path = find(name)
        return Item(
            name: name, purpose: purpose, isPresent: path != nil,
            finding: path ?? "not installed: functions do not reach the internet",
            remedy: path == nil ? "sudo apt-get install \(package ?? name)" : nil)
    }

    private static func device(_ refusal: Int32, isRoot: Bool) -> Item {
        let remedy: String? =
            switch refusal {
            case 0: nil
            case ENOENT: "sudo modprobe tun"
            default: isRoot ? nil : "sudo chmod 0666 /dev/net/tun"
            }
        let reason = String(cString: strerror(refusal))
        return Item(
            name: "/dev/net/tun", purpose: "the device that slirp4netns serves", isPresent: refusal == 0,
            finding: refusal == 0 ? "/dev/net/tun" : "\(reason): functions do not reach the internet", remedy: remedy)
    }

    private static func names(_ count: Int?) -> Item {
        let finding =
            switch count {
            case nil: "cannot be read: functions resolve no names"
            case 0?: "no nameserver: functions resolve names at 127.0.0.1 of this host, if at all"
            case let number?: "\(number) nameserver\(number == 1 ? "" : "s")"
            }
        return Item(
            name: "/etc/resolv.conf", purpose: "this host's resolver, which answers for functions too",
            isPresent: count != nil, finding: finding, remedy: nil)
    }

    private static func resolverCount() -> Int? {
        let file = open("/etc/resolv.conf", O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { return nil }
        defer { close(file) }
        var bytes = [UInt8](repeating: 0, count: 65536)
        let count = read(file, &bytes, bytes.count)
        guard count >= 0 else { return nil }
        return bytes[..<count].split(separator: 10).count { $0.starts(with: Array("nameserver".utf8)) }
    }
}
