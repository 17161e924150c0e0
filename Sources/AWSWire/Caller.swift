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

/// Who made a request, as the front door established it, and where its resources are: the account and the region of
/// the credential scope are part of the key of every resource.
package struct Caller: Sendable {
    /// Whose resources the request is about: the principal's own, or of one who lets it act on its own.
    package var account: AccountID
    package var region: String
    package var principal: Principal

    package init(_ principal: Principal, region: String) {
        account = principal.account
        self.region = region
        self.principal = principal
    }

    package var accessKeyID: String { principal.accessKeyID }
    package var principalARN: String { principal.arn }
}
