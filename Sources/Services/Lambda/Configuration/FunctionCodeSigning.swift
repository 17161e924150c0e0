import AWSWire
import LambdaModel
import Storage

/// The code signing configurations of functions. They count for what is deployed from then on.
extension LambdaService {
    func putFunctionCodeSigningConfig(_ request: ServiceRequest, _ labels: RouteLabels) async throws -> ServiceResponse
    {
        let input = try Lambda.PutFunctionCodeSigningConfigRequest(decoding: request, labels: labels)
        let target = try FunctionTarget(
            input.functionName, caller: request.caller, action: "PutFunctionCodeSigningConfig")
        try target.requireUnqualified()
        let caller = request.caller
        try await database.write { connection in
            // The configuration is looked for first, as recorded in test_code_signing_not_found_excs.
            let config = try CodeSigningRepository(connection).requireAssignable(input.codeSigningConfigArn, caller)
            let functions = FunctionRepository(connection)
            guard let function = try functions.find(target.key) else { throw AWSError.functionNotFound(target.arn) }
            if function.settings.image != nil { throw Self.noSigning }
            try functions.attach(FunctionCodeSigning(configuration: config.arn), to: target.key)
        }
        return Lambda.PutFunctionCodeSigningConfigResponse(
            codeSigningConfigArn: input.codeSigningConfigArn, functionName: target.key.name
        ).encode()
    }

    func getFunctionCodeSigningConfig(_ request: ServiceRequest, _ labels: RouteLabels) async throws -> ServiceResponse
    {
        let input = try Lambda.GetFunctionCodeSigningConfigRequest(decoding: request, labels: labels)
        let target = try FunctionTarget(
            input.functionName, caller: request.caller, action: "GetFunctionCodeSigningConfig")
        _ = try await record(target)
        let signing = try await database.read { connection in
            try FunctionRepository(connection).attached(FunctionCodeSigning.self, to: target.key)
        }
        return Lambda.GetFunctionCodeSigningConfigResponse(
            codeSigningConfigArn: signing?.configuration, functionName: signing.map { _ in target.key.name }
        ).encode()
    }

    /// That the function has none is no error, as recorded in test_code_signing_not_found_excs.
    func deleteFunctionCodeSigningConfig(
        _ request: ServiceRequest, _ labels: RouteLabels
    ) async throws -> ServiceResponse {
        let input = try Lambda.DeleteFunctionCodeSigningConfigRequest(decoding: request, labels: labels)
        let target = try FunctionTarget(
            input.functionName, caller: request.caller, action: "DeleteFunctionCodeSigningConfig")
        try target.requireUnqualified()
        try await database.write { connection in
            let functions = FunctionRepository(connection)
            guard try functions.find(target.key) != nil else { throw AWSError.functionNotFound(target.arn) }
            _ = try functions.detach(FunctionCodeSigning.self, from: target.key)
        }
        return .empty(204)
    }
}

extension CodeSigningRepository {
    /// - Throws: `CodeSigningConfigNotFoundException`.
    func requireAssignable(_ arn: String, _ caller: Caller) throws -> CodeSigningRecord {
        guard let record = try find(arn, account: caller.account.digits, region: caller.region) else {
            throw LambdaError.codeSigningConfigNotFound(
                message: "The code signing configuration cannot be found. Check that the provided configuration is "
                    + "not deleted: \(arn).")
        }
        return record
    }
}
