import AWSWire
import LambdaModel

/// Scaling configurations are of functions on capacity providers, which no function here is on.
extension LambdaService {
    func putFunctionScalingConfig(_ request: ServiceRequest, _ labels: RouteLabels) async throws -> ServiceResponse {
        let input = try Lambda.PutFunctionScalingConfigRequest(decoding: request, labels: labels)
        return try await withoutScaling(
            FunctionTarget(
                input.functionName, qualifier: input.qualifier, caller: request.caller,
                action: "PutFunctionScalingConfig"))
    }

    func getFunctionScalingConfig(_ request: ServiceRequest, _ labels: RouteLabels) async throws -> ServiceResponse {
        let input = try Lambda.GetFunctionScalingConfigRequest(decoding: request, labels: labels)
        return try await withoutScaling(
            FunctionTarget(
                input.functionName, qualifier: input.qualifier, caller: request.caller,
                action: "GetFunctionScalingConfig"))
    }

    private func withoutScaling(_ target: FunctionTarget) async throws -> ServiceResponse {
        _ = try await record(target)
        // As seen in AWS and told in https://github.com/go-to-k/cdkd/issues/1616.
        throw AWSError(
            code: "AccessDeniedException",
            message: "The function provided by the arn does not contain a capacity provider configuration",
            status: 403)
    }
}
