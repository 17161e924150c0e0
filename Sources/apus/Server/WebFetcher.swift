import AsyncHTTPClient
import NIOCore
import NIOHTTP1
import STSService

/// Fetches the keys of identity providers.
final class WebFetcher: WebFetching {
    struct Failure: Error {
        var status: UInt
    }

    /// For the whole exchange.
    private static let timeout = TimeAmount.seconds(5)

    /// One for as long as the server runs, on loops that the process never ends.
    private let client: HTTPClient

    init() {
        var configuration = HTTPClient.Configuration(redirectConfiguration: .disallow)
        // What there is to fetch is small, and a provider has an hour's rest afterwards.
        configuration.connectionPool.idleTimeout = .seconds(1)
        client = HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
    }

    deinit { client.shutdown { _ in } }

    func get(_ url: String, limit: Int) async throws -> ByteBuffer {
        var request = HTTPClientRequest(url: url)
        request.headers.add(name: "Accept", value: "application/json")
        let response = try await client.execute(request, timeout: Self.timeout)
        guard response.status == .ok else { throw Failure(status: response.status.code) }
        return try await response.body.collect(upTo: limit)
    }
}
