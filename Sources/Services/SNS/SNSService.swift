package import AWSWire
package import Delivery
package import Identity
package import Logging
package import Metrics
package import NIOCore
import SNSModel
package import Storage
import Synchronization

/// Amazon Simple Notification Service (2010-03-31): topics, their subscriptions, and messages to them.
///
/// What it has is in the store; topics that are published to are in memory, too. What subscriptions are to get goes to
/// the outbox, which brings it to them.
package final class SNSService: AWSWire.Service {
    package static let migrations = SNSTable.migrations

    package let signingName = "sns"
    package let wireProtocol = SNS.wireProtocol

    let database: any Database
    let outbox: Outbox
    let authorizer: Authorizer
    let topics: TopicCache
    let signer: MessageSigner
    let publisher: Publisher
    let quotas: SNSQuotas
    /// Milliseconds since 1970.
    let clock: @Sendable () -> Int64
    let logger: Logger
    private let places: Mutex<Places>

    /// Where this service is.
    private struct Places {
        /// For everybody.
        var endpoint: String
        /// For functions, inside their network, where nobody else can go.
        var functions: String?
    }

    /// - Parameters:
    ///   - database: Has had ``migrations`` applied, and is the outbox's.
    ///   - sealing: Encrypts the key of signatures at rest.
    ///   - functionsEndpoint: The URL by which functions reach this service.
    package init(
        database: any Database, outbox: Outbox, delivery: Delivery, authorizer: Authorizer, sealing: SealingKey,
        functionsEndpoint: String? = nil, quotas: SNSQuotas = SNSQuotas(),
        clock: @escaping @Sendable () -> Int64 = WallClock.milliseconds,
        meters: Meters = Meters(), logger: Logger
    ) {
        self.database = database
        self.outbox = outbox
        self.authorizer = authorizer
        self.quotas = quotas
        self.clock = clock
        self.logger = logger
        topics = TopicCache(database: database, meters: meters)
        signer = MessageSigner(database: database, sealing: sealing, clock: { clock() / 1_000 })
        publisher = Publisher(database: database, outbox: outbox, signer: signer, quotas: quotas, clock: clock)
        places = Mutex(Places(endpoint: "http://127.0.0.1:4566", functions: functionsEndpoint))
        outbox.register(DeadLetters(meters: meters, clock: clock), as: DeadLetters.name)
        outbox.register(DeadLetters(meters: nil, clock: clock), as: DeadLetters.nameForQuestions)
        delivery.register(TopicTarget(self), for: "sns")
    }

    /// What takes parcels for URLs, at the pace of their subscriptions.
    package func paced(_ web: any DeliveryTarget) -> PacedTarget { PacedTarget(web, topics: topics, clock: clock) }

    /// Once the server listens: the URL by which everybody reaches it.
    package func listens(at endpoint: String) { places.withLock { $0.endpoint = endpoint } }

    package func reset() async throws {
        try await database.write { try SNSTable($0).deleteAll() }
        topics.forgetAll()
    }

    package func respond(to request: ServiceRequest, on eventLoop: any EventLoop) -> EventLoopFuture<ServiceResponse> {
        eventLoop.makeFutureWithTask {
            let operation = try SNS.route(request)
            let call = Call(request, now: self.clock(), endpoint: self.endpoint(for: request))
            let output = try await self.answer(operation, call)
            return SNS.answer(operation, to: request, output)
        }
    }

    /// Where URLs lead that are told because of a request: where it came in, unless nobody else can go there.
    private func endpoint(for request: ServiceRequest) -> String {
        places.withLock { $0.functions == request.endpoint ? $0.endpoint : request.endpoint }
    }

    /// Where URLs lead that no request is the cause of.
    var endpoint: String { places.withLock { $0.endpoint } }
}

/// A request, and what every operation needs to know of it.
struct Call: Sendable {
    let request: ServiceRequest
    /// Milliseconds since 1970.
    let now: Int64
    /// Where URLs lead that are told because of it.
    let endpoint: String

    /// Twelve digits.
    var account: String { request.caller.account.digits }
    var region: String { request.caller.region }
    /// Whoever follows a link: nobody signed.
    var isAnonymous: Bool {
        request.caller.principal.kind == .anonymous || request.caller.principal.accessKeyID.isEmpty
    }

    init(_ request: ServiceRequest, now: Int64, endpoint: String) {
        self.request = request
        self.now = now
        self.endpoint = endpoint
    }

    func topic(_ arn: String, parameter: String = "TopicArn") throws(AWSError) -> TopicID {
        try TopicID(arn, parameter: parameter, in: region)
    }
}

/// What an operation returns.
typealias Output = (any QueryOutput)?
