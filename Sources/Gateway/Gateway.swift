package import AWSWire
package import Identity
package import Logging
package import NIOCore
import NIOHTTP1
package import NIOPosix
import ServiceLifecycle
import Synchronization

/// The front door: an HTTP/1.1 server that authenticates requests and hands them to services.
package final class Gateway: ServiceLifecycle.Service {
    private enum State {
        case new
        case starting
        case listening([any Channel])
        case stopped
    }

    package enum Failure: Error, Sendable, Hashable {
        /// ``Gateway/start()`` was called a second time.
        case alreadyStarted
        /// With authentication off, the address to listen on must be a loopback one.
        case unauthenticatedNetworkListener(String)
    }

    private let configuration: GatewayConfiguration
    private let group: any EventLoopGroup
    private let threads: NIOThreadPool
    private let logger: Logger
    private let core: GatewayCore
    private let connections: Connections
    private let state = Mutex(State.new)

    /// - Parameters:
    ///   - services: at most one for each signing name; of two the first is taken.
    ///   - group: whose loops serve connections. The gateway does not shut it down.
    ///   - threads: reads the files of ``RouteAnswer/file(path:headers:)``. The gateway does not shut it down.
    package init(
        services: [any AWSWire.Service], keys: KeyStore, configuration: GatewayConfiguration,
        logger: Logger = Logger(label: "gateway"),
        group: any EventLoopGroup = MultiThreadedEventLoopGroup.singleton,
        threads: NIOThreadPool = .singleton
    ) {
        self.configuration = configuration
        self.group = group
        self.threads = threads
        self.logger = logger
        let directory = ServiceDirectory(services: services, hints: configuration.hints)
        core = GatewayCore(
            reception: Reception(configuration, directory: directory, keys: keys, logger: logger),
            configuration: configuration, threads: threads)
        connections = Connections(limits: configuration.limits, grace: configuration.timeouts.grace)
    }

    /// Listens.
    ///
    /// - Returns: the address of the main listener, with the port that was taken.
    /// - Throws: `IOError` when the address cannot be had, ``Failure``.
    package func start() async throws -> SocketAddress {
        try state.withLock { state in
            guard case .new = state else { throw Failure.alreadyStarted }
            state = .starting
        }
        let address = try SocketAddress.makeAddressResolvingHost(configuration.host, port: configuration.port)
        guard configuration.authentication == .on || address.isLoopback else {
            throw Failure.unauthenticatedNetworkListener(configuration.host)
        }
        let main = try await bootstrap(origin: address.isLoopback ? .loopback : .network).bind(to: address).get()
        var channels = [main]
        do {
            for listener in configuration.functionListeners {
                channels.append(try await bootstrap(origin: .functions).withBoundSocket(listener).get())
            }
        } catch {
            for channel in channels { channel.close(promise: nil) }
            throw error
        }
        state.withLock { $0 = .listening(channels) }
        let bound = main.localAddress ?? address
        logger.info("listening", metadata: ["address": "\(bound)"])
        return bound
    }

    /// Listens, unless ``start()`` was called before, and serves until a graceful shutdown or a cancellation.
    package func run() async throws {
        let isNew = state.withLock { state in
            if case .new = state { true } else { false }
        }
        if isNew { _ = try await start() }
        // Ends by throwing when the task is cancelled; both ways out stop the gateway.
        try? await gracefulShutdown()
        await stop()
    }

    /// Takes no further connection, lets requests in flight finish for as long as the configuration says, then cuts
    /// what is left. Further calls do nothing.
    package func stop() async {
        let listeners = state.withLock { state in
            defer { state = .stopped }
            return if case .listening(let channels) = state { channels } else { [any Channel]() }
        }
        for listener in listeners { try? await listener.close().get() }
        try? await connections.quiesce(within: configuration.timeouts.shutdown, on: group.next()).get()
    }

    /// How many connections are open.
    package var openConnections: Int { connections.count }

    private func bootstrap(origin: Reception.Origin) -> ServerBootstrap {
        let core = core
        let connections = connections
        return ServerBootstrap(group: group)
            .serverChannelOption(.backlog, value: 1_024)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
            .childChannelOption(.allowRemoteHalfClosure, value: true)
            .childChannelOption(.maxMessagesPerRead, value: 1)
            .childChannelInitializer { channel in
                // An environment's address is its own: no function takes the connections of all others.
                let source = origin == .functions ? channel.remoteAddress?.ipAddress ?? "" : nil
                guard let idleness = connections.add(channel, from: source) else { return Self.turnAway(channel) }
                return channel.eventLoop.makeCompletedFuture {
                    try Self.configure(channel, core: core, origin: origin, idleness: idleness)
                }
            }
    }

    /// Puts the handlers of one connection in place.
    static func configure(
        _ channel: any Channel, core: GatewayCore, origin: Reception.Origin, idleness: Idleness = Idleness()
    ) throws {
        var limits = NIOHTTPDecoderLimitConfiguration()
        // A little more than the gateway's own limits, which answer for more than "too large".
        limits.maxHeaderListSize = core.limits.target + 2 * core.limits.headers
        limits.maxHeaderFieldSize = limits.maxHeaderListSize
        limits.maxHeaderFieldCount = 2 * core.limits.headerCount
        try channel.pipeline.syncOperations.addHandlers([
            RequestReader(limits: limits), ConnectionHandler(gateway: core, origin: origin, idleness: idleness),
        ])
    }

    private static func turnAway(_ channel: any Channel) -> EventLoopFuture<Void> {
        let answer = "HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
        channel.writeAndFlush(ByteBuffer(string: answer)).whenComplete { _ in channel.close(promise: nil) }
        return channel.eventLoop.makeSucceededVoidFuture()
    }
}

extension SocketAddress {
    /// Whether only this machine's own network namespace reaches it.
    var isLoopback: Bool {
        switch self {
        case .v4: ipAddress?.hasPrefix("127.") ?? false
        case .v6: ipAddress == "::1" || (ipAddress?.hasPrefix("::ffff:127.") ?? false)
        case .unixDomainSocket: true
        }
    }
}
