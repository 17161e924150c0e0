import AWSWire
import NIOCore

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

    /// Whether the account may use the version. There are no organizations here, so what is for the accounts of one is
    /// for none.
    func allows(account: String) -> Bool {
        statements.contains { statement in
            guard statement.organizationID == nil else { return false }
            return statement.principal == "*" || statement.account == account
        }
    }

    /// The document as GetLayerVersionPolicy answers it.
    func document(resource: String) -> String {
        var writer = JSONWriter()
        writer.beginObject()
        writer.name("Version")
        writer.string("2012-10-17")
        writer.name("Id")
        writer.string("default")
        writer.name("Statement")
        writer.beginArray()
        for statement in statements { statement.write(to: &writer, resource: resource) }
        writer.endArray()
        writer.endObject()
        return String(buffer: writer.buffer)
    }
}

extension LayerPolicy.Statement {
    /// The number of the account that the principal is; nil for `*`.
    fileprivate var account: String? {
        if principal == "*" { return nil }
        guard principal.hasPrefix("arn:") else { return principal }
        return principal.split(separator: ":", omittingEmptySubsequences: false).dropFirst(4).first.map(String.init)
    }

    /// The statement as AddLayerVersionPermission answers it.
    func document(resource: String) -> String {
        var writer = JSONWriter()
        write(to: &writer, resource: resource)
        return String(buffer: writer.buffer)
    }

    /// As IAM has it, an account stands for its root.
    fileprivate func write(to writer: inout JSONWriter, resource: String) {
        writer.beginObject()
        writer.name("Sid")
        writer.string(id)
        writer.name("Effect")
        writer.string("Allow")
        writer.name("Principal")
        if let account {
            writer.beginObject()
            writer.name("AWS")
            writer.string(principal == account ? "arn:aws:iam::\(account):root" : principal)
            writer.endObject()
        } else {
            writer.string(principal)
        }
        writer.name("Action")
        writer.string(LayerPolicy.action)
        writer.name("Resource")
        writer.string(resource)
        if let organizationID {
            writer.name("Condition")
            writer.beginObject()
            writer.name("StringEquals")
            writer.beginObject()
            writer.name("aws:PrincipalOrgID")
            writer.string(organizationID)
            writer.endObject()
            writer.endObject()
        }
        writer.endObject()
    }
}
