package import AWSWire
package import NIOCore
package import NIOHTTP1

/// How the front door listens, whom it lets in, and how much it takes from each.
package struct GatewayConfiguration: Sendable {
    /// Who may call.
    package enum Authentication: String, Sendable, Hashable {
        /// Requests carry a signature of a key in the key store.
        case on
        /// Any key and any signature, or none, will do; for a loopback listener only.
        case off
    }

    /// The address or name to listen on.
    package var host: String
    /// 0 takes any free port; ``Gateway/start()`` tells which.
    package var port: Int
    /// Sockets that listen already, in whatever network namespace they were made, on which functions reach this
    /// endpoint. The gateway owns them from its start on and closes them at its end.
    package var functionListeners: [CInt]
    package var authentication: Authentication
    /// The account of callers whom no key names, which happens with authentication off only.
    package var account: AccountID
    /// The region of requests that name none, which happens with authentication off only.
    package var region: String
    package var limits: GatewayLimits
    package var timeouts: GatewayTimeouts
    /// How requests say for which service they are when no credential scope does.
    package var hints: [RouteHint]
    package var bodyLimits: BodyLimits
    /// Told of what was asked, after it was answered; nil: nobody is.
    package var audit: (any AuditSink)?
    /// Further pages of ours.
    package var routes: [GatewayRoute]
    /// What `POST /_apus/reset` empties beside the services, after them.
    package var alsoReset: [@Sendable () async throws -> Void] = []
    /// What `GET /_apus/metrics` says to whoever asks from this machine, in Prometheus's text format; nil: there is no
    /// such page.
    package var metrics: (@Sendable () async -> String)?
    /// What `GET /_apus/health` says.
    package var version: String
    /// The wall clock by which signatures are judged.
    package var clock: @Sendable () -> SigV4Time

    package init(
        host: String = "127.0.0.1", port: Int = 4566, functionListeners: [CInt] = [],
        authentication: Authentication = .on, account: AccountID = .standard, region: String = "us-east-1",
        limits: GatewayLimits = GatewayLimits(), timeouts: GatewayTimeouts = GatewayTimeouts(),
        hints: [RouteHint] = RouteHint.standard, bodyLimits: BodyLimits = .standard,
        audit: (any AuditSink)? = nil,
        routes: [GatewayRoute] = [], version: String = "0", clock: @escaping @Sendable () -> SigV4Time = { .now() }
    ) {
        self.host = host
        self.port = port
        self.functionListeners = functionListeners
        self.authentication = authentication
        self.account = account
        self.region = region
        self.limits = limits
        self.timeouts = timeouts
        self.hints = hints
        self.bodyLimits = bodyLimits
        self.audit = audit
        self.routes = routes
        self.version = version
        self.clock = clock
    }
}

/// How much one connection, and all together, may ask of the gateway. Sizes are in bytes.
package struct GatewayLimits: Sendable {
    /// Open connections. For a further one the longest idle make room; where none is idle it gets a 503 and is closed.
    package var connections = 16_384
    /// Of these, those of one execution environment …
    package var environmentConnections = 256
    /// … and those of all environments together.
    package var functionConnections: Int { connections / 4 }
    /// The request's target.
    package var target = 16_384
    /// One header's name and value.
    package var header = 32_768
    /// All headers of a request.
    package var headers = 65_536
    package var headerCount = 128
    /// Bodies held in memory over all connections; past it requests get a 503.
    package var bufferedBodies = 1 << 30
    /// What is still read of a body whose request was already refused, so that the connection can serve on.
    package var discardedBody = 65_536

    package init() {}
}

/// How long the gateway waits for a client.
package struct GatewayTimeouts: Sendable {
    /// Between two requests, and before the first.
    package var idle = TimeAmount.seconds(120)
    /// For which it does so whoever else wants its place.
    package var grace = TimeAmount.seconds(1)
    /// From a request's first byte to the end of its head.
    package var head = TimeAmount.seconds(20)
    /// The span in which a body must make progress …
    package var body = TimeAmount.seconds(20)
    /// … by at least so many bytes.
    package var bodyProgress = 1_024
    /// In which a client must take some of an answer.
    package var write = TimeAmount.seconds(60)
    /// For which a refused client may go on sending before the connection is cut.
    package var linger = TimeAmount.seconds(10)
    /// For which requests in flight may go on at a shutdown.
    package var shutdown = TimeAmount.seconds(20)

    package init() {}
}

/// A page of ours, such as a presigned URL or a function's URL.
package struct GatewayRoute: Sendable {
    /// Which requests are for a page.
    package enum Place: Sendable {
        /// What the path begins with: `/_apus/code/`.
        case path(prefix: String)
        /// Host names, as requests have them, with a port or without. Asked for every request: it has to be quick.
        case host(@Sendable (_ host: String) -> Bool)
    }

    /// Whom a page is for.
    package enum Access: Sendable, Hashable {
        /// Whoever signs; the credential scope must name the service.
        case signed(service: String)
        /// Whoever signs, as before, and whoever does not: an anonymous caller.
        case offered(service: String)
        /// Anybody. What looks like a signature is the page's own business.
        case open
    }

    package typealias Handler =
        @Sendable (_ request: ServiceRequest, _ eventLoop: any EventLoop) -> EventLoopFuture<RouteAnswer>

    /// What the audit is told of a page. Whoever asks for it uses something rather than managing it: what is let in is
    /// told only where the audit asks for that.
    package struct Audit: Sendable {
        package var service: any AWSWire.Service
        /// Which call a request was, of those that are told; nil for none. Called on the event loop, which it must not
        /// block.
        package var call: @Sendable (_ request: ServiceRequest, _ answer: ServiceResponse) -> AuditedCall?

        package init(
            _ service: any AWSWire.Service,
            call: @escaping @Sendable (_ request: ServiceRequest, _ answer: ServiceResponse) -> AuditedCall?
        ) {
            self.service = service
            self.call = call
        }
    }

    package var place: Place
    /// Asked once the head of a request is there.
    package var access: @Sendable (SigV4.Request) -> Access
    /// The largest body, in bytes, and the error for a larger one; nil is the gateway's own limit.
    package var limit: (bytes: Int, error: AWSError)?
    /// Nil: the audit is told nothing.
    package var audit: Audit?
    /// Called on the event loop, which it must not block. Fails with an `AWSError`, as a service does.
    package var handler: Handler

    /// A page that only signed requests reach.
    package init(prefix: String, signingName: String, handler: @escaping Handler) {
        self.init(at: .path(prefix: prefix), for: { _ in .signed(service: signingName) }, handler: handler)
    }

    package init(
        at place: Place, for access: @escaping @Sendable (SigV4.Request) -> Access,
        limit: (bytes: Int, error: AWSError)? = nil, audit: Audit? = nil, handler: @escaping Handler
    ) {
        self.place = place
        self.access = access
        self.limit = limit
        self.audit = audit
        self.handler = handler
    }
}

/// What a ``GatewayRoute`` answers.
package enum RouteAnswer: Sendable {
    case response(ServiceResponse)
    /// 200 with the file's bytes, which are read as the client takes them. 404 when there is no such file.
    case file(path: String, headers: HTTPHeaders)
}
