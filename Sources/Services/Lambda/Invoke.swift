import AWSWire
import Fleet
import Identity
import LambdaModel
import NIOCore
import NIOHTTP1

/// Invoke: from the request to the fleet and back, all of it on the connection's event loop. The payload is looked
/// through once, for AWS refuses what is not JSON, and is otherwise handed on as it came; so is the answer.
struct Invoke: Sendable {
    let cache: FunctionCache
    let fleet: any Invoking
    let quotas: Quotas
    let authorizer: Authorizer
    let queue: AsyncQueue

    func respond(
        to request: ServiceRequest, encodedName: Substring, on eventLoop: any EventLoop
    ) -> EventLoopFuture<ServiceResponse> {
        do {
            if request.body.readableBytes > quotas.payloadBytes {
                throw LambdaError.requestTooLarge(
                    message:
                        "Request must be smaller than \(quotas.payloadBytes) bytes for the InvokeFunction operation")
            }
            guard let call = try InvokeCall(request, encodedName: encodedName, quotas: quotas) else {
                throw Self.explanation(of: request)
            }
            if call.kind == .event { try requireEventSize(request) }
            if let function = cache.lookup(call.target) {
                return try run(call, function, request, on: eventLoop)
            }
            return load(call, request, on: eventLoop)
        } catch {
            return eventLoop.makeFailedFuture(error)
        }
    }

    /// What speaks against a request that is no ``InvokeCall``: first the model.
    private static func explanation(of request: ServiceRequest) -> any Error {
        guard let (_, labels) = Lambda.route(request) else { return AWSError.unknownOperation }
        do {
            let input = try Lambda.InvocationRequest(decoding: request, labels: labels)
            return refusal(
                functionName: input.functionName, tenant: input.tenantId, durableExecution: input.durableExecutionName)
        } catch {
            return error
        }
    }

    /// What speaks against a call with which the model agrees.
    static func refusal(functionName: String, tenant: String?, durableExecution: String? = nil) -> AWSError {
        if tenant != nil { return notForTenants }
        if durableExecution != nil { return .unsupported("Durable functions (DurableExecutionName): not implemented.") }
        return tooLong(functionName)
    }

    /// In the words of AWS's `sam local invoke`, which repeats the service's.
    private static let notForTenants = LambdaError.invalidParameterValue(
        message:
            "The invoked function is not enabled with tenancy configuration. Remove the tenant ID from your request "
            + "and try again.")

    private static func tooLong(_ functionName: String) -> AWSError {
        .validation(
            "Value '\(functionName)' at 'functionName' failed to satisfy constraint: "
                + "Member must have length less than or equal to \(InvokeCall.maximumName)")
    }

    /// The function that a call is for. Fails with `ResourceNotFoundException` when there is none.
    func resolve(_ call: InvokeCall, on eventLoop: any EventLoop) -> EventLoopFuture<ResolvedFunction> {
        if let function = cache.lookup(call.target) { return eventLoop.makeSucceededFuture(function) }
        let promise = eventLoop.makePromise(of: ResolvedFunction.self)
        promise.completeWithTask {
            guard let function = try await cache.load(call.target) else { throw call.notFound }
            return function
        }
        return promise.futureResult
    }

    /// The first invocation since the function was changed, or since this process started.
    private func load(
        _ call: InvokeCall, _ request: ServiceRequest, on eventLoop: any EventLoop
    ) -> EventLoopFuture<ServiceResponse> {
        resolve(call, on: eventLoop).flatMap { function in
            do {
                return try run(call, function, request, on: eventLoop)
            } catch {
                return eventLoop.makeFailedFuture(error)
            }
        }
    }

    private func run(
        _ call: InvokeCall, _ function: ResolvedFunction, _ request: ServiceRequest, on eventLoop: any EventLoop
    ) throws -> EventLoopFuture<ServiceResponse> {
        try function.authorize(call, request, by: authorizer)
        let chosen = function.choose()
        let traced = call.traced(isActive: chosen.isTraced)
        let version = try chosen.ready()
        if call.kind == .event {
            return queue.accept(try Self.event(traced, function, request), on: eventLoop).map {
                ServiceResponse(status: .accepted, headers: ["X-Amzn-Trace-Id": traced.traceID])
            }
        }
        let call = try traced.counted(for: function)
        let invocation = try Self.invocation(call, function, chosen, request)
        if call.kind == .dryRun { return eventLoop.makeSucceededFuture(.empty(204)) }
        let promise = eventLoop.makePromise(of: ServiceResponse.self)
        let name = chosen.version
        fleet.invoke(version, invocation, on: eventLoop).whenComplete { result in
            switch result {
            case .success(let outcome): promise.succeed(Self.response(outcome, of: name, to: call))
            case .failure(let error): promise.fail((error as? FleetError).map(AWSError.init) ?? error)
            }
        }
        return promise.futureResult
    }

