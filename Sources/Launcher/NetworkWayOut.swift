import CLinux
import Linux

#if canImport(Glibc)
    import Glibc
#endif

/// The way from the router to the world: one slirp4netns for the node. It carries the functions' packets with ordinary
/// sockets of the host, so it needs no address, route or firewall rule there.
///
/// An attendant process, forked before the launcher left the host's network, starts it there and can do so again: for
/// an ordinary user there is no way back. Both die with the launcher.
struct NetworkWayOut: ~Copyable {
    enum Event: Sendable, Equatable {
        case ready
        /// slirp4netns ended.
        case ended(status: Int32)
        /// The attendant is gone: nothing can be started any more.
        case lost
    }

    /// Readable when there is an event.
    let channel: Descriptor
    private let lifeline: Descriptor
    private let errors: Descriptor
    /// Where the attendant's command lines start: best first.
    private let commands: [UInt8]
    /// The command that was started last.
    private var current = 0

    /// Forks the attendant. To be called in the host's network namespace, by the thread that will become the router.
    init(program: String, network: IPv4Network) throws(NetworkError) {
        let errors = try NetworkProgram.scratch()
        var channel: [Int32] = [-1, -1]
        var lifeline: [Int32] = [-1, -1]
        _ = try checked("socketpair", apus_network_pair(&channel))
        _ = try checked("socketpair", apus_network_pair(&lifeline))
        // "--enable-seccomp" is called experimental: where its filter does not fit the C library, go without.
        let lines = [["--enable-sandbox", "--enable-seccomp"], ["--enable-sandbox"]].map {
            [
                program, "--configure", "--mtu=\(NetworkPlan.mtu)", "--cidr=\(network)", "--disable-host-loopback",
                "--ready-fd=3", "--exit-fd=4",
            ] + $0 + ["--netns-type=path", "/proc/self/fd/5", "tap0"]
        }
        let (starts, pid) = NetworkProgram.withArguments(lines) { arguments, starts in
            (starts, apus_network_attendant(arguments, channel[1], lifeline[1], errors.number))
        }
        // Only the attendant holds the other ends: it leaves when ours are closed, and we hear when it has.
        close(channel[1])
        close(lifeline[1])
        guard pid > 0 else {
            close(channel[0])
            close(lifeline[0])
            throw NetworkError(operation: "fork", errno: -pid)
        }
        self.channel = Descriptor(owning: channel[0])
        self.lifeline = Descriptor(owning: lifeline[0])
        self.errors = errors
        commands = starts
    }

    /// Starts slirp4netns in the way that worked last.
    mutating func start() throws(NetworkError) {
        var byte = commands[current]
        guard send(channel.number, &byte, 1, Int32(MSG_NOSIGNAL)) == 1 else {
            throw NetworkError(operation: "slirp4netns", errno: Glibc.errno)
        }
    }

    /// Starts slirp4netns, with less protection of its own if it must be, and waits until it carries packets.
    mutating func startAndWait() throws(NetworkError) {
        while true {
            try start()
            guard try checked("poll", apus_network_wait(channel.number, 10_000)) == 1 else {
                throw NetworkError(operation: "slirp4netns", errno: ETIMEDOUT)
            }
            if next() == .ready { return }
            guard current + 1 < commands.count else {
                let reason = NetworkProgram.complaint(in: errors) ?? "it ended at once"
                throw NetworkError(operation: "slirp4netns", reason: reason)
            }
            current += 1
        }
    }

    /// The event that is waiting; nil for none.
    mutating func next() -> Event? {
        var packet = [UInt8](repeating: 0, count: 16)
        let count = recv(channel.number, &packet, packet.count, Int32(MSG_DONTWAIT))
        guard count > 0 else { return count < 0 && Glibc.errno == EAGAIN ? nil : .lost }
        guard packet[0] == UInt8(ascii: "E") else { return .ready }
        let status = packet[1..<5].enumerated().reduce(UInt32(0)) { $0 | UInt32($1.element) << (8 * $1.offset) }
        return .ended(status: Int32(bitPattern: status))
    }

    /// Gives a started slirp4netns up: it ends.
    consuming func stop() {}
}
