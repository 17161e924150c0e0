/// One request while the policies are asked about it: what they are held against, and which keys they looked at.
struct Inquiry {
    let requester: Requester
    /// In lower case.
    let action: String
    /// The action's part before the colon.
    let service: String
    let resource: String
    /// The account of the resource; nil where it does not matter.
    let owner: String?
    let context: AccessContext
    /// What the answers so far hang on beside principal, action and resource.
    private(set) var scope: ContextKey.Scope = []
    /// The keys that were looked at, in lower case, each once.
    private(set) var keys: [String] = []
    /// Statements that spoke of the request, where somebody wants to know.
    var matches: [StatementMatch]?

    init(by requester: Requester, action: String, resource: String, owner: String?, context: AccessContext) {
        self.requester = requester
        self.action = action.lowercased()
        service = ActionPatterns.service(of: self.action)
        self.resource = resource
        self.owner = owner
        self.context = context
    }

    /// The values of a key; nil when the request has none.
    mutating func values(of key: ContextKey) -> [String]? {
        if !keys.contains(key.name) {
            keys.append(key.name)
            scope.formUnion(key.scope)
        }
        return known(key)
    }

    func known(_ key: ContextKey) -> [String]? {
        if let values = context.values(of: key) { return values.isEmpty ? nil : values }
        guard let fact = key.fact else { return nil }
        if fact == .resourceAccount { return owner.map { [$0] } }
        return requester.value(of: fact, key).map { [$0] }
    }

    /// What stands in a variable's place; nil when there is nothing, or more than one value.
    mutating func value(of variable: PolicyVariable) -> String? {
        guard let values = values(of: variable.key) else { return variable.fallback }
        return values.count == 1 ? values[0] : nil
    }
}
