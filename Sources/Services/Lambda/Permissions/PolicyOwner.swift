import AWSWire
import LambdaModel
import Policies
import Storage

/// What a policy hangs on. Its revision changes with its policy, but not only then: publishing a version makes a new
/// revision of the function and none of its policy, as recorded in test_lambda_permission_fn_versioning.
enum PolicyOwner {
    /// The function itself, or one of its published versions.
    case version(FunctionRecord)
    case alias(AliasRecord)

    var revisionID: String {
        switch self {
        case .version(let record): record.revisionID
        case .alias(let alias): alias.revisionID
        }
    }
}

extension FunctionTarget {
    /// The qualifier under which attachments of this are kept: none for the function itself.
    var attachmentQualifier: String { isLatest ? "" : qualifier ?? "" }
}

extension FunctionRepository {
    func policyOwner(_ target: FunctionTarget) throws -> PolicyOwner? {
        if let record = try find(target.key, version: target.qualifier ?? Version.latest) { return .version(record) }
        guard let qualifier = target.qualifier else { return nil }
        return try alias(qualifier, of: target.key).map(PolicyOwner.alias)
    }

    /// As ``policyOwner(_:)``, with the errors recorded in test_permission_exceptions.
    func requirePolicyOwner(_ target: FunctionTarget) throws -> PolicyOwner {
        if let owner = try policyOwner(target) { return owner }
        guard try find(target.key) != nil else { throw AWSError.functionNotFound(target.key.arn) }
        let isAlias = target.qualifier.map { name in
            Version.number(name) == nil && name != Version.latest && FunctionName.isQualifier(name)
        }
        if isAlias == true { throw LambdaError.resourceNotFound(message: "Cannot find alias arn: \(target.arn)") }
        throw AWSError.functionNotFound(target.arn)
    }

    /// Keeps what the owner's policy is now, none where it has no statement, and gives both the same new revision.
    func save(_ document: PolicyDocument, of owner: PolicyOwner, _ target: FunctionTarget) throws {
        let revisionID = RequestID.make()
        if !document.statements.isEmpty {
            let policy = ResourcePolicy(document, revisionID: revisionID)
            try attach(policy, to: target.key, qualifier: target.attachmentQualifier)
        } else {
            _ = try detach(ResourcePolicy.self, from: target.key, qualifier: target.attachmentQualifier)
        }
        switch owner {
        case .version(var record):
            record.revisionID = revisionID
            if record.version == Version.latest { try save(record) } else { try save(version: record) }
        case .alias(var alias):
            alias.revisionID = revisionID
            try save(alias)
        }
    }

    func policy(_ target: FunctionTarget) throws -> ResourcePolicy? {
        try attached(ResourcePolicy.self, to: target.key, qualifier: target.attachmentQualifier)
    }
}
