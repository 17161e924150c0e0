package import Synchronization

/// Whom a credential speaks for. One object for each credential, shared by all requests that it signs.
package final class Principal: Sendable {
    package enum Kind: Sendable, Hashable {
        /// The account's owner.
        case root
        case user(name: String)
        /// Temporary credentials of a role, a function's execution role among them.
        case assumedRole(role: String, session: String)
        /// Temporary credentials that a user got for somebody else (GetFederationToken).
        case federated(name: String)
        /// Nobody: whoever it is, on pages that anybody may ask for.
        case anonymous
    }

    /// What temporary credentials carry with them.
    package struct Session: Sendable, Hashable {
        /// Seconds since 1970.
        package var issued: Int64
        /// Seconds since 1970.
        package var expires: Int64
        /// JSON texts of the policies that the session was narrowed by.
        package var policies: [String] = []
        /// ARNs of managed ones.
        package var policyARNs: [String] = []
        package var tags: [String: String] = [:]
        /// The keys of tags that further sessions inherit.
        package var transitiveTags: [String] = []
        package var sourceIdentity: String?
        package var hasMFA = false
        /// Who vouched for the session: the issuer of a web identity's token.
        package var provider: String?
        /// The id of the user, or of the root, that a federated user's session is from.
        package var originID: String?
        /// Further context keys, such as `PROVIDER:sub`.
        package var context: [String: String] = [:]

        package init(issued: Int64, expires: Int64) {
            self.issued = issued
            self.expires = expires
        }
    }

    package let account: AccountID
    /// `arn:aws:iam::ACCOUNT:root`, `…:user/PATH/NAME`, `arn:aws:sts::ACCOUNT:assumed-role/ROLE/SESSION`; empty for
    /// nobody.
    package let arn: String
    /// `aws:userid`: the account of a root, `AIDA…` of a user, `AROA…:SESSION` of a role.
    package let id: String
    package let kind: Kind
    /// The key that signs; empty for nobody.
    package let accessKeyID: String
    package let session: Session?
    /// What whoever decides about it has found out, for as long as it holds.
    package let findings = Mutex<(any Sendable)?>(nil)

    package init(
        _ kind: Kind, account: AccountID, arn: String, id: String, accessKeyID: String, session: Session? = nil
    ) {
        self.account = account
        self.arn = arn
        self.id = id
        self.kind = kind
        self.accessKeyID = accessKeyID
        self.session = session
    }

    package static func root(_ account: AccountID, accessKeyID: String) -> Principal {
        Principal(
            .root, account: account, arn: "arn:aws:iam::\(account):root", id: account.digits, accessKeyID: accessKeyID)
    }

    package static func anonymous(_ account: AccountID) -> Principal {
        Principal(.anonymous, account: account, arn: "", id: "", accessKeyID: "")
    }
}
