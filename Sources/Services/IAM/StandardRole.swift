package import AWSWire

/// The role that an account has from the start, so that a first function needs no other: it may write logs and invoke
/// functions. It is a role like any other, which its owner may change or delete.
extension IAMService {
    package static let standardRole = "lambda"

    /// Makes the role in an account in which nothing was ever made.
    package func prepareRole(in account: AccountID) async throws {
        guard accounts[account.digits].revision == 0 else { return }
        let now = clock()
        try await accounts.change(account.digits) { account in
            guard account.revision == 0 else { return }
            var role = RoleRecord(
                name: Self.standardRole, path: "/", id: EntityID.make(EntityID.role, account: account.id),
                created: now, trust: Self.standardTrust,
                description: "Writes logs and invokes functions. Made with the account.", maxSessionSeconds: 3600)
            role.policies.attached = [
                "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole",
                "arn:aws:iam::aws:policy/service-role/AWSLambdaRole",
            ]
            account.roles.put(role)
        }
    }

    private static let standardTrust =
        #"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"lambda.amazonaws.com"},"#
        + #""Action":"sts:AssumeRole"}]}"#
}
