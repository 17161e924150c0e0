import AWSWire
import IAMModel

extension IAMService {
    func createPolicyVersion(_ call: Call) async throws -> Output {
        let input = try IAM.CreatePolicyVersionRequest(decoding: call.request)
        try mustBePolicy(input.policyDocument)
        let limit = quotas.versionsPerPolicy
        let (policy, version) = try await changePolicy(input.policyArn, call) { policy in
            guard policy.versions.count < limit else {
                throw IAMError.limitExceeded(
                    message: "A managed policy can have up to \(limit) versions. Before you create a new version, you "
                        + "must delete an existing version.")
            }
            let version = PolicyRecord.Version(
                number: policy.next, document: input.policyDocument, created: call.now)
            policy.next += 1
            policy.versions.append(version)
            policy.updated = call.now
            if input.setAsDefault ?? false { policy.standard = version.number }
            return version
        }
        return IAM.CreatePolicyVersionResponse(
            policyVersion: call.names.shape(version, of: policy, withDocument: false))
    }

    func getPolicyVersion(_ call: Call) throws -> Output {
        let input = try IAM.GetPolicyVersionRequest(decoding: call.request)
        let missing = AWSError.noVersion(input.policyArn, input.versionId)
        if let policy = try accounts[call.account].policy(input.policyArn, call.names) {
            guard let version = policy.version(input.versionId) else { throw missing }
            return IAM.GetPolicyVersionResponse(
                policyVersion: call.names.shape(version, of: policy, withDocument: true))
        }
        guard let policy = AWSManagedPolicies.standard[input.policyArn, call.names.partition] else {
            throw AWSError.noPolicy(input.policyArn)
        }
        guard input.versionId == "v\(policy.version)" else { throw missing }
        return IAM.GetPolicyVersionResponse(policyVersion: call.names.shape(policy, withDocument: true))
    }

    /// The latest first.
    func listPolicyVersions(_ call: Call) throws -> Output {
        let input = try IAM.ListPolicyVersionsRequest(decoding: call.request)
        let all: [IAM.PolicyVersion]
        if let policy = try accounts[call.account].policy(input.policyArn, call.names) {
            all = policy.versions.reversed().map { call.names.shape($0, of: policy, withDocument: false) }
        } else if let policy = AWSManagedPolicies.standard[input.policyArn, call.names.partition] {
            all = [call.names.shape(policy, withDocument: false)]
        } else {
            throw AWSError.noPolicy(input.policyArn)
        }
        let page = try Page(count: all.count, marker: input.marker, limit: input.maxItems) { all[$0] }
        return IAM.ListPolicyVersionsResponse(
            versions: page.elements, isTruncated: page.isTruncated, marker: page.marker)
    }

    func setDefaultPolicyVersion(_ call: Call) async throws -> Output {
        let input = try IAM.SetDefaultPolicyVersionRequest(decoding: call.request)
        _ = try await changePolicy(input.policyArn, call) { policy in
            guard let version = policy.version(input.versionId) else {
                throw AWSError.noVersion(input.policyArn, input.versionId)
            }
            policy.standard = version.number
            policy.updated = call.now
        }
        return nil
    }

    func deletePolicyVersion(_ call: Call) async throws -> Output {
        let input = try IAM.DeletePolicyVersionRequest(decoding: call.request)
        _ = try await changePolicy(input.policyArn, call) { policy in
            guard let version = policy.version(input.versionId) else {
                throw AWSError.noVersion(input.policyArn, input.versionId)
            }
            guard version.number != policy.standard else {
                throw IAMError.deleteConflict(message: "Cannot delete the default version of a policy.")
            }
            policy.versions.removeAll { $0.number == version.number }
            policy.updated = call.now
        }
        return nil
    }

    func changePolicy<Value: Sendable>(
        _ arn: String, _ call: Call, _ work: @escaping @Sendable (inout PolicyRecord) throws -> Value
    ) async throws -> (PolicyRecord, Value) {
        try await accounts.change(call.account) { account in
            var policy = try account.ownPolicy(arn, call.names)
            let value = try work(&policy)
            account.policies.put(policy)
            return (policy, value)
        }
    }
}

extension PolicyRecord {
    /// The version of an id such as `v2`.
    func version(_ id: String) -> Version? { versions.first { "v\($0.number)" == id } }
}
