import AWSWire
import LambdaModel
import Storage

extension LambdaService {
    func createAlias(_ request: ServiceRequest, _ labels: RouteLabels) async throws -> ServiceResponse {
        let input = try Lambda.CreateAliasRequest(decoding: request, labels: labels)
        let key = try aliasOwner(input.functionName, request, action: "CreateAlias")
        let alias = AliasRecord(
            key: key, name: input.name, version: input.functionVersion,
            weights: input.routingConfig?.additionalVersionWeights ?? [:], description: input.description ?? "",
            revisionID: RequestID.make())
        try await database.write { connection in
            let functions = FunctionRepository(connection)
            try functions.requireVersions(of: alias)
            if try functions.alias(alias.name, of: key) != nil {
                throw LambdaError.resourceConflict(message: "Alias already exists: \(alias.arn)")
            }
            try functions.save(alias)
        }
        cache.invalidate(key)
        return alias.answer.encode(status: 201)
    }

    func getAlias(_ request: ServiceRequest, _ labels: RouteLabels) async throws -> ServiceResponse {
        let input = try Lambda.GetAliasRequest(decoding: request, labels: labels)
        let key = try aliasOwner(input.functionName, request, action: "GetAlias")
        let alias = try await database.read { connection in
            let functions = FunctionRepository(connection)
            guard try functions.find(key) != nil else { throw AWSError.functionNotFound(key.arn) }
            return try functions.alias(input.name, of: key)
        }
        guard let alias else {
            throw LambdaError.resourceNotFound(
                message: "Cannot find alias arn: \(key.arn(qualifier: input.name))")
        }
        return alias.answer.encode(status: 200)
    }

    func listAliases(_ request: ServiceRequest, _ labels: RouteLabels) async throws -> ServiceResponse {
        let input = try Lambda.ListAliasesRequest(decoding: request, labels: labels)
        let key = try aliasOwner(input.functionName, request, action: "ListAliases")
        let start = try Marker.decode(input.marker)
        let limit = min(input.maxItems ?? quotas.listPage, quotas.listPage)
        let found = try await database.read { connection in
            let functions = FunctionRepository(connection)
            guard try functions.find(key) != nil else { throw AWSError.functionNotFound(key.arn) }
            return try functions.aliases(of: key, version: input.functionVersion, after: start, limit: limit + 1)
        }
        let page = found.prefix(limit)
        return Lambda.ListAliasesResponse(
            nextMarker: found.count > limit ? page.last.map { Marker.encode($0.name) } : nil,
            aliases: page.map(\.answer)
        ).encode()
    }

    func updateAlias(_ request: ServiceRequest, _ labels: RouteLabels) async throws -> ServiceResponse {
        let input = try Lambda.UpdateAliasRequest(decoding: request, labels: labels)
        let key = try aliasOwner(input.functionName, request, action: "UpdateAlias")
        let alias = try await database.write { connection in
            let functions = FunctionRepository(connection)
            guard try functions.find(key) != nil else { throw AWSError.functionNotFound(key.arn) }
            guard var alias = try functions.alias(input.name, of: key) else {
                throw LambdaError.resourceNotFound(
                    message: "Alias not found: \(key.arn(qualifier: input.name))")
            }
            if let expected = input.revisionId, expected != alias.revisionID { throw AWSError.revisionMismatch }
            if let version = input.functionVersion { alias.version = version }
            if let description = input.description { alias.description = description }
            if let routing = input.routingConfig { alias.weights = routing.additionalVersionWeights ?? [:] }
            alias.revisionID = RequestID.make()
            try functions.requireVersions(of: alias)
            try functions.requireProvisionable(alias)
            try functions.save(alias)
            return alias
        }
        cache.invalidate(key)
        try await provisioner.reapply(key)
        return alias.answer.encode(status: 200)
    }

    /// That there is no such alias is no error, as recorded in test_non_existent_alias_deletion.
    func deleteAlias(_ request: ServiceRequest, _ labels: RouteLabels) async throws -> ServiceResponse {
        let input = try Lambda.DeleteAliasRequest(decoding: request, labels: labels)
        let key = try aliasOwner(input.functionName, request, action: "DeleteAlias")
        try await database.write { connection in
            let functions = FunctionRepository(connection)
            guard try functions.find(key) != nil else { throw AWSError.functionNotFound(key.arn) }
            _ = try functions.delete(key, alias: input.name)
        }
        cache.invalidate(key)
        try await provisioner.reapply(key)
        return .empty(204)
    }

    private func aliasOwner(_ name: String, _ request: ServiceRequest, action: String) throws(AWSError) -> FunctionKey {
        let target = try FunctionTarget(name, caller: request.caller, action: action)
        try target.requireUnqualified()
        return target.key
    }
}

extension FunctionRepository {
    /// Checks that an alias points to versions that there are, in the order recorded in
    /// test_notfound_and_invalid_routingconfigs.
    fileprivate func requireVersions(of alias: AliasRecord) throws {
        try require(alias.version, of: alias.key)
        if alias.weights.count > 1 {
            throw LambdaError.invalidParameterValue(
                message: "Number of items in AdditionalVersionWeights cannot be greater than 1")
        }
        guard let other = alias.weights.keys.first else { return }
        if other == alias.version {
            throw LambdaError.invalidParameterValue(
                message: "Invalid function version \(other). Function version \(other) is already included in routing "
                    + "configuration.")
        }
        if alias.version == Version.latest {
            throw AWSError(
                code: "InvalidParameterValueException",
                message: "$LATEST is not supported for an alias pointing to more than 1 version", status: 400)
        }
        try require(other, of: alias.key)
    }

    private func require(_ version: String, of key: FunctionKey) throws {
        guard try find(key, version: version) != nil else {
            throw AWSError.functionNotFound(key.arn(qualifier: version))
        }
    }
}

extension AliasRecord {
    fileprivate var answer: Lambda.AliasConfiguration {
        Lambda.AliasConfiguration(
            aliasArn: arn, name: name, functionVersion: version, description: description,
            routingConfig: weights.isEmpty
                ? nil : Lambda.AliasRoutingConfiguration(additionalVersionWeights: weights),
            revisionId: revisionID)
    }
}
