import AWSWire
import NIOCore
import Policies
import SNSModel

extension SNSService {
    func addPermission(_ call: Call) async throws -> Output {
        let input = try SNS.AddPermissionInput(decoding: call.request)
        let id = try call.topic(input.topicArn)
        try require("AddPermission", on: id, try await topics.topic(id), call)
        guard (1...80).contains(input.label.utf8.count), input.label.isPlain else { throw AWSError.invalid("Label") }
        let accounts = input.awsAccountId.compactMap { AccountID($0) }
        guard !accounts.isEmpty, accounts.count == input.awsAccountId.count else {
            throw AWSError.invalid("AWSAccountId")
        }
        guard !input.actionName.isEmpty, input.actionName.allSatisfy(Self.grantable.contains) else {
            throw AWSError.invalid("Policy statement action out of service scope!")
        }
        let partition = ARN.partition(of: id.region)
        let statement = PolicyStatement(
            sid: input.label, effect: .allow,
            principals: PolicyElement(accounts.map { .aws("arn:\(partition):iam::\($0.digits):root") }),
            actions: PolicyElement(input.actionName.map { "SNS:\($0)" }), resources: PolicyElement([id.arn]))
        try await changePolicy(of: id) { [quotas] policy in
            guard !policy.statements.contains(where: { $0.sid == statement.sid }) else {
                throw AWSError.invalid("Statement already exists")
            }
            guard policy.statements.count < quotas.policyStatements else {
                throw AWSError.invalid("Policy is too large")
            }
            policy.statements.append(statement)
        }
        return nil
    }

    /// Removing what is not there is as good.
    func removePermission(_ call: Call) async throws -> Output {
        let input = try SNS.RemovePermissionInput(decoding: call.request)
        let id = try call.topic(input.topicArn)
        try require("RemovePermission", on: id, try await topics.topic(id), call)
        try await changePolicy(of: id) { $0.statements.removeAll { $0.sid == input.label } }
        return nil
    }

    private static let grantable = Set(StandardPolicy.actions + ["Receive"])

    /// Changes a topic's policy, which is the standard one where nobody gave it one.
    private func changePolicy(
        of id: TopicID, _ work: @escaping @Sendable (inout PolicyDocument) throws -> Void
    ) async throws {
        try await changeTopic(id) { record in
            var policy = StandardPolicy.document(of: id)
            if let text = record.attributes["Policy"] {
                policy = try PolicyDocument(parsing: ByteBuffer(string: text))
            }
            let before = policy
            try work(&policy)
            if policy != before { record.attributes["Policy"] = String(buffer: policy.json) }
        }
    }
}
