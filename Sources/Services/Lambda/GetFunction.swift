import AWSWire
import Fleet
import LambdaModel
import Storage

extension LambdaService {
    func getFunction(_ request: ServiceRequest, _ labels: RouteLabels) async throws -> ServiceResponse {
        let input = try Lambda.GetFunctionRequest(decoding: request, labels: labels)
        let target = try FunctionTarget(
            input.functionName, qualifier: input.qualifier, caller: request.caller, action: "GetFunction")
        let record = try await record(target)
        let location = codeLocation(record.settings.code, request.caller.account, request.endpoint)
        return Lambda.GetFunctionResponse(
            configuration: answer(record, qualifier: target.qualifier),
            code: Lambda.FunctionCodeLocation(repositoryType: "S3", location: location),
            tags: record.tags.isEmpty ? nil : record.tags,
            concurrency: record.reservedConcurrency.map { Lambda.Concurrency(reservedConcurrentExecutions: $0) }
        ).encode()
    }

    func getFunctionConfiguration(_ request: ServiceRequest, _ labels: RouteLabels) async throws -> ServiceResponse {
        let input = try Lambda.GetFunctionConfigurationRequest(decoding: request, labels: labels)
        let target = try FunctionTarget(
            input.functionName, qualifier: input.qualifier, caller: request.caller, action: "GetFunctionConfiguration")
        return answer(try await record(target), qualifier: target.qualifier).encode(status: 200)
    }

    /// No function has one: the configurations themselves are not implemented.
    func getFunctionCodeSigningConfig(_ request: ServiceRequest, _ labels: RouteLabels) async throws -> ServiceResponse
    {
        let input = try Lambda.GetFunctionCodeSigningConfigRequest(decoding: request, labels: labels)
        let target = try FunctionTarget(
            input.functionName, caller: request.caller, action: "GetFunctionCodeSigningConfig")
        _ = try await record(target)
        return Lambda.GetFunctionCodeSigningConfigResponse().encode()
    }

    /// No function has one: AddPermission is not implemented.
    func getPolicy(_ request: ServiceRequest, _ labels: RouteLabels) async throws -> ServiceResponse {
        let input = try Lambda.GetPolicyRequest(decoding: request, labels: labels)
        let target = try FunctionTarget(
            input.functionName, qualifier: input.qualifier, caller: request.caller, action: "GetPolicy")
        _ = try await record(target)
        throw LambdaError.resourceNotFound(message: "The resource you requested does not exist.")
    }

    func deleteFunction(_ request: ServiceRequest, _ labels: RouteLabels) async throws -> ServiceResponse {
        let input = try Lambda.DeleteFunctionRequest(decoding: request, labels: labels)
        let target = try FunctionTarget(
            input.functionName, qualifier: input.qualifier, caller: request.caller, action: "DeleteFunction")
        try requireDeletable(target)
        let key = target.key
        let setReservedConcurrency = setReservedConcurrency
        let deleted = try await database.write { connection in
            let functions = FunctionRepository(connection)
            guard let record = try functions.find(key) else { throw AWSError.functionNotFound(key.arn) }
            // Only versions have numbers, and there are none to delete.
            if target.qualifier != nil { return FunctionRecord?.none }
            _ = try functions.delete(key)
            if record.reservedConcurrency != nil {
                setReservedConcurrency(key.account, key.region, key.name, nil)
            }
            return record
        }
        guard let deleted else { return .empty(204) }
        cache.invalidate(key)
        fleet.retire(account: key.account, region: key.region, name: key.name, except: nil)
        await code.discard(deleted.settings)
        if let serving = deleted.serving { await code.discard(serving) }
        deployer.wake()
        return .empty(204)
    }

    private func requireDeletable(_ target: FunctionTarget) throws(AWSError) {
        guard let qualifier = target.qualifier else { return }
        if qualifier == "$LATEST" {
            throw LambdaError.invalidParameterValue(
                message: "$LATEST version cannot be deleted without deleting the function.")
        }
        let isNumber = qualifier.utf8.allSatisfy { (0x30...0x39).contains($0) }
        if !isNumber, !qualifier.utf8.contains(UInt8(ascii: "$")) {
            throw LambdaError.invalidParameterValue(message: "Deletion of aliases is not currently supported.")
        }
    }
}
