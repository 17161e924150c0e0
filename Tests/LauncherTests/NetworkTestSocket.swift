import CLinux
import Glibc
import Linux

/// An IPv4 socket of a test, made in the namespace that the thread is in, non-blocking.
final class NetworkTestSocket {
    enum Kind { case stream, datagram }
    enum Outcome: Equatable {
        case connected
        case refused(errno: Int32)
        case silence
    }

    let number: Int32

    init(_ kind: Kind) {
        let type = kind == .stream ? Int32(SOCK_STREAM.rawValue) : Int32(SOCK_DGRAM.rawValue)
        number = socket(AF_INET, type | Int32(SOCK_NONBLOCK.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    }

    private init(number: Int32) { self.number = number }

    deinit { close(number) }

    /// A socket that hears what is sent to any address of its namespace.
    static func listening(_ kind: Kind, port: UInt16) -> NetworkTestSocket {
        let socket = NetworkTestSocket(kind)
        _ = socket.bind(IPv4Address(value: 0), port: port)
        if kind == .stream { listen(socket.number, 16) }
        return socket
    }

    /// Lets the socket send from an address that is not its namespace's own. Root there may; a function may not.
    func bindForeign(_ address: IPv4Address) -> Bool {
        var on: Int32 = 1
        // IP_TRANSPARENT is 19.
        return setsockopt(number, 0, 19, &on, socklen_t(MemoryLayout<Int32>.size)) == 0 && bind(address, port: 0)
    }

    private func bind(_ address: IPv4Address, port: UInt16) -> Bool {
        Self.withAddress(address, port) { Glibc.bind(number, $0, $1) } == 0
    }

    /// Connects, and waits for an answer for as long as `patience` says, in milliseconds.
    func connect(_ address: IPv4Address, _ port: UInt16, patience: Int32 = 300_000) -> Outcome {
        if Self.withAddress(address, port, { Glibc.connect(number, $0, $1) }) == 0 { return .connected }
        guard errno == EINPROGRESS else { return .refused(errno: errno) }
        var wanted = pollfd(fd: number, events: Int16(POLLOUT), revents: 0)
        guard poll(&wanted, 1, patience) == 1 else { return .silence }
        var reason: Int32 = 0
        var length = socklen_t(MemoryLayout<Int32>.size)
        getsockopt(number, SOL_SOCKET, SO_ERROR, &reason, &length)
        return reason == 0 ? .connected : .refused(errno: reason)
    }

    /// Sends one datagram; answers the error.
    func send(_ text: String, to address: IPv4Address, _ port: UInt16) -> Int32 {
        Self.withAddress(address, port) { sendto(number, text, text.utf8.count, 0, $0, $1) } < 0 ? errno : 0
    }

    /// What comes in within `patience` milliseconds.
    func receive(patience: Int32 = 300_000) -> String? {
        guard apus_network_wait(number, patience) == 1 else { return nil }
        var bytes = [UInt8](repeating: 0, count: 2048)
        let count = recv(number, &bytes, bytes.count, 0)
        return count < 0 ? nil : String(decoding: bytes[..<count], as: UTF8.self)
    }

    func accept(patience: Int32 = 300_000) -> (socket: NetworkTestSocket, from: IPv4Address)? {
        Self.accept(on: number, patience: patience)
    }

    static func accept(on listener: Int32, patience: Int32 = 300_000) -> (socket: NetworkTestSocket, from: IPv4Address)?
    {
        guard apus_network_wait(listener, patience) == 1 else { return nil }
        var peer = sockaddr_in()
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let number = withUnsafeMutablePointer(to: &peer) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { Glibc.accept(listener, $0, &length) }
        }
        guard number >= 0 else { return nil }
        return (NetworkTestSocket(number: number), IPv4Address(value: UInt32(bigEndian: peer.sin_addr.s_addr)))
    }

    private static func withAddress<Value>(
        _ address: IPv4Address, _ port: UInt16, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Value
    ) -> Value {
        var raw = sockaddr_in()
        raw.sin_family = sa_family_t(AF_INET)
        raw.sin_port = port.bigEndian
        raw.sin_addr.s_addr = address.value.bigEndian
        return withUnsafePointer(to: &raw) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                body($0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
    }
}
