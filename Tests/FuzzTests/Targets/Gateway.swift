import AWSWire
import Identity
import NIOCore
import NIOEmbedded
import NIOHTTP1
import NIOPosix
import Synchronization

@testable import Gateway

extension FuzzTarget {
    /// Whatever comes over a connection: services see no request but those that ``StrictHTTP`` finds in it, what goes
    /// back are whole answers, the connection ends in time, and no memory is kept.
    static let gateway = FuzzTarget("gateway") { input in
        var choices = Choices(input)
        let pieces = choices.pieces()
        let bytes = Array(choices.rest)
        let connection = try GatewayConnection()
        for piece in pieces { connection.send(piece) }
        connection.end()
        try hold(!connection.channel.isActive, "the connection is open for ever")
        try hold(connection.core.bodies.inUse == 0, "\(connection.core.bodies.inUse) bytes of bodies are kept")
        let expected = StrictHTTP.requests(in: bytes)
        var candidates = expected[...]
        for request in connection.service.seen {
            guard let index = candidates.firstIndex(of: request) else {
                throw Violation("smuggled: \(request); there are \(expected)")
            }
            candidates = candidates[(index + 1)...]
        }
        let answers = try connection.answers()
        try hold(answers <= expected.count + 1, "\(answers) answers to \(expected.count) requests")
    }
}

/// A connection in memory to a gateway that asks for no signature.
private struct GatewayConnection {
    let channel = EmbeddedChannel()
    let core: GatewayCore
    let service = WitnessService()

    init() throws {
        let configuration = GatewayConfiguration(
            authentication: .off, version: "1", clock: { SigV4Time(secondsSince1970: 1_772_600_767) })
        let directory = ServiceDirectory(services: [service], hints: configuration.hints)
        core = GatewayCore(
            reception: Reception(configuration, directory: directory, keys: KeyStore()), configuration: configuration,
            threads: .singleton)
        try Gateway.configure(channel, core: core, origin: .loopback)
        try channel.connect(to: SocketAddress(ipAddress: "127.0.0.1", port: 1)).wait()
    }

    func send(_ bytes: [UInt8]) {
        _ = try? channel.writeInbound(ByteBuffer(bytes: bytes))
        channel.embeddedEventLoop.run()
    }

    /// Waits for as long as any client is waited for.
    func end() {
        for _ in 0..<4 { channel.embeddedEventLoop.advanceTime(by: .minutes(3)) }
    }

    /// How many answers went back, 100 Continue aside.
    func answers() throws -> Int {
        var bytes: [UInt8] = []
        while let piece = try? channel.readOutbound(as: ByteBuffer.self) { bytes += piece.readableBytesView }
        var rest = bytes[...]
        var count = 0
        while !rest.isEmpty {
            guard rest.starts(with: "HTTP/1.".utf8), let end = rest.firstRange(of: "\r\n\r\n".utf8) else {
                throw Violation("no answer: \(String(decoding: rest.prefix(80), as: UTF8.self))")
            }
            let lines = String(decoding: rest[..<end.lowerBound], as: UTF8.self).split(separator: "\r\n")
            let isFinal = !(lines.first ?? "").hasPrefix("HTTP/1.1 100")
            let length = lines.compactMap { $0.hasPrefix("Content-Length: ") ? Int($0.dropFirst(16)) : nil }.first
            rest = rest[end.upperBound...]
            if isFinal { count += 1 }
            // An answer to HEAD has a length and no body; nothing else here answers to it.
            let isBody = !rest.isEmpty && rest.first != UInt8(ascii: "H")
            if isBody, let length {
                try hold(length <= rest.count, "an answer of \(length) bytes has \(rest.count)")
                rest = rest.dropFirst(length)
            }
        }
        return count
    }
}

/// Remembers what it was asked.
private final class WitnessService: AWSWire.Service {
    let signingName = "lambda"
    let wireProtocol = WireProtocol.restJSON
    private let requests = Mutex<[StrictHTTP.Request]>([])

    var seen: [StrictHTTP.Request] { requests.withLock { $0 } }

    func respond(to request: ServiceRequest, on eventLoop: any EventLoop) -> EventLoopFuture<ServiceResponse> {
        let target = request.path + (request.query.map { "?\($0)" } ?? "")
        let isFramed = request.header("x-amz-content-sha256")?.hasPrefix("STREAMING-") ?? false
        // The body without aws-chunked framing is another target's business.
        requests.withLock {
            $0.append(
                StrictHTTP.Request(
                    method: request.method.rawValue, target: target,
                    body: isFramed ? nil : Array(request.body.readableBytesView)))
        }
        return eventLoop.makeSucceededFuture(ServiceResponse(body: ByteBuffer(string: "x")))
    }

    func reset() async throws {}
}
