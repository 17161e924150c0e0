import ArgumentParser
import Histogram
import NIOCore
import NIOHTTP1
import NIOPosix

/// The load generator and the baseline server of `make bench`.
@main
struct Load: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "apus-load", abstract: "Send one request over and over, answer every request, or feed a runtime.",
        subcommands: [Send.self, Answer.self, Feed.self])
}

/// Sends one prepared HTTP/1.1 request in a closed loop over a number of connections and prints what it took.
struct Send: ParsableCommand {
    @Option(help: "127.0.0.1 port to connect to.") var port: Int
    @Option(help: "A file with the whole request, head and body.") var request: String
    @Option(help: "Connections, each with one request under way.") var connections = 1
    @Option(help: "Seconds that count.") var seconds = 2.0
    @Option(help: "Seconds before those.") var warmup = 0.5

    func run() throws {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        defer { try? group.syncShutdownGracefully() }
        let request = try ByteBuffer(bytes: readFile(request))
        let start = NIODeadline.now()
        let from = start + .nanoseconds(Int64(warmup * 1e9))
        let until = from + .nanoseconds(Int64(seconds * 1e9))
        let loop = group.next()
        let results = (0..<connections).map { _ in
            let done = loop.makePromise(of: Recording.self)
            ClientBootstrap(group: group)
                .channelOption(.tcpOption(.tcp_nodelay), value: 1)
                .channelInitializer { channel in
                    channel.eventLoop.makeCompletedFuture {
                        try channel.pipeline.syncOperations.addHandler(
                            ClosedLoop(request: request, from: from, until: until, done: done))
                    }
                }
                .connect(host: "127.0.0.1", port: port)
                .whenFailure { done.fail($0) }
            return done.futureResult
        }
        var all = Recording()
        for recording in try EventLoopFuture.whenAllSucceed(results, on: loop).wait() { all.add(recording) }
        print(all.json(seconds: seconds))
    }
}

/// Answers every request with 200 and a small body: the plain server that ratios are taken against.
struct Answer: ParsableCommand {
    @Option(help: "127.0.0.1 port to listen on; 0 picks one, which is printed.") var port = 0
    @Option(help: "Event loops.") var loops = 2

    func run() throws {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: loops)
        let channel = try ServerBootstrap(group: group)
            .serverChannelOption(.backlog, value: 256)
            .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.configureHTTPServerPipeline()
                    try channel.pipeline.syncOperations.addHandler(PlainAnswer())
                }
            }
            .bind(host: "127.0.0.1", port: port).wait()
        print(channel.localAddress?.port ?? 0)
        flush()
        try channel.closeFuture.wait()
    }
}
