/// The name of a condition key, made ready for looking it up. Its case does not matter, that of a tag's name in it
/// neither.
package struct ContextKey: Sendable, Hashable {
    /// What the key's value hangs on.
    package struct Scope: OptionSet, Sendable, Hashable {
        package let rawValue: Int

        package init(rawValue: Int) { self.rawValue = rawValue }

        /// The one who asks, and its session: the same for all requests with the same credentials.
        package static let principal = Scope(rawValue: 1)
        /// The thing that is asked for.
        package static let resource = Scope(rawValue: 2)
        /// The single request: its parameters, its address, its time.
        package static let request = Scope(rawValue: 4)
    }

    /// In lower case.
    package let name: String
    package let scope: Scope
    /// What of the principal the key tells, where it tells something of it.
    let fact: Fact?

    /// Keys that are known of a principal, or of the resource's owner, without the request's context.
    enum Fact: String, Sendable, Hashable {
        case principalARN = "aws:principalarn"
        case principalAccount = "aws:principalaccount"
        case principalType = "aws:principaltype"
        case isService = "aws:principalisawsservice"
        case serviceName = "aws:principalservicename"
        case userID = "aws:userid"
        case userName = "aws:username"
        case resourceAccount = "aws:resourceaccount"
        case principalTag = "aws:principaltag/"
    }

    /// - Parameter name: As a policy or a service spells it.
    package init(_ name: String) {
        self.name = name.lowercased()
        fact = self.name.hasPrefix(Fact.principalTag.rawValue) ? .principalTag : Fact(rawValue: self.name)
        scope = Self.scope(of: self.name)
    }

    /// The name of the tag in `aws:PrincipalTag/NAME`, in lower case.
    var tag: Substring { name.dropFirst(Fact.principalTag.rawValue.count) }

    private static let principalKeys: Set<String> = [
        "aws:userid", "aws:username", "aws:federatedprovider", "aws:tokenissuetime", "aws:multifactorauthpresent",
        "aws:sourceidentity", "aws:assumedroot",
    ]

    private static func scope(of name: String) -> Scope {
        if name.hasPrefix("aws:principal") || principalKeys.contains(name) { return .principal }
        if name.hasPrefix("aws:resource") || name.contains(":resourcetag/") { return .resource }
        return .request
    }

    package static func == (one: ContextKey, other: ContextKey) -> Bool { one.name == other.name }
    package func hash(into hasher: inout Hasher) { hasher.combine(name) }
}
