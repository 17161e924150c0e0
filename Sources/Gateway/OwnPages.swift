import AWSWire
import NIOCore
import NIOHTTP1

/// The pages below `/_apus/` that are the gateway's own.
struct OwnPages: Sendable {
    private let directory: ServiceDirectory
    private let alsoReset: [@Sendable () async throws -> Void]
    private let metricsText: (@Sendable () async -> String)?
    private let version: String
    private let clock: @Sendable () -> SigV4Time
    private let start: SigV4Time

    init(directory: ServiceDirectory, _ configuration: GatewayConfiguration) {
        self.directory = directory
        alsoReset = configuration.alsoReset
        metricsText = configuration.metrics
        version = configuration.version
        clock = configuration.clock
        start = clock()
    }

    static let notFound = AWSError(code: "ResourceNotFoundException", message: "There is no such page.", status: 404)

    func health() -> ServiceResponse {
        let uptime = max(0, clock().secondsSince1970 - start.secondsSince1970)
        let services = directory.names.map { "\"\(Self.escaped($0))\":\"running\"" }.joined(separator: ",")
        return Self.json(
            "{\"status\":\"ok\",\"version\":\"\(Self.escaped(version))\",\"uptimeSeconds\":\(uptime),"
                + "\"services\":{\(services)}}")
    }

    /// For Prometheus.
    func metrics(on eventLoop: any EventLoop) -> EventLoopFuture<ServiceResponse> {
        guard let metricsText else { return eventLoop.makeFailedFuture(Self.notFound) }
        // The connection waits for it.
        return eventLoop.makeFutureWithTask {
            ServiceResponse(
                headers: ["Content-Type": "text/plain; version=0.0.4; charset=utf-8"],
                body: ByteBuffer(string: await metricsText()))
        }
    }

    /// Empties every service, one after the other, and what they share.
    func reset(on eventLoop: any EventLoop) -> EventLoopFuture<ServiceResponse> {
        let services = directory.all
        let others = alsoReset
        // Ends by itself: it only waits for the services, and the connection waits for it.
        return eventLoop.makeFutureWithTask {
            for service in services { try await service.reset() }
            for reset in others { try await reset() }
            return Self.json("{}")
        }
    }

    private static func json(_ text: String) -> ServiceResponse {
        ServiceResponse(headers: ["Content-Type": "application/json"], body: ByteBuffer(string: text))
    }

    private static func escaped(_ text: String) -> String {
        String(text.unicodeScalars.map { $0 == "\"" || $0 == "\\" || $0.value < 0x20 ? "_" : Character($0) })
    }
}
