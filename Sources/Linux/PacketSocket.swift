import CLinux

#if canImport(Glibc)
    import Glibc
#endif

/// Packets with descriptors over an AF_UNIX SOCK_SEQPACKET socket, which keeps their borders.
package enum PacketSocket {
    /// Two connected sockets, close-on-exec.
    package static func pair() throws(SystemCallError) -> (Int32, Int32) {
        var ends: [Int32] = [-1, -1]
        let type = Int32(SOCK_SEQPACKET.rawValue | SOCK_CLOEXEC.rawValue)
        try checked("socketpair") { socketpair(AF_UNIX, type, 0, &ends) }
        return (ends[0], ends[1])
    }

    /// Sends one packet without waiting. False when the other side's queue is full; the sender keeps its descriptors.
    package static func send(
        _ bytes: [UInt8], descriptors: [Int32] = [], to socket: Int32
    ) throws(SystemCallError) -> Bool {
        let result = bytes.withUnsafeBytes {
            apus_send(socket, $0.baseAddress, $0.count, descriptors, Int32(descriptors.count))
        }
        if result == -Int(EAGAIN) || result == -Int(ENOBUFS) { return false }
        if result < 0 { throw SystemCallError("sendmsg", errno: Int32(-result)) }
        return true
    }

    package enum Received {
        /// A packet of this size, at the start of the buffer, with its descriptors, which the receiver owns.
        case packet(size: Int, descriptors: [Int32])
        case nothing
        case end
    }

    /// Receives one packet. A packet that is larger than `buffer` is an error (EMSGSIZE).
    package static func receive(
        from socket: Int32, into buffer: UnsafeMutableRawBufferPointer, waiting: Waiting
    ) throws(SystemCallError) -> Received {
        var descriptors = [Int32](repeating: -1, count: 8)
        var count = Int32(descriptors.count)
        let flags = waiting == .never ? Int32(MSG_DONTWAIT) : 0
        let size = apus_receive(socket, buffer.baseAddress, buffer.count, &descriptors, &count, flags)
        if size == -Int(EAGAIN) { return .nothing }
        if size == -Int(ECONNRESET) { return .end }
        if size < 0 { throw SystemCallError("recvmsg", errno: Int32(-size)) }
        if size == 0 && count == 0 { return .end }
        return .packet(size: size, descriptors: Array(descriptors.prefix(Int(count))))
    }

    package enum Waiting {
        case never, untilPacket
    }
}
