import NIOCore
import NIOEmbedded
import Synchronization

@testable import RuntimeAPI

extension FuzzTarget {
    /// A hostile runtime: it gets whole answers, it reports once for each invocation, and reports no more than it sent.
    static let runtimeAPI = FuzzTarget("runtime-api") { input in
        var choices = Choices(input)
        let streams = choices.byte() % 2 == 1
        let pieces = choices.pieces()
        let channel = EmbeddedChannel()
        let delegate = HostileRuntime(streams: streams)
        let server = RuntimeAPIServer(
            on: channel.embeddedEventLoop, limits: limits, function: RuntimeAPIFunction(), externalExtensions: ["e"],
            delegate: delegate)
        delegate.server.withLock { $0 = server }
        try server.accept(channel)
        try channel.connect(to: SocketAddress(ipAddress: "127.0.0.1", port: 1)).wait()
        for piece in pieces {
            _ = try? channel.writeInbound(ByteBuffer(bytes: piece))
            channel.embeddedEventLoop.run()
        }
        _ = try? channel.finish(acceptAlreadyClosed: true)
        channel.embeddedEventLoop.run()
        try hold(server.connectionCount == 0, "\(server.connectionCount) connections are left")
        server.close()
        let counts = delegate.counts.withLock { $0 }
        try hold(counts.reports <= counts.invocations, "\(counts)")
        try hold(counts.bytes <= input.count, "\(counts) of \(input.count) bytes")
        while let piece = try? channel.readOutbound(as: ByteBuffer.self) {
            try hold(piece.readableBytes == 0 || counts.invocations > 0 || isAnswer(piece), "\(String(buffer: piece))")
        }
    }

    private static func isAnswer(_ bytes: ByteBuffer) -> Bool { String(buffer: bytes).hasPrefix("HTTP/1.1 ") }

    private static let limits = {
        var limits = RuntimeAPILimits()
        limits.responseBytes = 512
        limits.streamedBytes = 1024
        limits.discardedBytes = 2048
        limits.extensionRequestBytes = 256
        return limits
    }()
}

/// Gives the runtime an invocation whenever it waits for one.
private final class HostileRuntime: RuntimeAPIDelegate {
    struct Counts {
        var invocations = 0
        var reports = 0
        /// Of all that was reported and sent.
        var bytes = 0
    }

    let counts = Mutex(Counts())
    let server = Mutex<RuntimeAPIServer?>(nil)
    private let streams: Bool

    init(streams: Bool) { self.streams = streams }

    func runtimeBecameReady() {
        let number = counts.withLock { counts in
            counts.invocations += 1
            return counts.invocations
        }
        server.withLock { $0 }?.dispatch(
            RuntimeInvocation(
                requestID: "\(number)", deadline: 0, functionARN: "arn", traceID: "", payload: ByteBuffer(string: "{}"),
                streams: streams))
    }

    func runtimeBeganResponse(contentType: String?) {}

    func runtimeSent(_ part: ByteBuffer) -> Bool {
        counts.withLock { $0.bytes += part.readableBytes }
        return true
    }

    func runtimeReported(_ report: RuntimeReport) {
        counts.withLock { counts in
            counts.reports += 1
            if case .response(let body) = report { counts.bytes += body.readableBytes }
        }
    }

    func runtimeFailedToInitialise(document: ByteBuffer, type: RuntimeErrorType) {}
    func runtimeConnectionClosed() {}
}
