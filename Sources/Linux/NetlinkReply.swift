/// What one received netlink message says.
package enum NetlinkReply: Sendable, Equatable {
    /// The request with this sequence number was done (`errno` 0) or refused.
    case acknowledgement(sequence: UInt32, errno: Int32)
    /// The end of a dump, with the error that cut it short or 0.
    case done(sequence: UInt32, errno: Int32)
    /// Anything else: an entry of a dump or a notification.
    case entry(sequence: UInt32, type: UInt16, body: [UInt8])
}

/// Reads datagrams from a netlink socket. Bytes that make no sense end the reading: the rest is left out.
package enum NetlinkReader {
    package static func replies(in datagram: [UInt8]) -> [NetlinkReply] {
        var replies: [NetlinkReply] = []
        var offset = 0
        while let length = datagram.number(at: offset, as: UInt32.self).map(Int.init),
            length >= NetlinkMessage.headerLength, length <= datagram.count - offset,
            let type = datagram.number(at: offset + 4, as: UInt16.self),
            let sequence = datagram.number(at: offset + 8, as: UInt32.self)
        {
            let body = Array(datagram[offset + NetlinkMessage.headerLength..<offset + length])
            // NLMSG_ERROR and NLMSG_DONE begin with a negative errno; an empty NLMSG_DONE means success.
            switch type {
            case 2: replies.append(.acknowledgement(sequence: sequence, errno: refusal(in: body, orElse: 5)))
            case 3: replies.append(.done(sequence: sequence, errno: refusal(in: body, orElse: 0)))
            default: replies.append(.entry(sequence: sequence, type: type, body: body))
            }
            offset += (length + 3) & ~3
        }
        return replies
    }

    /// The attributes from `offset` on, by type; of a repeated one the last counts.
    package static func attributes(in body: [UInt8], from start: Int) -> [UInt16: ArraySlice<UInt8>] {
        var attributes: [UInt16: ArraySlice<UInt8>] = [:]
        var offset = start
        while let length = body.number(at: offset, as: UInt16.self).map(Int.init), length >= 4,
            length <= body.count - offset, let type = body.number(at: offset + 2, as: UInt16.self)
        {
            // The two top bits are flags (NLA_F_NESTED, NLA_F_NET_BYTEORDER).
            attributes[type & 0x3fff] = body[offset + 4..<offset + length]
            offset += (length + 3) & ~3
        }
        return attributes
    }

    private static func refusal(in body: [UInt8], orElse fallback: Int32) -> Int32 {
        guard let code = body.number(at: 0, as: Int32.self) else { return fallback }
        return code == .min ? fallback : abs(code)
    }
}

extension [UInt8] {
    /// The number in the machine's byte order at `offset`; nil where the array is too short.
    func number<Number: FixedWidthInteger>(at offset: Int, as type: Number.Type) -> Number? {
        guard offset >= 0, offset <= count - MemoryLayout<Number>.size else { return nil }
        return withUnsafeBytes { $0.loadUnaligned(fromByteOffset: offset, as: Number.self) }
    }
}
