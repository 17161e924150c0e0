package import AWSWire
import Synchronization

/// The role that an account has from the start, so that a first function needs no other: it may write logs and invoke
/// functions. It is a role like any other, which its owner may change or delete.
extension IAMService {
    package static let standardRole = "lambda"

    /// Makes the role in an account in which nothing was ever made. The account has it again after ``reset()``.
    package func prepareRole(in account: AccountID) async throws {
        prepared.withLock { _ = $0.insert(account.digits) }
        guard accounts[account.digits].revision == 0 else { return }
        let now = clock()
        try await accounts.change(account.digits) { account in
            if account.revision == 0 { account.roles.put(.standard(in: account.id, at: now)) }
        }
    }
}

extension RoleRecord {
    /// - Parameter now: In seconds since 1970.
    static func standard(in account: String, at now: Int64) -> RoleRecord {
        let trust =
            #"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"lambda.amazonaws.com"},"#
            + #""Action":"sts:AssumeRole"}]}"#
        let policies = ["AWSLambdaBasicExecutionRole", "AWSLambdaRole"]
        return RoleRecord(
            name: IAMService.standardRole, path: "/", id: EntityID.make(EntityID.role, account: account), created: now,
            policies: PolicySet(attached: policies.map { "arn:aws:iam::aws:policy/service-role/\($0)" }), trust: trust,
            description: "Writes logs and invokes functions. Made with the account.", maxSessionSeconds: 3600)
    }
}
