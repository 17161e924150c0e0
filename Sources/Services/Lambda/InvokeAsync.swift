import AWSWire
import LambdaModel
import NIOCore

extension LambdaService {
    /// InvokeAsync, which AWS has replaced by Invoke with the type Event. It tells as that does what is wrong.
    func invokeAsync(_ request: ServiceRequest, _ labels: RouteLabels) async throws -> ServiceResponse {
        let input = try Lambda.InvokeAsyncRequest(decoding: request, labels: labels)
        let target = try FunctionTarget(input.functionName, caller: request.caller, action: "InvokeAsync")
        guard let function = try await resolved(target) else { throw AWSError.functionNotFound(target.arn) }
        try invoke.requireEventSize(request)
        if request.body.readableBytes > 0, let problem = JSONSyntax.validate(request.body) {
            throw LambdaError.invalidRequestContent(
                message: "Could not parse request body into json: Could not parse payload into json: \(problem)")
        }
        let chosen = function.choose()
        _ = try chosen.ready()
        let call = InvokeCall(event: target, request).traced(isActive: chosen.isTraced)
        try await queue.accept(try Invoke.event(call, function, request), on: eventLoops.next()).get()
        return .empty(202)
    }
}