    func requireEventSize(_ request: ServiceRequest) throws(AWSError) {
        let size = request.body.readableBytes
        guard size > quotas.eventBytes else { return }
        throw .eventTooLarge(size, limit: quotas.eventBytes)
    }

    /// What the queue is asked for. Whether an event is one too many of a loop is decided when its turn comes.
    static func event(
        _ call: InvokeCall, _ function: ResolvedFunction, _ request: ServiceRequest
    ) throws(AWSError) -> AsyncQueue.Request {
        AsyncQueue.Request(
            requestID: request.requestID, target: call.target, creation: function.creation,
            payload: try payload(request.body),
            clientContext: call.clientContext, traceID: Lineage.following(call.traceID, to: function.arn),
            isSampled: call.isSampled, meters: function.meters)
    }

    /// What the fleet is asked for.
    static func invocation(
        _ call: InvokeCall, _ function: ResolvedFunction, _ version: ResolvedVersion, _ request: ServiceRequest
    ) throws(AWSError) -> Invocation {
        Invocation(
            requestID: request.requestID, payload: try payload(request.body),
            invokedARN: call.target.qualifier == nil ? function.arn : call.target.arn,
            clientContext: call.clientContext, traceID: call.traceID, isSampled: call.isSampled,
            logTail: call.log == .tail ? .last : .none, meters: version.meters)
    }

    /// Nothing at all stands for an empty object, which is what a function gets from AWS when no payload was sent.
    private static func payload(_ body: ByteBuffer) throws(AWSError) -> ByteBuffer {
        if body.readableBytes == 0 { return emptyObject }
        if let problem = JSONSyntax.validate(body) {
            throw LambdaError.invalidRequestContent(
                message: "Could not parse request body into json: Could not parse payload into json: \(problem)")
        }
        return body
    }

    private static let emptyObject = ByteBuffer(string: "{}")

    private static func response(
        _ outcome: InvocationOutcome, of version: String, to call: InvokeCall
    ) -> ServiceResponse {
        var headers: HTTPHeaders = [
            "Content-Type": "application/json",
            "X-Amz-Executed-Version": version,
            "X-Amzn-Trace-Id": call.traceID,
        ]
        if let functionError = outcome.functionError {
            headers.add(name: "X-Amz-Function-Error", value: functionError)
        }
        if call.log == .tail {
            headers.add(name: "X-Amz-Log-Result", value: Base64.encode(outcome.logTail.readableBytesView))
        }
        return ServiceResponse(status: .ok, headers: headers, body: outcome.payload)
    }
}

extension InvokeCall {
    /// Invoke names the version that it looked for even when the caller named none. Other accounts do not learn what
    /// functions there are.
    var notFound: AWSError {
        if caller.account.digits != target.key.account {
            return .accessDenied(caller: caller, action: "InvokeFunction", resource: target.arn)
        }
        return .functionNotFound(target.key.arn(qualifier: target.qualifier ?? "$LATEST"))
    }
}

extension ResolvedVersion {
    /// - Throws: `ResourceConflictException`, `InvalidRuntimeException`.
    func ready() throws(AWSError) -> FunctionVersion {
        switch readiness {
        case .ready(let version): return version
        case .unfit(let state): throw .unfitState(state)
        case .initialising: throw .snapStartNotReady
        case .withoutRuntime(let text):
            throw LambdaError.invalidRuntime(message: text)
        case .undecipherable:
            throw LambdaError.kmsInvalidState(message: FunctionSettings.undecipherable)
        }
    }
}

extension AWSError {
    init(_ error: FleetError) {
        switch error {
        case .throttled(let reason):
            self = LambdaError.tooManyRequests(message: "Rate Exceeded.", reason: reason)
        case .unavailable(let text):
            self = LambdaError.service(message: "No execution environment could be started: \(text)")
        // The error that Lambda's model has for computing capacity that a function's initialisation does not get.
        case .outOfCapacity:
            self = LambdaError.ec2Throttled(
                message: "There is not enough memory left on this server to initialize the function.")
        // The developer guide's words ("Troubleshoot invocation issues").
        case .fileSystemNotMounted(let accessPoint):
            self = LambdaError.efsMountFailure(
                message: "The function could not mount the EFS file system with access point \(accessPoint).")
        case .restoreFailed: self = .restoreFailed
        case .restoreTimedOut: self = .restoreTimedOut
        case .shuttingDown: self = LambdaError.service(message: "The server is shutting down.")
        }
    }
}
