import AWSWire
import NIOCore
import NIOEmbedded
import NIOHTTP1
import NIOPosix
import Synchronization
import Testing

import Identity

@testable import Gateway

/// A service that answers with what it was asked, at once or when told to.
final class EchoService: AWSWire.Service {
    struct Cause: Error {}

    let signingName: String
    let wireProtocol: WireProtocol
    private let waiting = Mutex<[EventLoopPromise<ServiceResponse>]>([])
    private let resets = Mutex(0)

    init(_ signingName: String = "lambda", wire: WireProtocol = .restJSON) {
        self.signingName = signingName
        wireProtocol = wire
    }

    var resetCount: Int { resets.withLock { $0 } }
    var waitingCount: Int { waiting.withLock { $0.count } }

    func respond(to request: ServiceRequest, on eventLoop: any EventLoop) -> EventLoopFuture<ServiceResponse> {
        if request.path.hasSuffix("/wait") {
            let promise = eventLoop.makePromise(of: ServiceResponse.self)
            waiting.withLock { $0.append(promise) }
            return promise.futureResult
        }
        if request.path.hasSuffix("/crash") { return eventLoop.makeFailedFuture(Cause()) }
        if request.path.hasSuffix("/large") {
            return eventLoop.makeSucceededFuture(
                ServiceResponse(body: ByteBuffer(repeating: UInt8(ascii: "x"), count: 32 << 20)))
        }
        if request.path.hasSuffix("/missing") {
            return eventLoop.makeFailedFuture(
                AWSError(code: "ResourceNotFoundException", message: "Function not found", status: 404))
        }
        if request.path.contains("/denied") {
            return eventLoop.makeFailedFuture(
                AWSError(code: "AccessDeniedException", message: "No", status: 403))
        }
        let caller = request.caller
        return eventLoop.makeSucceededFuture(
            ServiceResponse(
                headers: [
                    "x-service": signingName, "x-path": request.path, "x-query": request.query ?? "-",
                    "x-account": caller.account.digits, "x-region": caller.region, "x-principal": caller.principalARN,
                    "x-kind": "\(caller.principal.kind)", "x-endpoint": request.endpoint,
                ], body: request.body))
    }

    func isDataPlane(_: HTTPMethod, path: String) -> Bool { path.hasSuffix("/invocations") }

    /// Answers everything that waits.
    func release() {
        let promises = waiting.withLock { waiting in
            defer { waiting = [] }
            return waiting
        }
        for promise in promises { promise.succeed(ServiceResponse(body: ByteBuffer(string: "waited"))) }
    }

    func reset() async throws {
        resets.withLock { $0 += 1 }
    }
}

/// One answer as a client reads it.
struct Answer: Equatable, CustomStringConvertible {
    var status: Int
    var headers: HTTPHeaders
    var body: String

    var description: String { "\(status) \(headers) \(body)" }

    /// Takes the first whole answer off `bytes`; nil when it is not all there.
    static func take(from bytes: inout [UInt8], isHead: Bool = false) -> Answer? {
        let mark = Array("\r\n\r\n".utf8)
        guard let end = (0..<max(0, bytes.count - 3)).first(where: { bytes[$0..<$0 + 4].elementsEqual(mark) }) else {
            return nil
        }
        let lines = String(decoding: bytes[..<end], as: UTF8.self).split(separator: "\r\n")
        var headers = HTTPHeaders()
        for line in lines.dropFirst() {
            let parts = line.split(separator: ":", maxSplits: 1)
            headers.add(name: String(parts[0]), value: parts.count > 1 ? String(parts[1].dropFirst()) : "")
        }
        let status = lines.first.flatMap { Int($0.split(separator: " ")[1]) } ?? 0
        let length = isHead || status < 200 ? 0 : Int(headers.first(name: "content-length") ?? "") ?? 0
        guard bytes.count >= end + 4 + length else { return nil }
        let body = String(decoding: bytes[(end + 4)..<(end + 4 + length)], as: UTF8.self)
        bytes.removeFirst(end + 4 + length)
        return Answer(status: status, headers: headers, body: body)
    }
}

/// A connection in memory whose clock stands still until it is moved.
final class Rig {
    static let now = SigV4Time(secondsSince1970: 1_772_600_767)  // 2026-03-04 05:06:07 UTC

    let channel = EmbeddedChannel()
    let lambda = EchoService()
    let core: GatewayCore
    private var received: [UInt8] = []

    init(
        origin: Reception.Origin = .loopback, keys: KeyStore = KeyStore(), services: [any AWSWire.Service] = [],
        _ adjust: (inout GatewayConfiguration) -> Void = { _ in }
    ) throws {
        var configuration = GatewayConfiguration(authentication: .off, version: "1.2.3", clock: { Rig.now })
        adjust(&configuration)
        let logs = EchoService("logs", wire: .awsJSON(version: "1.1"))
        let directory = ServiceDirectory(services: services + [lambda, logs], hints: configuration.hints)
        core = GatewayCore(
            reception: Reception(configuration, directory: directory, keys: keys),
            configuration: configuration, threads: .singleton)
        try Gateway.configure(channel, core: core, origin: origin)
        try channel.connect(to: SocketAddress(ipAddress: "127.0.0.1", port: 1)).wait()
    }

    func send(_ text: String) {
        send(Array(text.utf8))
    }

    /// What a closed connection throws at the sender is of no interest.
    func send(_ bytes: [UInt8]) {
        _ = try? channel.writeInbound(ByteBuffer(bytes: bytes))
    }

    func answer(isHead: Bool = false) -> Answer? {
        collect()
        return Answer.take(from: &received, isHead: isHead)
    }

    func answers() -> [Answer] {
        var all: [Answer] = []
        while let next = answer() { all.append(next) }
        return all
    }

    /// Bytes that are not a whole answer.
    var rest: [UInt8] {
        collect()
        return received
    }

    /// All bytes since the last time.
    func taken() -> [UInt8] {
        defer { received = [] }
        return rest
    }

    var isOpen: Bool { channel.isActive }

    func advance(_ amount: TimeAmount) {
        channel.embeddedEventLoop.advanceTime(by: amount)
    }

    func tell(_ event: any Sendable) {
        channel.pipeline.fireUserInboundEventTriggered(event)
    }

    /// The client is gone.
    func disconnect() throws {
        _ = try channel.finish()
    }

    func run() {
        channel.embeddedEventLoop.run()
    }

    private func collect() {
        channel.embeddedEventLoop.run()
        while let piece = try? channel.readOutbound(as: ByteBuffer.self) { received += Array(piece.readableBytesView) }
    }

    deinit {
        _ = try? channel.finish(acceptAlreadyClosed: true)
    }
}
