import Delivery
import NIOCore
import NIOHTTP1
import NIOPosix
import Synchronization
import Testing

@testable import apus

@Suite struct EndpointPosterTests {
    /// Answers 204 and keeps the hosts that were asked for.
    private final class Endpoint: ChannelInboundHandler, Sendable {
        typealias InboundIn = HTTPServerRequestPart
        typealias OutboundOut = HTTPServerResponsePart

        let hosts = Mutex<[String]>([])

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            switch unwrapInboundIn(data) {
            case .head(let head): hosts.withLock { $0.append(head.headers.first(name: "host") ?? "") }
            case .body: break
            case .end:
                let head = HTTPResponseHead(version: .http1_1, status: .noContent)
                context.write(wrapOutboundOut(.head(head)), promise: nil)
                context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
            }
        }
    }

    private func serving(_ body: (Endpoint, Int) async throws -> Void) async throws {
        let endpoint = Endpoint()
        let channel = try await ServerBootstrap(group: .singletonMultiThreadedEventLoopGroup)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.configureHTTPServerPipeline()
                    try channel.pipeline.syncOperations.addHandler(endpoint)
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        try await body(endpoint, try #require(channel.localAddress?.port))
        try await channel.close()
    }

    private func post(_ poster: EndpointPoster, _ url: String) async throws -> Int {
        try await poster.post(url, headers: [], body: ByteBuffer(string: "{}"), timeout: .seconds(30))
    }

    @Test func connectsToTheAddressThatWasLookedAt() async throws {
        try await serving { (endpoint: Endpoint, port: Int) async throws in
            let looked = Mutex<[String]>([])
            let poster = EndpointPoster { address in
                looked.withLock { $0.append(address.ipAddress ?? "") }
                return address.ipAddress == "127.0.0.1"
            }
            for _ in 0..<2 { #expect(try await post(poster, "http://127.0.0.1:\(port)/x") == 204) }
            #expect(looked.withLock { $0 } == ["127.0.0.1", "127.0.0.1"])
            #expect(endpoint.hosts.withLock { $0 } == ["127.0.0.1:\(port)", "127.0.0.1:\(port)"])
        }
    }

    /// However the address is written, and whatever a name stands for.
    @Test(arguments: [
        "127.0.0.1", "localhost", "x.localhost", "2130706433", "0x7f.1", "[::1]", "[::ffff:127.0.0.1]", "a@127.0.0.1",
    ])
    func refusesWhatIsNotPublic(_ host: String) async throws {
        try await serving { (endpoint: Endpoint, port: Int) async throws in
            let poster = EndpointPoster(allows: PublicAddress.includes)
            await #expect(throws: (any Error).self) { try await post(poster, "http://\(host):\(port)/x") }
            #expect(endpoint.hosts.withLock { $0 }.isEmpty)
        }
    }

    @Test func namesBelowLocalhostAreThisMachine() async throws {
        try await serving { (endpoint: Endpoint, port: Int) async throws in
            #expect(try await post(EndpointPoster(), "http://x.y.localhost:\(port)/z") == 204)
            let poster = EndpointPoster { $0.ipAddress == "127.0.0.1" }
            #expect(try await post(poster, "http://x.y.localhost:\(port)/z") == 204)
            #expect(endpoint.hosts.withLock { $0 } == ["x.y.localhost:\(port)", "x.y.localhost:\(port)"])
        }
    }

    @Test func asksNobodyWhereAllIsAllowed() async throws {
        try await serving { (endpoint: Endpoint, port: Int) async throws in
            #expect(try await post(EndpointPoster(), "http://localhost:\(port)/x") == 204)
            #expect(endpoint.hosts.withLock { $0 } == ["localhost:\(port)"])
        }
    }
}
