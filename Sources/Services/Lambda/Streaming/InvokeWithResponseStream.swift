import AWSWire
import Fleet
import LambdaModel
import NIOCore
import NIOHTTP1

/// InvokeWithResponseStream: as ``Invoke``, but the answer is an event stream whose chunks are what the function sends,
/// as it sends it. The answer begins when the function's response does, so that what fails before fails as HTTP.
struct InvokeWithResponseStream: Sendable {
    let invoke: Invoke

    func respond(
        to request: ServiceRequest, encodedName: Substring, on eventLoop: any EventLoop
    ) -> EventLoopFuture<ServiceResponse> {
        do {
            let limit = invoke.quotas.payloadBytes
            if request.body.readableBytes > limit {
                throw LambdaError.requestTooLarge(
                    message:
                        "Request must be smaller than \(limit) bytes for the InvokeWithResponseStream operation")
            }
            let call = try InvokeCall(request, encodedName: encodedName, quotas: invoke.quotas)
            // An event can't be streamed: the model has no such type here.
            guard let call, call.kind != .event else { throw Self.explanation(of: request) }
            return invoke.resolve(call, on: eventLoop).flatMap { function in
                do {
                    return try run(call, function, request, on: eventLoop)
                } catch {
                    return eventLoop.makeFailedFuture(error)
                }
            }
        } catch {
            return eventLoop.makeFailedFuture(error)
        }
    }

    /// What speaks against a request that is no call: first the model.
    private static func explanation(of request: ServiceRequest) -> any Error {
        guard let (_, labels) = Lambda.route(request) else { return AWSError.unknownOperation }
        do {
            let input = try Lambda.InvokeWithResponseStreamRequest(decoding: request, labels: labels)
            return Invoke.refusal(functionName: input.functionName, tenant: input.tenantId)
        } catch {
            return error
        }
    }

    private func run(
        _ call: InvokeCall, _ function: ResolvedFunction, _ request: ServiceRequest, on eventLoop: any EventLoop
    ) throws -> EventLoopFuture<ServiceResponse> {
        try function.authorize(call, request, by: invoke.authorizer)
        let chosen = function.choose()
        let traced = call.traced(isActive: chosen.isTraced)
        let version = try chosen.ready()
        let call = try traced.counted(for: function)
        var invocation = try Invoke.invocation(call, function, chosen, request)
        if call.kind == .dryRun { return eventLoop.makeSucceededFuture(.empty(204)) }
        let answer = eventLoop.makePromise(of: ServiceResponse.self)
        let headers: HTTPHeaders = [
            "Content-Type": "application/vnd.amazon.eventstream",
            "X-Amz-Executed-Version": chosen.version,
            "X-Amzn-Trace-Id": call.traceID,
        ]
        let sink = EventStreamSink { answer.succeed(ServiceResponse(headers: headers, stream: $0)) }
        invocation.response = .streamed(sink)
        invoke.fleet.invoke(version, invocation, on: eventLoop).whenComplete { result in
            switch result {
            case .success(let outcome): sink.finish(outcome, withLog: call.log == .tail)
            case .failure(let error): answer.fail((error as? FleetError).map(AWSError.init) ?? error)
            }
        }
        return answer.futureResult
    }
}

extension InvokeCall {
    /// The `FunctionName` label, still percent-encoded, of an InvokeWithResponseStream; nil for any other request.
    static func streamedFunctionName(of request: ServiceRequest) -> Substring? {
        functionName(of: request, prefix: "/2021-11-15/functions/", suffix: "/response-streaming-invocations")
    }
}
