import AWSWire
import Fleet
import LambdaModel
import Storage

extension LambdaService {
    func getFunction(_ request: ServiceRequest, _ labels: RouteLabels) async throws -> ServiceResponse {
        let input = try Lambda.GetFunctionRequest(decoding: request, labels: labels)
        let target = try FunctionTarget(
            input.functionName, qualifier: input.qualifier, caller: request.caller, action: "GetFunction")
        let found = try await database.read { connection in
            let functions = FunctionRepository(connection)
            return (try functions.find(target), try functions.find(target.key))
        }
        guard let record = found.0, let function = found.1 else { throw AWSError.functionNotFound(target.arn) }
        return Lambda.GetFunctionResponse(
            configuration: answer(record, qualifier: target.qualifier), code: codeLocation(record, request),
            tags: function.tags.isEmpty ? nil : function.tags,
            concurrency: function.reservedConcurrency.map { Lambda.Concurrency(reservedConcurrentExecutions: $0) }
        ).encode()
    }

    private func codeLocation(_ record: FunctionRecord, _ request: ServiceRequest) -> Lambda.FunctionCodeLocation {
        if let image = record.settings.image {
            return Lambda.FunctionCodeLocation(
                repositoryType: "ECR", imageUri: image.uri, resolvedImageUri: image.resolvedURI)
        }
        let location = codeLocation(record.settings.code, request.caller.account, request.endpoint)
        return Lambda.FunctionCodeLocation(repositoryType: "S3", location: location)
    }

    func getFunctionConfiguration(_ request: ServiceRequest, _ labels: RouteLabels) async throws -> ServiceResponse {
        let input = try Lambda.GetFunctionConfigurationRequest(decoding: request, labels: labels)
        let target = try FunctionTarget(
            input.functionName, qualifier: input.qualifier, caller: request.caller, action: "GetFunctionConfiguration")
        return answer(try await record(target), qualifier: target.qualifier).encode(status: 200)
    }
}
