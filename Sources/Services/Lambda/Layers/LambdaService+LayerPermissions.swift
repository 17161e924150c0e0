import AWSWire
import LambdaModel
import Storage

/// Permissions of versions of layers.
extension LambdaService {
    func addLayerVersionPermission(_ request: ServiceRequest, _ labels: RouteLabels) async throws -> ServiceResponse {
        let input = try Lambda.AddLayerVersionPermissionRequest(decoding: request, labels: labels)
        let key = try LayerKey(input.layerName, caller: request.caller, action: "AddLayerVersionPermission")
        if input.organizationId != nil, input.principal != "*" {
            throw LambdaError.invalidParameterValue(
                message: "OrganizationId can only be used with the principal *: an organization's accounts.")
        }
        let statement = LayerPolicy.Statement(
            id: input.statementId, principal: input.principal, organizationID: input.organizationId)
        let revisionID = RequestID.make()
        let limit = quotas.policyBytes
        try await changePolicy(key, input.versionNumber) { policy, resource in
            let statements = policy?.statements ?? []
            if statements.contains(where: { $0.id == statement.id }) {
                throw LambdaError.resourceConflict(
                    message: "The statement id (\(statement.id)) provided already exists. Please provide a new "
                        + "statement id, or remove the existing statement.")
            }
            try Self.requireRevision(input.revisionId, of: policy)
            let changed = LayerPolicy(revisionID: revisionID, statements: statements + [statement])
            let size = changed.document(resource: resource).utf8.count
            if size > limit {
                throw LambdaError.policyLengthExceeded(
                    message: "The final policy size (\(size)) is bigger than the limit (\(limit)).")
            }
            return changed
        }
        return Lambda.AddLayerVersionPermissionResponse(
            statement: statement.document(resource: key.arn(version: input.versionNumber)), revisionId: revisionID
        ).encode()
    }

    func removeLayerVersionPermission(_ request: ServiceRequest, _ labels: RouteLabels) async throws -> ServiceResponse
    {
        let input = try Lambda.RemoveLayerVersionPermissionRequest(decoding: request, labels: labels)
        let key = try LayerKey(input.layerName, caller: request.caller, action: "RemoveLayerVersionPermission")
        try await changePolicy(key, input.versionNumber) { policy, _ in
            guard let policy else { throw Self.noPolicy }
            try Self.requireRevision(input.revisionId, of: policy)
            let rest = policy.statements.filter { $0.id != input.statementId }
            if rest.count == policy.statements.count {
                throw LambdaError.resourceNotFound(
                    message: "Statement \(input.statementId) is not found in resource policy.")
            }
            return rest.isEmpty ? nil : LayerPolicy(revisionID: RequestID.make(), statements: rest)
        }
        return .empty(204)
    }

    func getLayerVersionPolicy(_ request: ServiceRequest, _ labels: RouteLabels) async throws -> ServiceResponse {
        let input = try Lambda.GetLayerVersionPolicyRequest(decoding: request, labels: labels)
        let key = try LayerKey(input.layerName, caller: request.caller, action: "GetLayerVersionPolicy")
        try Self.requireVersion(input.versionNumber)
        let record = try await database.read { try LayerRepository($0).find(key, version: input.versionNumber) }
        guard let record else { throw AWSError.layerVersionNotFound(key.arn(version: input.versionNumber)) }
        guard let policy = record.policy else { throw Self.noPolicy }
        return Lambda.GetLayerVersionPolicyResponse(
            policy: policy.document(resource: record.arn), revisionId: policy.revisionID
        ).encode()
    }

    private static let noPolicy = LambdaError.resourceNotFound(
        message: "No policy is associated with the given resource.")

    private func changePolicy(
        _ key: LayerKey, _ version: Int,
        _ change: @escaping @Sendable (_ policy: LayerPolicy?, _ resource: String) throws -> LayerPolicy?
    ) async throws {
        try Self.requireVersion(version)
        try await database.write { connection in
            let layers = LayerRepository(connection)
            guard let record = try layers.find(key, version: version) else {
                throw AWSError.layerVersionNotFound(key.arn(version: version))
            }
            try layers.set(policy: change(record.policy, record.arn), of: key, version: version)
        }
    }

    /// - Throws: `PreconditionFailedException` unless the policy is the one that the caller has seen.
    private static func requireRevision(_ expected: String?, of policy: LayerPolicy?) throws(AWSError) {
        guard let expected, expected != policy?.revisionID else { return }
        throw LambdaError.preconditionFailed(
            message: "The Revision Id provided does not match the latest Revision Id. Call the GetLayerPolicy API to "
                + "retrieve the latest Revision Id")
    }
}

extension AWSError {
    static func layerVersionNotFound(_ arn: String) -> AWSError {
        LambdaError.resourceNotFound(message: "Layer version \(arn) does not exist.")
    }
}
