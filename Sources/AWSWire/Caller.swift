/// A 12-digit AWS account number.
package struct AccountID: Sendable, Hashable, CustomStringConvertible {
    package let digits: String

    /// - Returns: nil unless `digits` is exactly twelve ASCII digits.
    package init?(_ digits: some StringProtocol) {
        guard digits.utf8.count == 12, digits.utf8.allSatisfy({ (0x30...0x39).contains($0) }) else { return nil }
        self.digits = String(digits)
    }

    private init(known digits: String) { self.digits = digits }

    /// The account that an emulator's users expect when they name none.
    package static let standard = AccountID(known: "000000000000")

    package var description: String { digits }
}

/// Who made a request, as the front door established it: the owner of the key that signed, and the region of the
/// credential scope. Both are part of the key of every resource.
package struct Caller: Sendable, Hashable {
    /// What sort of credential signed the request.
    package enum Kind: Sendable, Hashable {
        /// A long-lived key of the account's owner.
        case root
        /// Temporary credentials handed to a function's execution environment.
        case function
        /// None: whoever it is, on pages that anybody may ask for.
        case anonymous
    }

    package var account: AccountID
    package var region: String
    package var accessKeyID: String
    /// `arn:aws:iam::ACCOUNT:root`, or `arn:aws:sts::ACCOUNT:assumed-role/ROLE/FUNCTION`; empty for nobody.
    package var principalARN: String
    package var kind: Kind

    package init(account: AccountID, region: String, accessKeyID: String, principalARN: String, kind: Kind) {
        self.account = account
        self.region = region
        self.accessKeyID = accessKeyID
        self.principalARN = principalARN
        self.kind = kind
    }
}
