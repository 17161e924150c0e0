import AWSWire
import Identity
import Logging
import NIOCore
import NIOHTTP1

/// Decides what becomes of a request: which service or page answers it, for whom, and with how large a body.
struct Reception: Sendable {
    /// Through which listener a request came.
    enum Origin: Sendable, Hashable {
        case loopback
        case network
        /// A function's execution environment.
        case functions
    }

    /// What is settled once the head is there.
    struct Plan {
        enum Destination {
            case refused(AWSError)
            case service(String?, Authenticator.Admission)
            case route(GatewayRoute, Authenticator.Admission)
            case health
            case metrics
            case reset
        }

        var destination: Destination
        /// How errors are written.
        var wire: WireProtocol
        /// The largest body, in bytes, and what a larger one is answered with.
        var limit: (bytes: Int, error: AWSError)
        /// The page that the request is for, whether or not it is let in.
        var route: GatewayRoute?
    }

    /// No tuple: taking a function out of one that an array holds allocates, for every request.
    private struct HostRoute: Sendable {
        var isFor: @Sendable (String) -> Bool
        var route: GatewayRoute
    }

    private static let anonymousLimit = 65_536

    let configuration: GatewayConfiguration
    let directory: ServiceDirectory
    let authenticator: Authenticator
    private let pages: OwnPages
    /// The routes that a host name leads to.
    private let hosts: [HostRoute]
    private let logger: Logger

    init(
        _ configuration: GatewayConfiguration, directory: ServiceDirectory, keys: KeyStore,
        logger: Logger = Logger(label: "gateway")
    ) {
        self.configuration = configuration
        self.directory = directory
        self.logger = logger
        authenticator = Authenticator(configuration, keys: keys, directory: directory)
        hosts = configuration.routes.compactMap { route in
            if case .host(let isFor) = route.place { HostRoute(isFor: isFor, route: route) } else { nil }
        }
        pages = OwnPages(directory: directory, configuration)
    }

    func plan(_ head: RequestHead, from origin: Origin) -> Plan {
        if let route = self.route(toHostOf: head) { return plan(route, head) }
        if head.path.hasPrefix("/_apus/") { return ownPlan(head, from: origin) }
        let request = head.signed
        let presented = authenticator.read(request)
        let name = authenticator.service(of: request, presented)
        let headers = head.head.headers
        let wire = name.flatMap { directory[$0]?.wireProtocol(of: headers) } ?? Self.wire(of: headers)
        var limit = configuration.bodyLimits.limit(signingName: name, method: head.head.method, path: head.path)
        guard !isForeignPage(head) else {
            return Plan(destination: .refused(Self.foreignPage), wire: wire, limit: limit)
        }
        do {
            let admission = try authenticator.admit(request, presented)
            // Nobody's bodies take little memory.
            if case .anonymous = admission.caller.principal.kind { limit.bytes = min(limit.bytes, Self.anonymousLimit) }
            return Plan(destination: .service(admission.service, admission), wire: wire, limit: limit)
        } catch {
            return Plan(destination: .refused(error.error(for: wire)), wire: wire, limit: limit)
        }
    }

    /// - Returns: completes on `eventLoop` and never fails.
    func answer(
        _ plan: Plan, to head: RequestHead, body: ByteBuffer, requestID: String, on eventLoop: any EventLoop
    ) -> EventLoopFuture<RouteAnswer> {
        let wire = plan.wire
        let logger = logger
        return respond(plan, to: head, body: body, requestID: requestID, on: eventLoop)
            .hop(to: eventLoop)
            .recover { error in
                .response(
                    ErrorEncoding.response(
                        for: Self.visible(error, requestID: requestID, logger: logger), protocol: wire,
                        requestID: requestID))
            }
    }

    private func respond(
        _ plan: Plan, to head: RequestHead, body: ByteBuffer, requestID: String, on eventLoop: any EventLoop
    ) -> EventLoopFuture<RouteAnswer> {
        switch plan.destination {
        case .refused(let error): return eventLoop.makeFailedFuture(error)
        case .health: return eventLoop.makeSucceededFuture(.response(pages.health()))
        case .metrics: return pages.metrics(on: eventLoop).map { .response($0) }
        case .reset: return pages.reset(on: eventLoop).map { .response($0) }
        case .service(let name, let admission):
            return admitted(plan, admission, head, body: body, requestID: requestID, on: eventLoop) { request in
                guard let name, let service = directory[name] else {
                    return eventLoop.makeFailedFuture(directory.unknown(name))
                }
                return service.respond(to: request, on: eventLoop).map { .response($0) }
            }
        case .route(let route, let admission):
            return admitted(plan, admission, head, body: body, requestID: requestID, on: eventLoop) { request in
                route.handler(request, eventLoop)
            }
        }
    }

