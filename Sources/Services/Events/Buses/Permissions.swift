import AWSWire
import EventBridgeModel
import NIOCore
import Policies

extension EventsService {
    /// A statement more, one in place of that of its name, or a whole policy.
    func putPermission(_ call: Call) async throws -> ServiceResponse {
        let input = try EventBridge.PutPermissionRequest(decoding: call.request)
        let key = BusKey(input.eventBusName, of: call.request.caller)
        try require("PutPermission", on: key, try await buses.bus(key), call)
        let whole = try input.policy.map { text throws(AWSError) in try Self.policy(text) }
        let statement = whole == nil ? try Self.statement(input, on: key) : nil
        try await changeBus(key, now: call.now) { [quotas] record in
            if let statement {
                var document = try record.document ?? PolicyDocument()
                document.statements.removeAll { $0.sid == statement.sid }
                document.statements.append(statement)
                record.policy = String(buffer: document.json)
            } else {
                record.policy = input.policy
            }
            guard (record.policy?.utf8.count ?? 0) <= quotas.policyBytes else {
                throw EventBridgeError.policyLengthExceeded(
                    message: "The policy is longer than \(quotas.policyBytes) bytes.")
            }
        }
        return EventBridge.empty
    }

    private static func policy(_ text: String) throws(AWSError) -> PolicyDocument {
        do throws(PolicySyntaxError) {
            let document = try PolicyDocument(parsing: ByteBuffer(string: text))
            if document.statements.allSatisfy({ $0.principals != nil }) { return document }
        } catch {
            throw EventsFailure.parameter("Policy", error.message)
        }
        throw EventsFailure.parameter("Policy", "Missing required field Principal")
    }

    private static func statement(
        _ input: EventBridge.PutPermissionRequest, on bus: BusKey
    ) throws(AWSError) -> PolicyStatement {
        guard let action = input.action, let principal = input.principal, let sid = input.statementId else {
            throw EventsFailure.validation(
                "Parameter(s) Action, Principal and StatementId, or Policy must be specified.")
        }
        guard action == "events:PutEvents" else {
            throw EventsFailure.parameter("Action", "Provided value in parameter 'action' is not supported.")
        }
        var conditions: [PolicyCondition] = []
        if let condition = input.condition {
            guard condition.type == "StringEquals", condition.key == "aws:PrincipalOrgID",
                let test = ConditionOperator("StringEquals")
            else {
                throw EventsFailure.parameter("Condition", "Only StringEquals of aws:PrincipalOrgID is supported.")
            }
            conditions.append(PolicyCondition(test, condition.key, [condition.value]))
        }
        let partition = ARN.partition(of: bus.region)
        return PolicyStatement(
            sid: sid, effect: .allow,
            principals: PolicyElement([principal == "*" ? .anyone : .aws("arn:\(partition):iam::\(principal):root")]),
            actions: PolicyElement([action]), resources: PolicyElement([bus.arn]), conditions: conditions)
    }

    func removePermission(_ call: Call) async throws -> ServiceResponse {
        let input = try EventBridge.RemovePermissionRequest(decoding: call.request)
        let key = BusKey(input.eventBusName, of: call.request.caller)
        try require("RemovePermission", on: key, try await buses.bus(key), call)
        let removesAll = input.removeAllPermissions ?? false
        guard removesAll || input.statementId != nil else {
            throw EventsFailure.validation("Parameter StatementId must be specified.")
        }
        try await changeBus(key, now: call.now) { record in
            if removesAll {
                record.policy = nil
                return
            }
            var document = try record.document ?? PolicyDocument()
            let count = document.statements.count
            document.statements.removeAll { $0.sid == input.statementId }
            guard document.statements.count < count else {
                throw EventBridgeError.resourceNotFound(message: "Statement with the provided id does not exist.")
            }
            record.policy = document.statements.isEmpty ? nil : String(buffer: document.json)
        }
        return EventBridge.empty
    }
}

extension BusRecord {
    fileprivate var document: PolicyDocument? {
        get throws { try policy.map { try PolicyDocument(parsing: ByteBuffer(string: $0)) } }
    }
}
