import AWSWire
import LambdaModel
import Storage

/// Code signing configurations: https://docs.aws.amazon.com/lambda/latest/dg/configuration-codesigning.html
extension LambdaService {
    func createCodeSigningConfig(_ request: ServiceRequest, _ labels: RouteLabels) async throws -> ServiceResponse {
        let input = try Lambda.CreateCodeSigningConfigRequest(decoding: request, labels: labels)
        let tags = input.tags ?? [:]
        try validation.tags(tags)
        let policy = input.codeSigningPolicies?.untrustedArtifactOnDeployment ?? .warn
        let record = CodeSigningRecord(
            account: request.caller.account.digits, region: request.caller.region, id: CodeSigningRecord.makeID(),
            settings: CodeSigningRecord.Settings(
                description: input.description, publishers: input.allowedPublishers.signingProfileVersionArns,
                untrustedArtifact: policy.rawValue, lastModified: WallClock.milliseconds(), tags: tags))
        try await database.write { try CodeSigningRepository($0).save(record) }
        return Lambda.CreateCodeSigningConfigResponse(codeSigningConfig: record.answer).encode()
    }

    func getCodeSigningConfig(_ request: ServiceRequest, _ labels: RouteLabels) async throws -> ServiceResponse {
        let input = try Lambda.GetCodeSigningConfigRequest(decoding: request, labels: labels)
        let caller = request.caller
        let record = try await database.read { connection in
            try CodeSigningRepository(connection).require(input.codeSigningConfigArn, caller)
        }
        return Lambda.GetCodeSigningConfigResponse(codeSigningConfig: record.answer).encode()
    }

    func updateCodeSigningConfig(_ request: ServiceRequest, _ labels: RouteLabels) async throws -> ServiceResponse {
        let input = try Lambda.UpdateCodeSigningConfigRequest(decoding: request, labels: labels)
        let caller = request.caller
        let record = try await database.write { connection in
            let configs = CodeSigningRepository(connection)
            var record = try configs.require(input.codeSigningConfigArn, caller)
            if let description = input.description { record.settings.description = description }
            if let publishers = input.allowedPublishers {
                record.settings.publishers = publishers.signingProfileVersionArns
            }
            if let policy = input.codeSigningPolicies?.untrustedArtifactOnDeployment {
                record.settings.untrustedArtifact = policy.rawValue
            }
            record.settings.lastModified = WallClock.milliseconds()
            try configs.save(record)
            return record
        }
        return Lambda.UpdateCodeSigningConfigResponse(codeSigningConfig: record.answer).encode()
    }

    func deleteCodeSigningConfig(_ request: ServiceRequest, _ labels: RouteLabels) async throws -> ServiceResponse {
        let input = try Lambda.DeleteCodeSigningConfigRequest(decoding: request, labels: labels)
        let caller = request.caller
        try await database.write { connection in
            let configs = CodeSigningRepository(connection)
            let record = try configs.require(input.codeSigningConfigArn, caller)
            guard try configs.functions(of: record).isEmpty else {
                throw LambdaError.resourceConflict(
                    message: "The code signing configuration \(record.arn) cannot be deleted because functions use it.")
            }
            try configs.delete(record)
        }
        return .empty(204)
    }

    func listCodeSigningConfigs(_ request: ServiceRequest, _ labels: RouteLabels) async throws -> ServiceResponse {
        let input = try Lambda.ListCodeSigningConfigsRequest(decoding: request, labels: labels)
        let start = try Marker.decode(input.marker)
        let limit = min(input.maxItems ?? quotas.listPage, quotas.listPage)
        let caller = request.caller
        let found = try await database.read { connection in
            try CodeSigningRepository(connection).list(
                account: caller.account.digits, region: caller.region, after: start, limit: limit + 1)
        }
        let page = found.prefix(limit)
        return Lambda.ListCodeSigningConfigsResponse(
            nextMarker: found.count > limit ? page.last.map { Marker.encode($0.id) } : nil,
            codeSigningConfigs: page.map(\.answer)
        ).encode()
    }

    func listFunctionsByCodeSigningConfig(
        _ request: ServiceRequest, _ labels: RouteLabels
    ) async throws -> ServiceResponse {
        let input = try Lambda.ListFunctionsByCodeSigningConfigRequest(decoding: request, labels: labels)
        let start = try Marker.decode(input.marker)
        let limit = min(input.maxItems ?? quotas.listPage, quotas.listPage)
        let caller = request.caller
        let found = try await database.read { connection in
            let configs = CodeSigningRepository(connection)
            return try configs.functions(of: try configs.require(input.codeSigningConfigArn, caller))
        }.filter { $0.name > start }
        let page = found.prefix(limit)
        return Lambda.ListFunctionsByCodeSigningConfigResponse(
            nextMarker: found.count > limit ? page.last.map { Marker.encode($0.name) } : nil,
            functionArns: page.map(\.arn)
        ).encode()
    }
}

extension CodeSigningRepository {
    /// - Throws: `ResourceNotFoundException`.
    func require(_ arn: String, _ caller: Caller) throws -> CodeSigningRecord {
        guard let record = try find(arn, account: caller.account.digits, region: caller.region) else {
            throw AWSError.codeSigningConfigNotFound(arn)
        }
        return record
    }
}

extension AWSError {
    /// Recorded in test_code_signing_not_found_excs without the `Type` that other errors of the shape have.
    static func codeSigningConfigNotFound(_ arn: String) -> AWSError {
        AWSError(
            code: "ResourceNotFoundException",
            message: "The Lambda code signing configuration \(arn) can not be found.", status: 404,
            spelling: .untyped(message: "Message"))
    }
}
