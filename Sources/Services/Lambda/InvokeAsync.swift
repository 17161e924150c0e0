import AWSWire
import LambdaModel
import NIOCore

extension LambdaService {
    /// InvokeAsync, which AWS has replaced by Invoke with the type Event. It tells as that does what is wrong.
    func invokeAsync(_ request: ServiceRequest, _ labels: RouteLabels) async throws -> ServiceResponse {
        let input = try Lambda.InvokeAsyncRequest(decoding: request, labels: labels)
        let target = try FunctionTarget(input.functionName, caller: request.caller, action: "InvokeAsync")
        guard try await resolved(target) != nil else { throw AWSError.functionNotFound(target.arn) }
        if request.body.readableBytes > 0, let problem = JSONSyntax.validate(request.body) {
            throw LambdaError.invalidRequestContent(
                message: "Could not parse request body into json: Could not parse payload into json: \(problem)")
        }
        throw AWSError.unsupported(
            "Asynchronous invocation (InvokeAsync) is not implemented: use Invoke with the type RequestResponse.")
    }
}
