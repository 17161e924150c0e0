import AWSWire
import NIOCore
import Policies
import SQSModel

extension SQSService {
    func addPermission(_ request: ServiceRequest) async throws -> Output {
        let input = try SQS.AddPermissionRequest(decoding: request)
        let queue = try queue(input.queueUrl, for: .addPermission, request)
        let label = input.label
        guard QueuePermission.isLabel(label) else {
            throw AWSError.invalidParameter(
                "Label", label, "Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length")
        }
        let statement = try QueuePermission.statement(
            label, accounts: input.awsAccountIds, actions: input.actions, on: queue.key)
        try await change(queue, request) { definition throws(AWSError) in
            var document = QueuePermission.document(definition.attributes.policy, of: queue.key)
            guard !document.statements.contains(where: { $0.sid == label }) else {
                throw .invalidParameter("Label", label, "Already exists.")
            }
            document.statements.append(statement)
            guard document.statements.count <= QueuePermission.statementLimit else {
                throw SQSError.overLimit(
                    message: "\(document.statements.count) Statements were found, maximum allowed is "
                        + "\(QueuePermission.statementLimit).")
            }
            definition.attributes.policy = String(buffer: document.json)
        }
        return nil
    }

    func removePermission(_ request: ServiceRequest) async throws -> Output {
        let input = try SQS.RemovePermissionRequest(decoding: request)
        let queue = try queue(input.queueUrl, for: .removePermission, request)
        let label = input.label
        try await change(queue, request) { definition throws(AWSError) in
            var document = QueuePermission.document(definition.attributes.policy, of: queue.key)
            let count = document.statements.count
            document.statements.removeAll { $0.sid == label }
            guard document.statements.count < count else {
                throw .invalidParameter("Label", label, "can't find label.")
            }
            definition.attributes.policy = document.statements.isEmpty ? nil : String(buffer: document.json)
        }
        return nil
    }
}

/// The statements that AddPermission makes, shaped as recorded in test_sqs_permission_lifecycle.
enum QueuePermission {
    // https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-policies.html
    static let statementLimit = 20
    /// Of one statement.
    private static let actionLimit = 7

    /// - Parameter document: A policy that is to be set.
    /// - Throws: `OverLimit`, in AWS's words: https://github.com/dapr/components-contrib/issues/1780.
    static func checkLimits(_ document: PolicyDocument) throws(AWSError) {
        guard document.statements.count <= statementLimit else {
            throw SQSError.overLimit(
                message: "\(document.statements.count) statements were found in the submitted policy, max allowed is "
                    + "\(statementLimit)")
        }
        for count in document.statements.map(\.actions.values.count) where count > actionLimit {
            throw SQSError.overLimit(
                message: "\(count) actions were found in a statement from the submitted policy, max allowed is "
                    + "\(actionLimit)")
        }
    }

    static func isLabel(_ label: String) -> Bool {
        (1...80).contains(label.utf8.count)
            && label.utf8.allSatisfy { byte in
                (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
                    || byte == UInt8(ascii: "-") || byte == UInt8(ascii: "_")
            }
    }

    static func document(_ text: String?, of queue: QueueKey) -> PolicyDocument {
        let present = text.flatMap { try? PolicyDocument(parsing: ByteBuffer(string: $0)) }
        return present ?? PolicyDocument(version: "2008-10-17", id: "\(queue.arn)/SQSDefaultPolicy")
    }

    static func statement(
        _ label: String, accounts: [String], actions: [String], on queue: QueueKey
    ) throws(AWSError) -> PolicyStatement {
        guard !accounts.isEmpty else { throw .missingParameter("AWSAccountIds") }
        guard !actions.isEmpty else { throw .missingParameter("Actions") }
        guard actions.count <= actionLimit else {
            throw SQSError.overLimit(
                message: "\(actions.count) Actions were found, maximum allowed is \(actionLimit).")
        }
        for action in actions where action != "*" {
            guard let operation = SQS.Operation(rawValue: action) else {
                throw .invalidParameter(
                    "ActionName", "SQS:\(action)",
                    "Please refer to the appropriate WSDL for a list of valid actions. ")
            }
            guard !operation.isOwnersOnly else {
                throw .invalidParameter(
                    "ActionName", "SQS:\(action)", "Only the queue owner is allowed to invoke this action.")
            }
        }
        for account in accounts where AccountID(account) == nil {
            throw .invalidParameter("PrincipalId", account, "Unable to verify.")
        }
        let partition = ARN.partition(of: queue.region)
        return PolicyStatement(
            sid: label,
            principals: PolicyElement(accounts.map { .aws("arn:\(partition):iam::\($0):root") }),
            actions: PolicyElement(actions.map { "SQS:\($0)" }), resources: PolicyElement([queue.arn]))
    }
}
