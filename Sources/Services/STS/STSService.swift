package import AWSWire
package import Identity
package import Logging
package import NIOCore
import Policies
import STSModel

/// AWS Security Token Service (2011-06-15): temporary credentials.
///
/// They are sealed into their own session token: nothing is stored, and they hold after a restart.
package final class STSService: Service {
    package let signingName = "sts"
    package let wireProtocol = STS.wireProtocol

    let authorizer: Authorizer
    let tokens: SessionTokens
    let issuers: IssuerKeys
    /// Seconds since 1970.
    let clock: @Sendable () -> Int64
    let logger: Logger

    /// - Parameter web: Fetches the keys of identity providers.
    package init(
        authorizer: Authorizer, tokens: SessionTokens, web: any WebFetching,
        clock: @escaping @Sendable () -> Int64 = { SigV4Time.now().secondsSince1970 }, logger: Logger
    ) {
        self.authorizer = authorizer
        self.tokens = tokens
        self.clock = clock
        self.logger = logger
        issuers = IssuerKeys(web: web, clock: clock)
    }

    package func respond(to request: ServiceRequest, on eventLoop: any EventLoop) -> EventLoopFuture<ServiceResponse> {
        eventLoop.makeFutureWithTask { try await self.answer(request.readingForm()) }
    }

    /// There is nothing to forget.
    package func reset() async throws {}

    private func answer(_ request: ServiceRequest) async throws -> ServiceResponse {
        let operation = try STS.route(request)
        let output: any QueryOutput
        if operation == .assumeRoleWithWebIdentity {
            output = try await assumeRoleWithWebIdentity(request)
        } else {
            guard request.caller.principal.kind != .anonymous else {
                throw SigV4Failure.missingToken.error(for: wireProtocol)
            }
            switch operation {
            case .assumeRole: output = try assumeRole(request)
            case .decodeAuthorizationMessage: throw try decodeAuthorizationMessage(request)
            case .getAccessKeyInfo: output = try getAccessKeyInfo(request)
            case .getCallerIdentity: output = getCallerIdentity(request)
            case .getFederationToken: output = try getFederationToken(request)
            case .getSessionToken: output = try getSessionToken(request)
            default: throw AWSError.notImplemented(operation.rawValue)
            }
        }
        return STS.answer(operation, to: request, output)
    }

    /// Refuses what the caller may not do.
    func require(
        _ action: String, on resource: ProtectedResource, _ request: ServiceRequest,
        context: @autoclosure () -> AccessContext = [:]
    ) throws(AWSError) {
        try authorizer.require(
            "sts:\(action)", on: resource, request, wire: wireProtocol, context: context())
    }

    func shape(_ credentials: TemporaryCredentials) -> STS.Credentials {
        STS.Credentials(
            accessKeyId: credentials.accessKeyID, secretAccessKey: credentials.secretAccessKey,
            sessionToken: credentials.sessionToken, expiration: Double(credentials.expires))
    }
}

extension AWSError {
    static func denied(_ message: String) -> AWSError { AWSError(code: "AccessDenied", message: message, status: 403) }

    static func invalid(_ message: String) -> AWSError {
        AWSError(code: "ValidationError", message: message, status: 400)
    }

    static func invalidParameter(_ message: String) -> AWSError {
        AWSError(code: "InvalidParameterValue", message: message, status: 400)
    }
}
