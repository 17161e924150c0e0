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
        for action in actions where action != "*" && SQS.Operation(rawValue: action) == nil {
            throw .invalidParameter(
                "ActionName", "SQS:\(action)", "Please refer to the appropriate WSDL for a list of valid actions. ")
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
