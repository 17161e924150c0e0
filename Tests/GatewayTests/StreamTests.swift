import AWSWire
import NIOCore
import NIOHTTP1
import NIOPosix
import Synchronization
import TestSupport
import Testing

import Identity

@testable import Gateway

/// Answers every request with the next of its streams.
final class StreamService: AWSWire.Service {
    let signingName = "logs"
    let wireProtocol = WireProtocol.restJSON
    private let streams: Mutex<[ResponseStream]>
    private let status: HTTPResponseStatus

    init(_ streams: [ResponseStream], status: HTTPResponseStatus = .ok) {
        self.streams = Mutex(streams)
        self.status = status
    }

    func respond(to request: ServiceRequest, on eventLoop: any EventLoop) -> EventLoopFuture<ServiceResponse> {
        let stream = streams.withLock { $0.isEmpty ? ResponseStream() : $0.removeFirst() }
        return eventLoop.makeSucceededFuture(
            ServiceResponse(status: status, headers: ["Content-Type": "text/plain"], stream: stream))
    }

    func reset() async throws {}
}

/// Answers whose body comes in parts (RFC 9112, 7.1 for the chunks).
@Suite struct StreamTests {
    static let request = "POST / HTTP/1.1\r\nHost: a\r\nX-Amz-Target: Logs_20140328.X\r\nContent-Length: 0\r\n\r\n"

    private func rig(
        _ streams: [ResponseStream], status: HTTPResponseStatus = .ok,
        _ adjust: (inout GatewayConfiguration) -> Void = { _ in }
    ) throws -> Rig {
        try Rig(services: [StreamService(streams, status: status)], adjust)
    }

    /// What was sent since the last time, without the head.
    private func text(_ rig: Rig) -> String { String(decoding: rig.taken(), as: UTF8.self) }

    private func body(_ rig: Rig) throws -> String {
        let text = text(rig)
        let end = try #require(text.firstRange(of: "\r\n\r\n"))
        return String(text[end.upperBound...])
    }

    @Test func partsGoOutAsTheyCome() throws {
        let stream = ResponseStream()
        let rig = try rig([stream])
        rig.send(Self.request)
        let head = text(rig)
        #expect(head.hasPrefix("HTTP/1.1 200 OK\r\n"))
        #expect(head.lowercased().contains("\r\ntransfer-encoding: chunked\r\n"))
        #expect(!head.lowercased().contains("content-length"))
        #expect(head.contains("\r\nx-amzn-RequestId: "))
        #expect(stream.write(ByteBuffer(string: "hello")))
        #expect(text(rig) == "5\r\nhello\r\n")
        #expect(stream.write(ByteBuffer(string: " world")))
        #expect(text(rig) == "6\r\n world\r\n")
        stream.finish()
        #expect(text(rig) == "0\r\n\r\n")
        #expect(rig.isOpen)
        rig.send("GET /2015-03-31/x HTTP/1.1\r\nHost: a\r\n\r\n")
        #expect(rig.answer()?.status == 200)
    }

    @Test func whatIsThereAlreadyGoesOutAtOnce() throws {
        let stream = ResponseStream()
        _ = stream.write(ByteBuffer(string: "ab"))
        _ = stream.write(ByteBuffer(string: "cd"))
        stream.finish()
        let rig = try rig([stream])
        rig.send(Self.request)
        #expect(try body(rig) == "2\r\nab\r\n2\r\ncd\r\n0\r\n\r\n")
    }

    @Test func aKnownLengthNeedsNoChunks() throws {
        let stream = ResponseStream(length: 5)
        _ = stream.write(ByteBuffer(string: "hello"))
        stream.finish()
        let rig = try rig([stream])
        rig.send(Self.request)
        let answer = try #require(rig.answer())
        #expect(answer.body == "hello")
        #expect(answer.headers["content-length"] == ["5"])
        #expect(!answer.headers.contains(name: "transfer-encoding"))
        #expect(rig.isOpen)
    }

    // A message that is shorter than its Content-Length is incomplete: only closing says so (RFC 9112, 8).
    @Test(arguments: ["four", "sixsix"]) func aWrongLengthCutsTheConnection(_ text: String) throws {
        let stream = ResponseStream(length: 5)
        let rig = try rig([stream])
        rig.send(Self.request)
        _ = stream.write(ByteBuffer(string: text))
        stream.finish()
        rig.run()
        #expect(!rig.isOpen)
        #expect(try body(rig).utf8.count < 5)
    }

    @Test func aFailureCutsTheConnectionAfterThePartsBefore() throws {
        let stream = ResponseStream()
        let rig = try rig([stream])
        rig.send(Self.request)
        _ = stream.write(ByteBuffer(string: "hello"))
        stream.fail()
        #expect(try body(rig) == "5\r\nhello\r\n")
        #expect(!rig.isOpen)
    }

    // HTTP/1.0 knows no chunks: the end of the connection is the end of the body.
    @Test func oldClientsReadToTheEnd() throws {
        let stream = ResponseStream()
        let rig = try rig([stream])
        rig.send("POST / HTTP/1.0\r\nX-Amz-Target: Logs_20140328.X\r\nConnection: keep-alive\r\n\r\n")
        _ = stream.write(ByteBuffer(string: "hello"))
        stream.finish()
        let all = text(rig)
        #expect(all.hasPrefix("HTTP/1.0 200 OK\r\n"))
        #expect(all.contains("Connection: close\r\n"))
        #expect(!all.lowercased().contains("transfer-encoding"))
        #expect(all.hasSuffix("\r\n\r\nhello"))
        #expect(!rig.isOpen)
    }

