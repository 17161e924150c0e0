import AWSWire
import LogsModel
import NIOCore
import Policies
import Storage

/// Who else may put events: services, such as EventBridge for its rules.
///
/// https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutResourcePolicy.html
extension LogsService {
    /// AWS's quota, per account and region.
    private static let policyLimit = 10

    func putResourcePolicy(_ request: ServiceRequest) async throws -> ServiceResponse {
        let input = try Logs.PutResourcePolicyRequest(decoding: request)
        guard let document = input.policyDocument else {
            throw LogsError.invalidParameter(message: "policyDocument must be specified.")
        }
        let policy = try Self.policy(document)
        let scope = try PolicyScope(name: input.policyName, resource: input.resourceArn, request.caller)
        if scope.group == nil, input.expectedRevisionId != nil {
            throw LogsError.invalidParameter(message: "expectedRevisionId is for policies of log groups only.")
        }
        let record = ResourcePolicyRecord(
            name: scope.name, resource: scope.group?.arn ?? "", document: policy, updated: clock(),
            revision: scope.group == nil ? "" : RequestID.make())
        try await database.write { connection in
            let known = try scope.policies(on: connection)
            let old = known.first { $0.name == record.name }
            if scope.group != nil { try Self.check(input.expectedRevisionId, old) }
            guard old != nil || known.count < Self.policyLimit else {
                throw LogsError.limitExceeded(message: "Resource limit exceeded.")
            }
            try record.put(for: scope.owner, on: connection)
        }
        var shape = record.shape
        shape.policyDocument = document
        return Logs.PutResourcePolicyResponse(
            resourcePolicy: shape, revisionId: record.revision.isEmpty ? nil : record.revision
        ).encode()
    }

    /// A policy as AWS describes it from then on: with a version, and lists of one as their element. The answer to whom
    /// puts it has it as it was put.
    private static func policy(_ text: String) throws(AWSError) -> String {
        do {
            var policy = try PolicyDocument(parsing: ByteBuffer(string: text))
            policy.version = policy.version ?? "2008-10-17"
            return String(buffer: policy.json)
        } catch {
            throw LogsError.invalidParameter(message: "Unable to parse resource policy: \(error.message)")
        }
    }

    /// Whoever changes a group's policy says which one: with none, that there is none.
    private static func check(_ expected: String?, _ old: ResourcePolicyRecord?) throws(AWSError) {
        guard expected == old?.revision else {
            throw LogsError.operationAborted(message: "The expected revision ID is not that of the policy.")
        }
    }

    func describeResourcePolicies(_ request: ServiceRequest) async throws -> ServiceResponse {
        let input = try Logs.DescribeResourcePoliciesRequest(decoding: request)
        let isOfResource = input.policyScope == .resource
        guard isOfResource == (input.resourceArn != nil) || input.policyScope == nil else {
            throw LogsError.invalidParameter(message: "resourceArn goes with the policy scope RESOURCE.")
        }
        let scope = try PolicyScope(name: "", resource: input.resourceArn, request.caller)
        return try await database.read { connection in
            let all = try scope.policies(on: connection)
            let rest = all.drop { policy in input.nextToken.map { policy.name <= $0 } ?? false }
            let page = rest.prefix(input.limit ?? 50)
            return Logs.DescribeResourcePoliciesResponse(
                resourcePolicies: page.map(\.shape), nextToken: page.count < rest.count ? page.last?.name : nil)
        }.encode()
    }

    func deleteResourcePolicy(_ request: ServiceRequest) async throws -> ServiceResponse {
        let input = try Logs.DeleteResourcePolicyRequest(decoding: request)
        let scope = try PolicyScope(name: input.policyName, resource: input.resourceArn, request.caller)
        try await database.write { connection in
            guard let old = try scope.policies(on: connection).first(where: { $0.name == scope.name }) else {
                throw LogsError.resourceNotFound(
                    message: scope.group == nil
                        ? "Policy with name [\(scope.name)] does not exist."
                        : "The specified resource policy does not exist.")
            }
            if scope.group != nil, let expected = input.expectedRevisionId { try Self.check(expected, old) }
            try old.delete(for: scope.owner, on: connection)
        }
        return Logs.empty
    }
}

/// What a request about a policy is about: an account's policy of a name, or the one of a group.
private struct PolicyScope: Sendable {
    var owner: ResourcePolicyRecord.Owner
    var name: String
    /// Nil for an account's.
    var group: GroupKey?

    init(name: String?, resource: String?, _ caller: Caller) throws(AWSError) {
        owner = .init(account: caller.account.digits, region: caller.region)
        if let resource {
            guard let key = GroupKey(arn: resource), key == GroupKey(key.name, of: caller) else {
                throw LogsError.invalidParameter(message: "resourceArn must be the ARN of a log group.")
            }
            (group, self.name) = (key, "")
            return
        }
        guard let name else { throw LogsError.invalidParameter(message: "policyName must be specified.") }
        self.name = name
    }

    /// - Throws: `ResourceNotFoundException` where the group is not there.
    func policies(on connection: any SQLConnection) throws -> [ResourcePolicyRecord] {
        if let group, try GroupRecord.find(group, on: connection) == nil { throw LogsFailure.noGroup }
        return try ResourcePolicyRecord.all(of: owner, resource: group?.arn ?? "", on: connection)
    }
}

extension ResourcePolicyRecord {
    fileprivate var shape: Logs.ResourcePolicy {
        Logs.ResourcePolicy(
            policyName: name.isEmpty ? nil : name, policyDocument: document, lastUpdatedTime: Int(updated),
            policyScope: resource.isEmpty ? .account : .resource, resourceArn: resource.isEmpty ? nil : resource,
            revisionId: revision.isEmpty ? nil : revision)
    }
}
