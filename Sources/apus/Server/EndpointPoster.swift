import AsyncHTTPClient
import Delivery
import FoundationEssentials
import NIOCore
import NIOHTTP1
import NIOPosix
import Synchronization

/// Posts to the endpoints of subscriptions.
///
/// Whoever may subscribe chooses where to: where others than this machine's users may, names are looked up here, and
/// the connection is made to the address that was looked at, whatever the name stands for a moment later.
final class EndpointPoster: WebPosting {
    /// A client for as long as anybody has it, on loops that the process never ends.
    private final class Client: Sendable {
        let http: HTTPClient

        /// - Parameter addresses: What names stand for; all others are looked up.
        init(addresses: [String: String] = [:]) {
            var configuration = HTTPClient.Configuration(redirectConfiguration: .disallow)
            configuration.timeout.connect = .seconds(5)
            configuration.connectionPool.idleTimeout = .seconds(10)
            // Who is not there is tried again as the delivery policy says.
            configuration.connectionPool.retryConnectionEstablishment = false
            configuration.dnsOverride = addresses
            http = HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
        }

        deinit { http.shutdown { _ in } }
    }

    /// How many names and addresses have a client, and so its connections, at a time.
    private static let remembered = 64

    private let allows: (@Sendable (SocketAddress) -> Bool)?
    private let plain = Client()
    /// By name and address.
    private let bound = Mutex<[[String]: Client]>([:])

    /// - Parameter allows: Which addresses may be posted to; nil: all, and nobody looks.
    init(allows: (@Sendable (SocketAddress) -> Bool)? = nil) { self.allows = allows }

    func post(_ url: String, headers: [(name: String, value: String)], body: ByteBuffer, timeout: TimeAmount)
        async throws -> Int
    {
        let client = try await client(for: url)
        var request = HTTPClientRequest(url: url)
        request.method = .POST
        for (name, value) in headers { request.headers.add(name: name, value: value) }
        request.body = .bytes(body)
        let response = try await client.http.execute(request, timeout: timeout)
        return Int(response.status.code)
    }

    /// One that connects to an address of the URL's host that is allowed, and to no other.
    private func client(for url: String) async throws -> Client {
        if let host = Self.localName(in: url) {
            guard allows?(try SocketAddress(ipAddress: Self.loopback, port: 0)) ?? true else {
                throw EndpointRefused(host: host)
            }
            return client(for: host, at: Self.loopback)
        }
        guard let allows else { return plain }
        guard let written = URL(string: url)?.host(percentEncoded: false) else { throw EndpointRefused(host: url) }
        let host = String(written.drop { $0 == "[" }.prefix { $0 != "]" })
        guard Self.isName(host) else { throw EndpointRefused(host: written) }
        let address = try await NIOThreadPool.singleton.runIfActive {
            try SocketAddress.makeAddressResolvingHost(host, port: 0)
        }
        guard allows(address), let text = address.ipAddress else { throw EndpointRefused(host: host) }
        // An address stands for itself.
        if host.contains(":") || (try? SocketAddress(ipAddress: host, port: 0)) != nil { return plain }
        return client(for: host, at: text)
    }

    private func client(for host: String, at address: String) -> Client {
        bound.withLock { bound in
            if let client = bound[[host, address]] { return client }
            // Whoever uses one of these still has it.
            if bound.count >= Self.remembered { bound = [:] }
            let client = Client(addresses: [host: address])
            bound[[host, address]] = client
            return client
        }
    }

    private static let loopback = "127.0.0.1"

    /// The URL's host where it ends in `.localhost`, as function URLs' do: it stands for this machine, and not all
    /// resolvers know (RFC 6761, 6.3).
    private static func localName(in url: String) -> String? {
        guard let host = URL(string: url)?.host(percentEncoded: false), isName(host),
            host.lowercased().hasSuffix(".localhost")
        else { return nil }
        return host
    }

    /// Nothing that two readers of URLs could take for two hosts.
    private static func isName(_ host: String) -> Bool {
        !host.isEmpty
            && host.utf8.allSatisfy { byte in
                switch byte {
                case 0x30...0x39, 0x41...0x5A, 0x61...0x7A: true
                default: "-._:".utf8.contains(byte)
                }
            }
    }
}
