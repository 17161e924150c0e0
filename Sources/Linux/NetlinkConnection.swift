import CLinux

#if canImport(Glibc)
    import Glibc
#endif

/// Why rtnetlink did not do as asked.
package struct NetlinkError: Error, Sendable, Equatable, CustomStringConvertible {
    /// The request ("new veth apus7"), or the step of the socket ("send").
    package var operation: String
    package var errno: Int32

    package init(operation: String, errno: Int32) {
        self.operation = operation
        self.errno = errno
    }

    package var description: String { "netlink, \(operation): \(SystemCallError.text(errno))" }
}

/// Carries datagrams to the kernel and back.
package protocol NetlinkTransport: ~Copyable {
    mutating func send(_ datagram: [UInt8]) throws(NetlinkError)
    /// The next datagram; waits for it, but not for ever.
    mutating func receive() throws(NetlinkError) -> [UInt8]
}

/// A route netlink socket. It belongs to the network namespace in which it was made, wherever its holder goes.
package struct NetlinkSocket: NetlinkTransport, ~Copyable {
    package let descriptor: Descriptor
    private var buffer = [UInt8](repeating: 0, count: 65536)

    /// - Parameter groups: multicast groups to hear, as bits.
    package init(groups: UInt32 = 0) throws(NetlinkError) {
        let number = apus_netlink_socket(groups)
        guard number >= 0 else { throw NetlinkError(operation: "socket", errno: -number) }
        descriptor = Descriptor(owning: number)
    }

    package mutating func send(_ datagram: [UInt8]) throws(NetlinkError) {
        let sent = Glibc.send(descriptor.number, datagram, datagram.count, 0)
        guard sent == datagram.count else { throw NetlinkError(operation: "send", errno: errno) }
    }

    package mutating func receive() throws(NetlinkError) -> [UInt8] {
        while true {
            let count = recv(descriptor.number, &buffer, buffer.count, 0)
            if count >= 0 { return Array(buffer[..<count]) }
            let reason = errno
            if reason == EINTR { continue }
            guard reason == EAGAIN else { throw NetlinkError(operation: "receive", errno: reason) }
            guard apus_network_wait(descriptor.number, 10_000) == 1 else {
                throw NetlinkError(operation: "receive", errno: ETIMEDOUT)
            }
        }
    }

    /// Throws away what has come in. Nothing is lost by that when notifications only say "look again".
    package mutating func drain() {
        while true {
            let count = recv(descriptor.number, &buffer, buffer.count, 0)
            // ENOBUFS: notifications were dropped, and the next read works again.
            if count < 0 && errno != EINTR && errno != ENOBUFS { return }
        }
    }
}

/// Sends requests and matches their answers. One datagram carries a whole batch: the kernel does the requests in order
/// and answers each, so a batch costs one send and few receives.
package struct NetlinkConnection<Transport: NetlinkTransport & ~Copyable>: ~Copyable {
    package var transport: Transport
    private var sequence: UInt32 = 0

    package init(_ transport: consuming Transport) { self.transport = transport }

    /// Does every request, in order. The kernel goes on after a refused one; the first refusal that is not tolerated is
    /// thrown once all are answered.
    package mutating func execute(_ requests: [NetlinkMessage]) throws(NetlinkError) {
        guard !requests.isEmpty else { return }
        let first = sequence &+ 1
        var datagram: [UInt8] = []
        for request in requests {
            sequence &+= 1
            datagram += request.encoded(sequence: sequence)
        }
        try transport.send(datagram)
        var errors = [Int32?](repeating: nil, count: requests.count)
        var missing = requests.count
        while missing > 0 {
            for case .acknowledgement(let answered, let errno) in NetlinkReader.replies(in: try transport.receive()) {
                // A late answer of an earlier batch that had failed has a lower number.
                let position = Int(answered &- first)
                guard position < requests.count, errors[position] == nil else { continue }
                errors[position] = errno
                missing -= 1
            }
        }
        for (request, errno) in zip(requests, errors) {
            if let errno, errno != 0, !request.isTolerated {
                throw NetlinkError(operation: request.subject, errno: errno)
            }
        }
    }

    /// All entries that a dump request yields.
    package mutating func dump(_ request: NetlinkMessage) throws(NetlinkError) -> [NetlinkReply] {
        sequence &+= 1
        try transport.send(request.encoded(sequence: sequence))
        var entries: [NetlinkReply] = []
        while true {
            for reply in NetlinkReader.replies(in: try transport.receive()) {
                switch reply {
                case .entry(sequence, _, _): entries.append(reply)
                case .done(sequence, let errno), .acknowledgement(sequence, let errno):
                    guard errno == 0 else { throw NetlinkError(operation: request.subject, errno: errno) }
                    return entries
                default: continue
                }
            }
        }
    }
}

extension NetlinkConnection where Transport == NetlinkSocket {
    /// A connection to the network namespace that the calling thread is in.
    package init() throws(NetlinkError) { self.init(try NetlinkSocket()) }
}
