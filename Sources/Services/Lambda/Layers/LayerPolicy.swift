import AWSWire
import NIOCore
import Policies

/// Who may use a version of a layer. Kept as JSON; a member that a later version adds must be optional.
struct LayerPolicy: Codable, Hashable, Sendable {
    struct Statement: Codable, Hashable, Sendable {
        var id: String
        /// An account's number, the ARN of its root, or `*`.
        var principal: String
        /// Only accounts of this organization.
        var organizationID: String?
    }

    static let action = "lambda:GetLayerVersion"

    var revisionID: String
    var statements: [Statement]

    /// The document as GetLayerVersionPolicy answers it.
    ///
    /// - Parameter resource: The version's ARN.
    func document(resource: String) -> String { String(buffer: policy(resource).json) }

    fileprivate func policy(_ resource: String) -> PolicyDocument {
        PolicyDocument(id: "default", statements: statements.map { PolicyStatement($0, on: resource) })
    }
}

extension LayerVersionRecord {
    /// Whether the policy lets the caller use the version. There are no organizations here, so what is for the accounts
    /// of one is for none.
    func allows(_ caller: Caller) -> Bool {
        let principal = caller.principal
        let request = AccessRequest(
            .identity(arn: principal.arn, account: principal.account.digits), action: LayerPolicy.action, resource: arn)
        return policy?.policy(arn).decide(request) == .allowed
    }
}

extension LayerPolicy.Statement {
    /// The statement as AddLayerVersionPermission answers it.
    func document(resource: String) -> String { String(buffer: PolicyStatement(self, on: resource).json) }
}

extension PolicyStatement {
    /// As IAM has it, an account stands for its root.
    fileprivate init(_ statement: LayerPolicy.Statement, on resource: String) {
        let principal: PolicyPrincipal =
            switch statement.principal {
            case "*": .anyone
            case let account where AccountID(account) != nil: .aws("arn:aws:iam::\(account):root")
            case let arn: .aws(arn)
            }
        let organization = statement.organizationID.map {
            PolicyCondition(ConditionOperator(.stringEquals), "aws:PrincipalOrgID", [$0])
        }
        self.init(
            sid: statement.id, principals: PolicyElement([principal]), actions: PolicyElement([LayerPolicy.action]),
            resources: PolicyElement([resource]), conditions: organization.map { [$0] } ?? [])
    }
}