    /// Checks the signature against the body, then lets `next` answer.
    private func admitted(
        _ plan: Plan, _ admission: Authenticator.Admission, _ head: RequestHead, body: ByteBuffer, requestID: String,
        on eventLoop: any EventLoop, _ next: (ServiceRequest) -> EventLoopFuture<RouteAnswer>
    ) -> EventLoopFuture<RouteAnswer> {
        let payload: ByteBuffer
        do {
            payload = try authenticator.verify(head.signed, body: body, admission)
        } catch {
            return eventLoop.makeFailedFuture(error.error(for: plan.wire))
        }
        // Framing made the body longer than its payload, which is what the limit is about.
        guard payload.readableBytes <= plan.limit.bytes else { return eventLoop.makeFailedFuture(plan.limit.error) }
        return next(
            ServiceRequest(
                method: head.head.method, path: head.path, query: head.query, headers: head.head.headers,
                body: payload, caller: admission.caller, requestID: requestID, endpoint: head.endpoint,
                peer: head.peer))
    }

    private func ownPlan(_ head: RequestHead, from origin: Origin) -> Plan {
        let limit = configuration.bodyLimits.limit(signingName: nil, method: head.head.method, path: head.path)
        func plan(_ destination: Plan.Destination) -> Plan {
            Plan(destination: destination, wire: .restJSON, limit: limit)
        }
        switch (head.head.method, head.path) {
        case (.GET, "/_apus/health"), (.HEAD, "/_apus/health"): return plan(.health)
        // It names functions and queues, which is nothing for others.
        case (.GET, "/_apus/metrics") where origin == .loopback, (.HEAD, "/_apus/metrics") where origin == .loopback:
            return plan(.metrics)
        case (.POST, "/_apus/reset") where mayReset(head, from: origin): return plan(.reset)
        default: break
        }
        let found = configuration.routes.first { route in
            if case .path(let prefix) = route.place { head.path.hasPrefix(prefix) } else { false }
        }
        return found.map { self.plan($0, head) } ?? plan(.refused(OwnPages.notFound))
    }

    private func route(toHostOf head: RequestHead) -> GatewayRoute? {
        guard !hosts.isEmpty, let host = head.head.headers.first(name: "host") else { return nil }
        return hosts.first { $0.isFor(host) }?.route
    }

    private func plan(_ route: GatewayRoute, _ head: RequestHead) -> Plan {
        let limit =
            route.limit
            ?? configuration.bodyLimits.limit(signingName: nil, method: head.head.method, path: head.path)
        let destination: Plan.Destination
        do {
            destination = .route(
                route,
                try authenticator.admit(
                    head.signed, to: route.access(head.signed), isForeign: isForeignPage(head)))
        } catch {
            destination = .refused(error.error(for: .restJSON))
        }
        return Plan(destination: destination, wire: .restJSON, limit: limit, route: route)
    }

    private static let foreignPage = AWSError(
        code: "AccessDeniedException", message: "Requests from pages of other sites are not accepted.", status: 403)

    /// Whether a browser asks on behalf of a page that another machine served. Without signatures nothing else would
    /// keep any such page from calling services here.
    private func isForeignPage(_ head: RequestHead) -> Bool {
        guard configuration.authentication == .off, let origin = head.head.headers.first(name: "origin") else {
            return false
        }
        guard let scheme = ["http://", "https://"].first(where: origin.hasPrefix) else { return true }
        var host = origin.dropFirst(scheme.utf8.count)
        if let colon = host.lastIndex(of: ":"), host[colon...].dropFirst().allSatisfy(\.isNumber) {
            host = host[..<colon]
        }
        return !(["localhost", "127.0.0.1", "[::1]"].contains(host) || host.hasSuffix(".localhost"))
    }

    /// A page in a browser can make it send a POST here but not without an `Origin`; and whoever may subscribe can
    /// make SNS send one from this machine, which says what it is.
    private func mayReset(_ head: RequestHead, from origin: Origin) -> Bool {
        configuration.authentication == .off && origin == .loopback && !head.head.headers.contains(name: "origin")
            && !head.head.headers.contains(name: "x-amz-sns-message-type")
    }

    /// The protocol in which clients of a service that does not run here read errors, by the content that they send.
    private static func wire(of headers: HTTPHeaders) -> WireProtocol {
        let prefix = "application/x-amz-json-"
        guard let type = headers.first(name: "content-type") else { return .restJSON }
        if type.hasPrefix("application/x-www-form-urlencoded") { return .anyQuery }
        guard type.hasPrefix(prefix) else { return .restJSON }
        return .awsJSON(version: type.hasSuffix("1.0") ? "1.0" : "1.1")
    }

    /// What a client gets to see of an error; the rest goes to the log.
    private static func visible(_ error: any Error, requestID: String, logger: Logger) -> AWSError {
        if let error = error as? AWSError { return error }
        logger.error(
            "request failed inside", metadata: ["requestID": "\(requestID)", "error": "\(String(reflecting: error))"])
        return AWSError(
            code: "ServiceException", message: "The service encountered an internal error.", status: 500,
            fault: .server)
    }
}
