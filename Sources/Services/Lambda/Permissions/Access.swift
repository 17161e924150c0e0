import AWSWire
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

    /// Has a caller from another account act as the function's own, where the function's policy allows the operation.
    /// Any other request stays what it was, and is refused where it is read.
    func admitted(_ request: ServiceRequest, to operation: String, _ name: String?) async throws -> ServiceRequest {
        guard let name = name.flatMap(FunctionName.init), let owner = name.account.flatMap({ AccountID($0) }),
            owner != request.caller.account
        else { return request }
        let qualifier = request.query.flatMap { QueryParameters($0)["Qualifier"] }
        let target = try FunctionTarget(reaching: name, qualifier: qualifier, caller: request.caller)
        let policy = try await database.read { try FunctionRepository($0).policy(target)?.document() }
        let access = AccessRequest(request.caller, to: "lambda:\(operation)", on: target.arn)
        guard policy?.decide(access) == .allowed else { return request }
        var request = request
        request.caller.account = owner
        return request
    }

    /// The function as invocations need it, from memory where it is there.
    func resolved(_ target: FunctionTarget) async throws -> ResolvedFunction? {
        if let function = cache.lookup(target) { return function }
        return try await cache.load(target)
    }
}

extension ResolvedFunction {
    /// - Throws: `AccessDeniedException` for a caller of another account whom the policy does not let invoke.
    func authorize(_ call: InvokeCall) throws(AWSError) {
        guard call.caller.account.digits != call.target.key.account else { return }
        let access = AccessRequest(call.caller, to: "lambda:InvokeFunction", on: call.target.arn)
        guard policy?.decide(access) == .allowed else {
            throw .accessDenied(caller: call.caller, action: "InvokeFunction", resource: call.target.arn)
        }
    }
}

extension AccessRequest {
    /// What a signed request asks for.
    init(_ caller: Caller, to action: String, on resource: String, context: [String: [String]] = [:]) {
        var context = context
        context["aws:PrincipalArn"] = [caller.principalARN]
        context["aws:PrincipalAccount"] = [caller.account.digits]
        self.init(
            .identity(arn: caller.principalARN, account: caller.account.digits), action: action, resource: resource,
            context: context)
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