    @Test func headsHaveNoBody() throws {
        for length in [5, nil] {
            let stream = ResponseStream(length: length)
            let rig = try rig([stream])
            rig.send("HEAD / HTTP/1.1\r\nHost: a\r\nX-Amz-Target: Logs_20140328.X\r\n\r\n")
            #expect(try body(rig) == "")
            #expect(stream.isCancelled)
            // The connection goes on where the client can tell what comes next.
            #expect(rig.isOpen == (length != nil))
        }
    }

    @Test func someStatusesHaveNoBody() throws {
        let stream = ResponseStream()
        let rig = try rig([stream], status: .noContent)
        rig.send(Self.request)
        #expect(try body(rig) == "")
        #expect(stream.isCancelled && rig.isOpen)
    }

    @Test func pipelinedAnswersWaitForTheStream() throws {
        let (one, two) = (ResponseStream(), ResponseStream())
        let rig = try rig([one, two])
        rig.send(Self.request + Self.request + "GET /2015-03-31/third HTTP/1.1\r\nHost: a\r\n\r\n")
        _ = one.write(ByteBuffer(string: "one"))
        _ = two.write(ByteBuffer(string: "two"))
        #expect(try body(rig) == "3\r\none\r\n")
        one.finish()
        #expect(text(rig).hasSuffix("\r\n\r\n3\r\ntwo\r\n"))
        two.finish()
        #expect(text(rig).hasPrefix("0\r\n\r\nHTTP/1.1 200 OK\r\n"))
    }

    @Test func aClientThatGoesAwayEndsTheReading() throws {
        let stream = ResponseStream()
        let rig = try rig([stream])
        rig.send(Self.request)
        #expect(!stream.isCancelled)
        try rig.disconnect()
        #expect(stream.isCancelled)
        #expect(stream.write(ByteBuffer(repeating: 0, count: 1 << 20)))
    }

    // A service that has nothing to send may take its time; a client that has something to take may not.
    @Test func silenceIsNotHeldAgainstTheClient() throws {
        let stream = ResponseStream()
        let rig = try rig([stream])
        rig.send(Self.request)
        rig.advance(.hours(1))
        #expect(rig.isOpen)
        _ = stream.write(ByteBuffer(string: "x"))
        _ = text(rig)
        rig.advance(.hours(1))
        #expect(rig.isOpen)
        stream.finish()
        #expect(text(rig) == "0\r\n\r\n")
        rig.advance(.seconds(121))
        #expect(!rig.isOpen)
    }

    @Test func quiescingWaitsForTheEnd() throws {
        let stream = ResponseStream()
        let rig = try rig([stream])
        rig.send(Self.request)
        rig.tell(Connections.Quiesce())
        #expect(rig.isOpen)
        _ = stream.write(ByteBuffer(string: "x"))
        stream.finish()
        #expect(try body(rig) == "1\r\nx\r\n0\r\n\r\n")
        #expect(!rig.isOpen)
    }
}

/// Against real sockets.
@Suite(.timeLimit(.minutes(10))) struct StreamSocketTests {
    private func gateway(_ stream: ResponseStream, write: TimeAmount = .seconds(60)) async throws
        -> (Gateway, SocketAddress)
    {
        var configuration = GatewayConfiguration(host: "127.0.0.1", port: 0, authentication: .off)
        configuration.timeouts.write = write
        let gateway = Gateway(services: [StreamService([stream])], keys: KeyStore(), configuration: configuration)
        return (gateway, try await gateway.start())
    }

    /// A client that reads nothing holds the writer; what waits is bounded.
    @Test func slowClientsHoldTheWriter() async throws {
        let stream = ResponseStream()
        let (gateway, address) = try await gateway(stream)
        let client = try await Client(to: address, reading: false)
        try await client.send(StreamTests.request)
        let isHeld = Mutex(false)
        stream.whenWritable { isHeld.withLock { $0 = false } }
        var written = 0
        // A megabyte a time, until for a while nothing is taken.
        while written < 1 << 30 {
            if !stream.write(ByteBuffer(repeating: 1, count: 1 << 20)) {
                isHeld.withLock { $0 = true }
                let patience = ContinuousClock.now + .seconds(1)
                while isHeld.withLock({ $0 }), ContinuousClock.now < patience {
                    try await Task.sleep(for: .milliseconds(5))
                }
                if isHeld.withLock({ $0 }) { break }
            }
            written += 1 << 20
        }
        // The kernel's buffers take some; the gateway does not.
        #expect(written < 64 << 20)
        await client.close()
        #expect(try await eventually { stream.isCancelled })
        await gateway.stop()
    }

    @Test func clientsThatTakeNothingAreCut() async throws {
        let stream = ResponseStream()
        let (gateway, address) = try await gateway(stream, write: .milliseconds(200))
        let client = try await Client(to: address, reading: false)
        try await client.send(StreamTests.request)
        // Far more than the kernel's buffers take.
        let part = ByteBuffer(repeating: 1, count: 1 << 20)
        for _ in 0..<64 { _ = stream.write(part) }
        #expect(try await eventually { stream.isCancelled })
        await client.close()
        await gateway.stop()
    }
}
