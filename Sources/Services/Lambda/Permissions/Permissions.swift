import AWSWire
import LambdaModel
import NIOCore
import Policies
import Storage

extension LambdaService {
    func addPermission(_ request: ServiceRequest, _ labels: RouteLabels) async throws -> ServiceResponse {
        let input = try Lambda.AddPermissionRequest(decoding: request, labels: labels)
        let target = try FunctionTarget(
            input.functionName, qualifier: input.qualifier, caller: request.caller, action: "AddPermission")
        if target.qualifier == Version.latest {
            throw LambdaError.invalidParameterValue(message: "We currently do not support adding policies for $LATEST.")
        }
        let limit = quotas.policyBytes
        let statement = try await database.write { connection in
            let functions = FunctionRepository(connection)
            let owner = try functions.requirePolicyOwner(target)
            let policy = try functions.policy(target)
            try owner.requireRevision(input.revisionId, of: policy, from: "GetPolicy")
            var document = try policy?.document() ?? PolicyDocument(id: "default")
            if document.statements.contains(where: { $0.sid == input.statementId }) {
                throw LambdaError.resourceConflict(
                    message: "The statement id (\(input.statementId)) provided already exists. Please provide a new "
                        + "statement id, or remove the existing statement.")
            }
            let statement = try PolicyStatement(input, on: target.arn, region: target.key.region)
            document.statements.append(statement)
            let size = document.json.readableBytes
            guard size <= limit else {
                throw LambdaError.policyLengthExceeded(
                    message: "The final policy size (\(size)) is bigger than the limit (\(limit)).")
            }
            try functions.save(document, of: owner, target)
            return statement
        }
        cache.invalidate(target.key)
        return Lambda.AddPermissionResponse(statement: String(buffer: statement.json)).encode()
    }

    func removePermission(_ request: ServiceRequest, _ labels: RouteLabels) async throws -> ServiceResponse {
        let input = try Lambda.RemovePermissionRequest(decoding: request, labels: labels)
        let target = try FunctionTarget(
            input.functionName, qualifier: input.qualifier, caller: request.caller, action: "RemovePermission")
        try await database.write { connection in
            let functions = FunctionRepository(connection)
            guard try functions.find(target.key) != nil else {
                throw LambdaError.resourceNotFound(message: "No policy found for: \(target.key.arn)")
            }
            let owner = try functions.requirePolicyOwner(target)
            guard let policy = try functions.policy(target) else {
                throw LambdaError.resourceNotFound(message: "No policy is associated with the given resource.")
            }
            var document = try policy.document()
            guard let index = document.statements.firstIndex(where: { $0.sid == input.statementId }) else {
                throw LambdaError.resourceNotFound(
                    message: "Statement \(input.statementId) is not found in resource policy.")
            }
            try owner.requireRevision(input.revisionId, of: policy, from: "GetFunction/GetAlias")
            document.statements.remove(at: index)
            try functions.save(document, of: owner, target)
        }
        cache.invalidate(target.key)
        return .empty(204)
    }

    func getPolicy(_ request: ServiceRequest, _ labels: RouteLabels) async throws -> ServiceResponse {
        let input = try Lambda.GetPolicyRequest(decoding: request, labels: labels)
        let target = try FunctionTarget(
            input.functionName, qualifier: input.qualifier, caller: request.caller, action: "GetPolicy")
        let (owner, policy) = try await database.read { connection in
            let functions = FunctionRepository(connection)
            return (try functions.policyOwner(target), try functions.policy(target))
        }
        guard let owner, let policy else {
            throw LambdaError.resourceNotFound(message: "The resource you requested does not exist.")
        }
        return Lambda.GetPolicyResponse(policy: policy.text, revisionId: policy.revisionID ?? owner.revisionID).encode()
    }
}

extension PolicyOwner {
    /// - Parameters:
    ///   - policy: What hangs on this now.
    ///   - source: The operations that the message sends the caller to.
    fileprivate func requireRevision(
        _ expected: String?, of policy: ResourcePolicy?, from source: String
    ) throws(AWSError) {
        guard let expected, expected != policy?.revisionID ?? revisionID else { return }
        throw LambdaError.preconditionFailed(
            message: "The Revision Id provided does not match the latest Revision Id. Call the \(source) API to "
                + "retrieve the latest Revision Id")
    }
}
