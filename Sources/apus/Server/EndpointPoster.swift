import AsyncHTTPClient
import Delivery
import NIOCore
import NIOHTTP1

/// Posts to the endpoints of subscriptions.
final class EndpointPoster: WebPosting {
    /// One for as long as the server runs, on loops that the process never ends.
    private let client: HTTPClient

    init() {
        var configuration = HTTPClient.Configuration(redirectConfiguration: .disallow)
        configuration.timeout.connect = .seconds(5)
        configuration.connectionPool.idleTimeout = .seconds(10)
        client = HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
    }

    deinit { client.shutdown { _ in } }

    func post(_ url: String, headers: [(name: String, value: String)], body: ByteBuffer, timeout: TimeAmount)
        async throws -> Int
    {
        var request = HTTPClientRequest(url: url)
        request.method = .POST
        for (name, value) in headers { request.headers.add(name: name, value: value) }
        request.body = .bytes(body)
        let response = try await client.execute(request, timeout: timeout)
        return Int(response.status.code)
    }
}
