import AWSWire

/// The ids that IAM gives: a prefix that tells the kind, and a part that is nobody else's.
///
/// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html#identifiers-unique-ids
enum EntityID {
    static let user = "AIDA"
    static let group = "AGPA"
    static let role = "AROA"
    static let policy = "ANPA"
    static let profile = "AIPA"

    /// 21 characters.
    static func make(_ prefix: String, account: String) -> String {
        var generator = BufferedRandom()
        return AccessKeyID.make(prefix, account: account) + String(AccessKeyID.character(generator.next()))
    }
}
