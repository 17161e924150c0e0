import AWSWire
import NIOCore
import NIOEmbedded
import NIOHTTP1
import NIOPosix
import Testing
import TestSupport

import Identity

@testable import Gateway

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// The whole gateway on loopback sockets.
@Suite(.timeLimit(.minutes(10))) struct GatewayTests {
    static let root = SigV4.Credentials(accessKeyID: "AKIDEXAMPLE", secretAccessKey: "secret")
    static let invoke = "/2015-03-31/functions/hello/invocations"

    let lambda = EchoService()
    let keys = KeyStore(keys: [(account: .standard, credentials: root)], clock: { Rig.now })

    private func open(_ adjust: (inout GatewayConfiguration) -> Void = { _ in }) async throws
        -> (gateway: Gateway, address: SocketAddress)
    {
        var configuration = GatewayConfiguration(port: 0, clock: { Rig.now })
        adjust(&configuration)
        let gateway = Gateway(services: [lambda], keys: keys, configuration: configuration)
        return (gateway, try await gateway.start())
    }

    private func signed(
        _ credentials: SigV4.Credentials = root, method: HTTPMethod = .POST, path: String = invoke,
        body: String = "{}", sentBody: String? = nil, at time: SigV4Time = Rig.now, service: String = "lambda"
    ) -> String {
        var request = SigV4.Request(method: method, path: path, headers: ["Host": "127.0.0.1"])
        SigV4.Signer(credentials: credentials, region: "eu-west-1", service: service)
            .sign(&request, payloadHash: SigV4.hash(Array(body.utf8)), at: time)
        let headers = request.headers.map { "\($0.name): \($0.value)\r\n" }.joined()
        let sent = sentBody ?? body
        return "\(method.rawValue) \(path) HTTP/1.1\r\n\(headers)Content-Length: \(sent.utf8.count)\r\n\r\n\(sent)"
    }

    @Test func signedInvocation() async throws {
        let (gateway, address) = try await open()
        let client = try await Client(to: address)
        try await client.send(signed())
        let answer = try #require(await client.answer())
        #expect(answer.status == 200)
        #expect(answer.body == "{}")
        #expect(answer.headers.first(name: "x-account") == "000000000000")
        #expect(answer.headers.first(name: "x-region") == "eu-west-1")
        #expect(answer.headers.first(name: "x-kind") == "root")
        await gateway.stop()
        await client.end()
    }

    /// Codes as Lambda has them in its list of common errors.
    @Test func refusals() async throws {
        let (gateway, address) = try await open()
        let minted = keys.issue(account: .standard, region: "r", roleARN: "a/worker", functionName: "hello")
        var temporary = SigV4.Credentials(
            accessKeyID: minted.accessKeyID, secretAccessKey: minted.secretAccessKey, sessionToken: minted.sessionToken)
        let client = try await Client(to: address)
        func code(_ request: String) async throws -> String? {
            try await client.send(request)
            let answer = try #require(await client.answer())
            #expect(answer.status == 403 || answer.status == 200)
            return answer.headers.first(name: "x-amzn-errortype")
        }
        #expect(try await code(signed(temporary)) == nil)
        #expect(try await code(signed(sentBody: "[]")) == "InvalidSignatureException")
        #expect(try await code(signed(at: Rig.now - 301)) == "InvalidSignatureException")
        // The target is Lambda's, the scope is not.
        #expect(try await code(signed(service: "logs")) == "InvalidSignatureException")
        var unknown = Self.root
        unknown.accessKeyID = "AKIDOTHER"
        #expect(try await code(signed(unknown)) == "UnrecognizedClientException")
        unknown = Self.root
        unknown.secretAccessKey = "other"
        #expect(try await code(signed(unknown)) == "InvalidSignatureException")
        keys.revoke(accessKeyID: temporary.accessKeyID)
        #expect(try await code(signed(temporary)) == "UnrecognizedClientException")
        temporary.sessionToken = nil
        #expect(try await code(signed(temporary)) == "UnrecognizedClientException")
        await gateway.stop()
        await client.end()
    }

    @Test func presignedDownload() async throws {
        let directory = TemporaryDirectory()
        let content = (0..<1_000_003).map { UInt8(truncatingIfNeeded: 97 + $0 % 26) }
        directory.write("code.zip", content)
        let (gateway, address) = try await open {
            $0.routes = [
                GatewayRoute(prefix: "/_apus/code/", signingName: "lambda") { request, eventLoop in
                    let name = request.path.dropFirst("/_apus/code/".count)
                    return eventLoop.makeSucceededFuture(
                        .file(path: directory.file(String(name)), headers: ["Content-Type": "application/zip"]))
                }
            ]
        }
        let signer = SigV4.Signer(credentials: Self.root, region: "r", service: "lambda")
        func get(_ client: Client, _ name: String, changed: String = "") async throws -> Answer? {
            let path = "/_apus/code/\(name)"
            let query = signer.presign(host: "127.0.0.1", path: path, expires: 600, at: Rig.now - 599)
            try await client.send("GET \(path)?\(query)\(changed) HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
            return await client.answer()
        }
        let client = try await Client(to: address)
        for _ in 0..<2 {
            let answer = try #require(await get(client, "code.zip"))
            #expect(answer.status == 200)
            #expect(answer.headers.first(name: "content-type") == "application/zip")
            #expect(Array(answer.body.utf8) == content)
        }
        #expect(try await get(client, "other.zip")?.status == 404)
        #expect(try await get(client, "code.zip", changed: "&x=y")?.status == 403)
        try await client.send("GET /_apus/code/code.zip HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        #expect(await client.answer()?.status == 403)
        await gateway.stop()
        await client.end()
    }

    @Test func resetEmptiesEveryService() async throws {
        let (gateway, address) = try await open { $0.authentication = .off }
        let client = try await Client(to: address)
        try await client.send("POST /_apus/reset HTTP/1.1\r\nHost: localhost\r\n\r\n")
        let answer = try #require(await client.answer())
        #expect(answer.status == 200)
        #expect(answer.body == "{}")
        #expect(lambda.resetCount == 1)
        await gateway.stop()
        await client.end()
    }

    @Test func functionsListener() async throws {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        // A sockaddr_in: family, port 0, 127.0.0.1.
        var address: [UInt8] = [UInt8(AF_INET), 0, 0, 0, 127, 0, 0, 1] + [UInt8](repeating: 0, count: 8)
        var length = socklen_t(address.count)
        address.withUnsafeMutableBytes { bytes in
            let generic = bytes.assumingMemoryBound(to: sockaddr.self).baseAddress
            #expect(bind(descriptor, generic, length) == 0)
            #expect(listen(descriptor, 16) == 0)
            #expect(getsockname(descriptor, generic, &length) == 0)
        }
        let port = Int(address[2]) << 8 | Int(address[3])
        let (gateway, _) = try await open {
            $0.authentication = .off
            $0.functionListeners = [descriptor]
        }
        let client = try await Client(to: SocketAddress(ipAddress: "127.0.0.1", port: port))
        try await client.send("GET /_apus/health HTTP/1.1\r\nHost: localhost\r\n\r\n")
        #expect(await client.answer()?.status == 200)
        try await client.send("POST /_apus/reset HTTP/1.1\r\nHost: localhost\r\n\r\n")
        #expect(await client.answer()?.status == 404)
        #expect(lambda.resetCount == 0)
        await gateway.stop()
        await client.end()
    }

    @Test func noAuthenticationMeansLoopback() async throws {
        let configuration = GatewayConfiguration(host: "0.0.0.0", port: 0, authentication: .off)
        let gateway = Gateway(services: [lambda], keys: keys, configuration: configuration)
        await #expect(throws: Gateway.Failure.unauthenticatedNetworkListener("0.0.0.0")) {
            _ = try await gateway.start()
        }
    }

    @Test func requestsInFlightFinishAtAShutdown() async throws {
        let (gateway, address) = try await open { $0.authentication = .off }
        let idle = try await Client(to: address)
        let busy = try await Client(to: address)
        try await busy.send("GET /2015-03-31/wait HTTP/1.1\r\nHost: a\r\n\r\n")
        #expect(try await eventually { lambda.waitingCount == 1 && gateway.openConnections == 2 })
        async let stopped: Void = gateway.stop()
        await idle.end()
        lambda.release()
        let answer = try #require(await busy.answer())
        #expect(answer.body == "waited")
        #expect(answer.headers["connection"] == ["close"])
        await stopped
        #expect(gateway.openConnections == 0)
        await #expect(throws: (any Error).self) { _ = try await Client(to: address) }
    }

    @Test func aShutdownDoesNotWaitForever() async throws {
        let (gateway, address) = try await open {
            $0.authentication = .off
            $0.timeouts.shutdown = .milliseconds(1)
        }
        let client = try await Client(to: address)
        try await client.send("GET /2015-03-31/wait HTTP/1.1\r\nHost: a\r\n\r\n")
        #expect(try await eventually { lambda.waitingCount == 1 })
        await gateway.stop()
        #expect(await client.answer() == nil)
        lambda.release()
    }

    @Test func runsUntilItIsCancelled() async throws {
        let (gateway, address) = try await open()
        let running = Task { try await gateway.run() }
        let client = try await Client(to: address)
        try await client.send(signed())
        #expect(await client.answer()?.status == 200)
        running.cancel()
        try await running.value
        await client.end()
        #expect(gateway.openConnections == 0)
        await #expect(throws: Gateway.Failure.alreadyStarted) { _ = try await gateway.start() }
    }

    @Test func clientsThatLeave() async throws {
        let (gateway, address) = try await open { $0.authentication = .off }
        for _ in 0..<20 {
            let client = try await Client(to: address)
            try await client.send("GET /2015-03-31/wait HTTP/1.1\r\nHost: a\r\n\r\n")
            #expect(try await eventually { lambda.waitingCount == 1 })
            await client.close()
            lambda.release()
        }
        #expect(try await eventually { gateway.openConnections == 0 })
        #expect(gateway.openConnections == 0)
        await gateway.stop()
    }

    @Test func halfClosedClients() async throws {
        let (gateway, address) = try await open { $0.authentication = .off }
        let client = try await Client(to: address)
        try await client.send("POST \(Self.invoke) HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n{}")
        try await client.closeOutput()
        #expect(await client.answer()?.body == "{}")
        await client.end()
        await gateway.stop()
    }

    /// The client goes on sending all of a body that was refused at its head, and still reads the answer.
    @Test func refusedWhileSending() async throws {
        let (gateway, address) = try await open { $0.authentication = .off }
        let client = try await Client(to: address)
        let body = String(repeating: "x", count: 9_000_000)
        try await client.send("POST \(Self.invoke) HTTP/1.1\r\nHost: a\r\nContent-Length: 9000000\r\n\r\n\(body)")
        #expect(await client.answer()?.status == 413)
        await client.end()
        await gateway.stop()
    }

    @Test func clientsThatDoNotReadAreCutOff() async throws {
        let (gateway, address) = try await open {
            $0.authentication = .off
            $0.timeouts.write = .milliseconds(50)
        }
        let client = try await Client(to: address, reading: false)
        #expect(try await eventually { gateway.openConnections == 1 })
        try await client.send("GET /2015-03-31/large HTTP/1.1\r\nHost: a\r\n\r\n")
        #expect(try await eventually { gateway.openConnections == 0 })
        #expect(gateway.openConnections == 0)
        await client.close()
        await gateway.stop()
    }

    /// However many connections an environment holds, those of others are served.
    @Test func connectionsOfOneEnvironment() async throws {
        let connections = Connections(limits: Self.few, grace: .seconds(1))
        var mine: [EmbeddedChannel] = []
        func open(from source: String?) -> EmbeddedChannel? {
            let channel = EmbeddedChannel()
            return connections.add(channel, from: source) == nil ? nil : channel
        }
        func close(_ channel: EmbeddedChannel) {
            channel.close(promise: nil)
            channel.embeddedEventLoop.run()
        }
        while let channel = open(from: "169.254.1.1") { mine.append(channel) }
        #expect(mine.count == 2)
        let others = try [#require(open(from: "169.254.1.2")), #require(open(from: "169.254.1.2"))]
        // All environments have theirs: a quarter of sixteen.
        #expect(open(from: "169.254.1.3") == nil)
        let outside = try #require(open(from: nil))
        #expect(connections.count == 5)
        close(mine[0])
        #expect(open(from: "169.254.1.2") == nil)
        let again = try #require(open(from: "169.254.1.3"))
        for channel in [mine[1]] + others + [outside, again] { close(channel) }
        #expect(connections.count == 0)
        #expect(open(from: "169.254.1.1") != nil)
    }

    private static let few = {
        var limits = GatewayLimits()
        limits.connections = 16
        limits.environmentConnections = 2
        return limits
    }()

    @Test func whatFollowsAMalformedRequestIsThrownAway() async throws {
        let (gateway, address) = try await open { $0.timeouts.linger = .minutes(10) }
        let client = try await Client(to: address)
        try await client.send("hello\r\n\r\n")
        #expect(await client.answer()?.status == 400)
        let other = try await Client(to: address)
        for _ in 0..<10 {
            try await client.send("x")
            // By the time of this answer what was sent before has been read.
            try await other.send(signed())
            #expect(await other.answer()?.status == 200)
        }
        #expect(gateway.openConnections == 2)
        try await client.closeOutput()
        #expect(try await eventually { gateway.openConnections == 1 })
        await other.close()
        await gateway.stop()
    }

    /// One that has a request keeps its place.
    @Test func tooManyConnections() async throws {
        let (gateway, address) = try await open {
            $0.limits.connections = 1
            $0.authentication = .off
        }
        let first = try await Client(to: address)
        try await first.send("GET /2015-03-31/wait HTTP/1.1\r\nHost: a\r\n\r\n")
        #expect(try await eventually { lambda.waitingCount == 1 })
        let second = try await Client(to: address)
        #expect(await second.answer()?.status == 503)
        await second.end()
        lambda.release()
        #expect(await first.answer()?.status == 200)
        await first.close()
        #expect(try await eventually { gateway.openConnections == 0 })
        let third = try await Client(to: address)
        try await third.send(signed())
        #expect(await third.answer()?.status == 200)
        await gateway.stop()
    }

    @Test func theLongestIdleMakesRoom() async throws {
        let (gateway, address) = try await open {
            $0.limits.connections = 2
            $0.timeouts.grace = .zero
        }
        var clients: [Client] = []
        for _ in 0..<2 {
            clients.append(try await Client(to: address))
            try await clients[clients.count - 1].send(signed())
            #expect(await clients[clients.count - 1].answer()?.status == 200)
        }
        // The first is the youngest again.
        try await clients[0].send(signed())
        #expect(await clients[0].answer()?.status == 200)
        let third = try await Client(to: address)
        try await third.send(signed())
        #expect(await third.answer()?.status == 200)
        await clients[1].end()
        try await clients[0].send(signed())
        #expect(await clients[0].answer()?.status == 200)
        #expect(try await eventually { gateway.openConnections == 2 })
        await gateway.stop()
    }

    @Test func newcomersDoNotPushEachOtherOut() throws {
        var limits = GatewayLimits()
        limits.connections = 1
        let connections = Connections(limits: limits, grace: .hours(1))
        let first = EmbeddedChannel()
        let idleness = try #require(connections.add(first))
        idleness.begin(at: .now())
        #expect(connections.add(EmbeddedChannel()) == nil)
        let patient = Connections(limits: limits, grace: .zero)
        try #require(patient.add(first)).begin(at: .now())
        #expect(patient.add(EmbeddedChannel()) != nil)
        first.close(promise: nil)
        first.embeddedEventLoop.run()
    }

    /// Functions that hold connections keep neither others nor other functions out.
    @Test func idlersOfFunctionsMakeRoom() throws {
        let connections = Connections(limits: Self.few, grace: .seconds(1))
        func open(from source: String?, since time: UInt64) -> EmbeddedChannel? {
            let channel = EmbeddedChannel()
            let idleness = connections.add(channel, from: source)
            if time > 0 { idleness?.begin(at: .uptimeNanoseconds(time)) }
            return idleness == nil ? nil : channel
        }
        let outside = try #require(open(from: nil, since: 1))
        let mine = try (0..<4).map { try #require(open(from: "169.254.1.\($0 / 2)", since: $0 == 2 ? 2 : 9)) }
        let told = Told()
        try mine[2].pipeline.syncOperations.addHandler(told)
        let other = open(from: "169.254.1.7", since: 0)
        #expect(other != nil && told.count == 1)
        // The one that was told counts no more, and is not told again.
        _ = try #require(open(from: "169.254.1.7", since: 0))
        #expect(told.count == 1 && connections.count == 7)
        for channel in mine + [outside] { channel.close(promise: nil) }
        for channel in mine + [outside] { channel.embeddedEventLoop.run() }
        #expect(connections.count == 2)
    }

    private final class Told: ChannelInboundHandler {
        typealias InboundIn = Never
        var count = 0
        func userInboundEventTriggered(context _: ChannelHandlerContext, event: Any) {
            if event is Connections.Quiesce { count += 1 }
        }
    }
}
