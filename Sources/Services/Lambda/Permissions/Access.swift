import AWSWire
import Identity
package import Policies
import Storage

/// Who may do what with a function: its own account everything, everybody else what the function's policy allows.
extension LambdaService {
    /// Asks the policy of a function, a version or an alias whether somebody may act on it: a service (S3, SNS, API
    /// Gateway …) on its own behalf, or an identity of another account.
    ///
    /// - Parameters:
    ///   - action: Such as `lambda:InvokeFunction`.
    ///   - functionARN: As the principal would invoke it: the qualifier counts, for a policy hangs on one.
    ///   - context: What the service says of the event's source: `aws:SourceArn`, `aws:SourceAccount`,
    ///     `lambda:EventSourceToken`.
    /// - Throws: `AccessDeniedException`, also where there is no such function; errors of the store.
    package func authorize(
        _ principal: AccessRequest.Principal, to action: String = "lambda:InvokeFunction", on functionARN: String,
        context: [String: [String]] = [:]
    ) async throws {
        let access = AccessRequest(principal, action: action, resource: functionARN, context: context)
        guard let target = FunctionTarget(arn: functionARN), let function = try await resolved(target),
            function.policy?.decide(access) == .allowed
        else { throw AWSError.accessDenied(principal.shown, action: action, resource: functionARN) }
    }

    /// The function as invocations need it, from memory where it is there.
    func resolved(_ target: FunctionTarget) async throws -> ResolvedFunction? {
        if let function = cache.lookup(target) { return function }
        return try await cache.load(target)
    }
}

extension ResolvedFunction {
    /// - Throws: `AccessDeniedException` for a caller whom neither its own policies nor the function's let invoke.
    func authorize(_ call: InvokeCall, _ request: ServiceRequest, by authorizer: Authorizer) throws(AWSError) {
        let principal = call.caller.principal
        let isOwn = principal.account.digits == call.target.key.account
        if isOwn, principal.isUnlimited { return }
        try authorizer.require(
            "lambda:InvokeFunction", on: resource(as: call.target), request, wire: .restJSON, context: tags)
    }
}

extension AccessRequest.Principal {
    /// The principal as AWS's messages name it.
    fileprivate var shown: String {
        switch self {
        case .anonymous: "anonymous"
        case .service(let name): name
        case .identity(let arn, _): arn
        }
    }
}

extension AWSError {
    /// - Parameter action: With its service.
    static func accessDenied(_ principal: String, action: String, resource: String) -> AWSError {
        AWSError(
            code: "AccessDeniedException",
            message: "User: \(principal) is not authorized to perform: \(action) on resource: \(resource) because no "
                + "resource-based policy allows the \(action) action",
            status: 403)
    }
}
