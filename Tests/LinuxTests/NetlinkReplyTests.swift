import Testing
import TestSupport

@testable import Linux

/// A kernel that answers from a script and keeps what it was sent.
private struct ScriptedTransport: NetlinkTransport {
    var sent: [[UInt8]] = []
    var answers: [[UInt8]]

    mutating func send(_ datagram: [UInt8]) throws(NetlinkError) { sent.append(datagram) }
    mutating func receive() throws(NetlinkError) -> [UInt8] {
        guard !answers.isEmpty else { throw NetlinkError(operation: "receive", errno: 110) }
        return answers.removeFirst()
    }
}

/// `struct nlmsghdr` and a body, per netlink(7), for a little-endian machine.
private func message(type: UInt8, sequence: UInt8, _ body: [UInt8]) -> [UInt8] {
    [UInt8(16 + body.count), 0, 0, 0, type, 0, 0, 0, sequence, 0, 0, 0, 0, 0, 0, 0] + body
}

private func acknowledgement(_ sequence: UInt8, errno: UInt8 = 0) -> [UInt8] {
    // NLMSG_ERROR: the negative errno, then the request's header.
    let code: [UInt8] = errno == 0 ? [0, 0, 0, 0] : [0 &- errno, 0xff, 0xff, 0xff]
    return message(type: 2, sequence: sequence, code + [UInt8](repeating: 0, count: 16))
}

/// 192.0.2.2, local, as `ip route show table local` of a host says.
private let localRoute: [UInt8] =
    [2, 32, 0, 0, 255, 2, 254, 2, 0, 0, 0, 0, 8, 0, 15, 0, 255, 0, 0, 0]
    + [8, 0, 1, 0, 192, 0, 2, 2, 8, 0, 4, 0, 4, 0, 0, 0]

@Suite struct NetlinkReplyTests {
    @Test func answersAreMatchedByNumberInWhateverDatagram() throws {
        let requests = (1...3).map { Rtnetlink.setUp(index: $0) }
        var connection = NetlinkConnection(
            ScriptedTransport(answers: [acknowledgement(1) + acknowledgement(2), acknowledgement(3)]))
        try connection.execute(requests)
        #expect(connection.transport.sent.count == 1)
        #expect(connection.transport.answers.isEmpty)
    }

    @Test func theFirstRefusalIsThrownOnceAllAreAnswered() throws {
        var connection = NetlinkConnection(
            ScriptedTransport(
                answers: [acknowledgement(1), acknowledgement(2, errno: 17), acknowledgement(3, errno: 1)]))
        #expect(throws: NetlinkError(operation: "up 12", errno: 17)) {
            try connection.execute((11...13).map { Rtnetlink.setUp(index: $0) })
        }
        #expect(connection.transport.answers.isEmpty)
    }

    @Test func aToleratedRefusalIsNone() throws {
        // 97 is EAFNOSUPPORT, what a kernel without IPv6 says.
        var connection = NetlinkConnection(ScriptedTransport(answers: [acknowledgement(1, errno: 97)]))
        try connection.execute([Rtnetlink.withoutIPv6Addresses(index: 2)])
    }

    @Test func lateAnswersOfAnEarlierBatchAreNotMistaken() throws {
        var connection = NetlinkConnection(ScriptedTransport(answers: []))
        #expect(throws: NetlinkError.self) { try connection.execute([Rtnetlink.setUp(index: 1)]) }
        connection.transport.answers = [acknowledgement(1, errno: 1), acknowledgement(2)]
        try connection.execute([Rtnetlink.setUp(index: 2)])
    }

    @Test func aDumpIsReadToItsEnd() throws {
        var connection = NetlinkConnection(
            ScriptedTransport(answers: [
                message(type: 24, sequence: 1, localRoute), message(type: 3, sequence: 1, [0, 0, 0, 0]),
            ]))
        let routes = try connection.dump(Rtnetlink.dumpRoutes()).compactMap { Rtnetlink.Route($0) }
        #expect(
            routes == [
                .init(kind: .local, destination: IPv4Network(IPv4Address(192, 0, 2, 2), prefixLength: 32))
            ])
    }

    @Test func aDumpThatIsCutShortIsAnError() {
        var connection = NetlinkConnection(
            ScriptedTransport(answers: [message(type: 3, sequence: 1, [0 &- 4, 0xff, 0xff, 0xff])]))
        #expect(throws: NetlinkError(operation: "routes", errno: 4)) { try connection.dump(Rtnetlink.dumpRoutes()) }
    }

    /// Whatever the bytes: no trap, and no more replies than headers fit.
    @Test(arguments: 0..<64) func mutatedDatagramsAreRead(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        let whole = message(type: 24, sequence: 1, localRoute) + acknowledgement(2, errno: 1)
        for _ in 0..<200 {
            var bytes = whole
            for _ in 0...Int(random.next() % 6) {
                bytes[Int(random.next() % UInt64(bytes.count))] = UInt8(truncatingIfNeeded: random.next())
            }
            bytes.removeLast(Int(random.next() % UInt64(bytes.count)))
            let replies = NetlinkReader.replies(in: bytes)
            #expect(replies.count <= bytes.count / 16)
            for reply in replies {
                guard let route = Rtnetlink.Route(reply) else { continue }
                #expect(route.destination.prefixLength <= 32)
            }
        }
    }
}
