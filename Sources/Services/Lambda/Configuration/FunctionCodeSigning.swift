import AWSWire
import LambdaModel
import Storage

/// The code signing configurations of functions.
///
/// AWS Signer makes the signatures, and there is no AWS Signer here: every package counts as unsigned, and so as
/// untrusted. `Enforce` refuses all of them, `Warn` lets all of them pass. No signature is ever verified.
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

    /// Checks new code against the configuration that a request names.
    ///
    /// - Parameter name: The function's, for the words of a refusal.
    /// - Returns: What to attach to the function; nil without a configuration.
    func codeSigning(_ arn: String?, of name: String, _ caller: Caller) async throws -> FunctionCodeSigning? {
        guard let arn, !arn.isEmpty else { return nil }
        let config = try await database.read { try CodeSigningRepository($0).requireAssignable(arn, caller) }
        try config.requireTrusted(name)
        return FunctionCodeSigning(configuration: config.arn)
    }

    /// Checks new code against the configuration that a function has.
    func requireTrustedCode(of key: FunctionKey) async throws {
        let config = try await database.read { connection -> CodeSigningRecord? in
            let signing = try FunctionRepository(connection).attached(FunctionCodeSigning.self, to: key)
            return try signing.flatMap {
                try CodeSigningRepository(connection).find($0.configuration, account: key.account, region: key.region)
            }
        }
        try config?.requireTrusted(key.arn)
    }
}

extension CodeSigningRepository {
    /// - Throws: `CodeSigningConfigNotFoundException`.
    fileprivate func requireAssignable(_ arn: String, _ caller: Caller) throws -> CodeSigningRecord {
        guard let record = try find(arn, account: caller.account.digits, region: caller.region) else {
            throw LambdaError.codeSigningConfigNotFound(
                message: "The code signing configuration cannot be found. Check that the provided configuration is "
                    + "not deleted: \(arn).")
        }
        return record
    }
}

extension CodeSigningRecord {
    /// AWS's words name a new function by its name (aws-cdk 29474), and one that is there by its ARN.
    ///
    /// - Throws: `CodeVerificationFailedException` when unsigned code is to be refused.
    fileprivate func requireTrusted(_ function: String) throws(AWSError) {
        guard isEnforced else { return }
        throw LambdaError.codeVerificationFailed(
            message: "Lambda cannot deploy the function. The function or layer might be signed using a signature that "
                + "the client is not configured to accept. Check the provided signature for \(function).")
    }
}
