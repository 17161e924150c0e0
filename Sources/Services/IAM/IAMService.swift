package import AWSWire
import IAMModel
package import Identity
package import Logging
package import NIOCore
import ServiceLifecycle
package import Storage
import Synchronization

/// AWS Identity and Access Management (2010-05-08): users, groups, roles, their policies and keys.
///
/// Made before the server listens; ``prepare()`` is awaited next. What it knows is in memory, where ``directory`` finds
/// it without waiting.
package final class IAMService: AWSWire.Service, ServiceLifecycle.Service {
    package static let migrations = AccountStore.migrations

    package let signingName = "iam"
    package let wireProtocol = IAM.wireProtocol
    /// Who there is, as of the last commit.
    package let directory: IAMDirectory
    /// Decides by what it has.
    package let authorizer: Authorizer

    let accounts: Accounts
    let quotas: IAMQuotas
    let sealing: SealingKey
    let uses: UseLog
    /// Accounts that begin with the standard role.
    let prepared = Mutex<Set<String>>([])
    /// Seconds since 1970.
    let clock: @Sendable () -> Int64
    let logger: Logger

    /// - Parameters:
    ///   - database: Knows ``migrations``.
    ///   - sealing: Encrypts the secrets of access keys at rest.
    package init(
        database: any Database, quotas: IAMQuotas = IAMQuotas(), sealing: SealingKey,
        authorization: Authorizer.Mode = .enforcing,
        clock: @escaping @Sendable () -> Int64 = { SigV4Time.now().secondsSince1970 }, logger: Logger
    ) {
        let uses = UseLog(database: database, clock: clock)
        let directory = IAMDirectory(sealing: sealing, uses: uses)
        self.directory = directory
        authorizer = Authorizer(directory: directory, mode: authorization, clock: clock)
        self.quotas = quotas
        self.sealing = sealing
        self.clock = clock
        self.logger = logger
        accounts = Accounts(database: database) { directory.publish($0) }
        self.uses = uses
    }

    /// Before the first request: reads what there is.
    package func prepare() async throws {
        try await accounts.load()
        try await uses.load()
    }

    /// Notes now and then which keys and roles were used, until graceful shutdown or cancellation.
    package func run() async throws { try await uses.run(logger: logger) }

    package func reset() async throws {
        let (prepared, now) = (prepared.withLock { $0 }, clock())
        try await accounts.deleteAll { account in
            if prepared.contains(account.id) { account.roles.put(.standard(in: account.id, at: now)) }
        }
        uses.forget()
    }

    package func respond(to request: ServiceRequest, on eventLoop: any EventLoop) -> EventLoopFuture<ServiceResponse> {
        eventLoop.makeFutureWithTask {
            let request = request.readingForm()
            let operation = try IAM.route(request)
            let call = Call(request, now: self.clock())
            try self.authorize(operation, call)
            let output = try await self.answer(operation, call)
            return IAM.answer(operation, to: request, output)
        }
    }
}

/// A request, and what every operation needs to know of it.
struct Call: Sendable {
    let request: ServiceRequest
    /// Seconds since 1970.
    let now: Int64
    let names: Names

    /// Twelve digits.
    var account: String { names.account }

    init(_ request: ServiceRequest, now: Int64) {
        self.request = request
        self.now = now
        names = Names(account: request.caller.account.digits)
    }

    /// The name of the user who asks; nil for everybody else.
    var userName: String? {
        if case .user(let name) = request.caller.principal.kind { name } else { nil }
    }

    /// The user whom an operation is about: the one that it names, else the one who asks.
    func user(_ named: String?) throws(AWSError) -> String {
        guard let name = named ?? userName else { throw .noUserName }
        return name
    }
}

/// What an operation returns.
typealias Output = (any QueryOutput)?
