import Glibc
import NIOCore
import NIOHTTP1

/// One connection with one request under way at a time. Reads no more of an answer than its length and status, so that
/// the generator costs both sides of a ratio the same little.
final class ClosedLoop: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let request: ByteBuffer
    private let from: NIODeadline
    private let until: NIODeadline
    private let done: EventLoopPromise<Recording>
    private var recording = Recording()
    private var received = ByteBuffer()
    private var expected: Int?
    private var succeeded = false
    private var sent = NIODeadline.now()

    init(request: ByteBuffer, from: NIODeadline, until: NIODeadline, done: EventLoopPromise<Recording>) {
        self.request = request
        self.from = from
        self.until = until
        self.done = done
    }

    func channelActive(context: ChannelHandlerContext) { send(context) }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var part = unwrapInboundIn(data)
        received.writeBuffer(&part)
        if expected == nil { readHead() }
        guard let expected, received.readableBytes >= expected else { return }
        let now = NIODeadline.now()
        if sent >= from {
            recording.record(nanoseconds: UInt64((now - sent).nanoseconds), succeeded: succeeded)
        }
        self.expected = nil
        received.clear()
        if now < until { return send(context) }
        done.succeed(recording)
        context.close(promise: nil)
    }

    func channelInactive(context: ChannelHandlerContext) { done.fail(ChannelError.eof) }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        done.fail(error)
        context.close(promise: nil)
    }

    private func send(_ context: ChannelHandlerContext) {
        sent = .now()
        context.writeAndFlush(wrapOutboundOut(request), promise: nil)
    }

    /// Finds the end of the head; the whole answer is then `expected` bytes long.
    private func readHead() {
        let view = received.readableBytesView
        guard let end = view.firstRange(of: Array("\r\n\r\n".utf8)) else { return }
        let head = String(decoding: view[..<end.lowerBound], as: UTF8.self).lowercased()
        // Lambda answers 200 for a function that failed, too, and 202 for what it has accepted.
        let isAnswer = head.hasPrefix("http/1.1 200") || head.hasPrefix("http/1.1 202")
        succeeded = isAnswer && !head.contains("\r\nx-amz-function-error:")
        let length = head.split(separator: "\r\n").first { $0.hasPrefix("content-length:") }
            .flatMap { Int($0.dropFirst(15).filter(\.isNumber)) }
        expected = view.distance(from: view.startIndex, to: end.upperBound) + (length ?? 0)
    }
}

/// The baseline's handler: `{"ok":true}` to everything.
final class PlainAnswer: ChannelInboundHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart

    private static let body = ByteBuffer(string: "{\"ok\":true}")

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard case .end = unwrapInboundIn(data) else { return }
        let headers: HTTPHeaders = ["content-type": "application/json", "content-length": "\(Self.body.readableBytes)"]
        context.write(
            wrapOutboundOut(.head(HTTPResponseHead(version: .http1_1, status: .ok, headers: headers))), promise: nil)
        context.write(wrapOutboundOut(.body(.byteBuffer(Self.body))), promise: nil)
        context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
    }
}

/// The whole of a small file.
func readFile(_ path: String) throws -> [UInt8] {
    guard let file = fopen(path, "r") else { throw IOError(errnoCode: errno, reason: "open \(path)") }
    defer { fclose(file) }
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 65536)
    while case let count = fread(&chunk, 1, chunk.count, file), count > 0 { bytes += chunk[..<count] }
    return bytes
}

/// Pushes standard output out.
func flush() { fflush(nil) }
