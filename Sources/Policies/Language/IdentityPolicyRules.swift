import AWSWire

/// What IAM checks of identities' policies, in the order in which it tells: grammar, version, what its older parser
/// refused, the statements' ids, their actions, resources, and the actions' services.
///
/// The messages and their order are those that moto recorded in tests/test_iam/test_iam_policies.py.
extension PolicyDocument {
    init(identityPolicy value: JSONValue, _ kind: PolicyKind) throws(PolicySyntaxError) {
        guard PolicyGrammar.accepts(value) else { throw kind.syntaxError }
        if kind == .managed, value["Version"]?.string != "2012-10-17" {
            throw PolicySyntaxError("Policy document must be version 2012-10-17 or greater.")
        }
        let statements = value["Statement"]?.listed ?? []
        guard !statements.contains(where: { $0["Principal"] != nil || $0["NotPrincipal"] != nil }) else {
            throw PolicySyntaxError("Policy document should not specify a principal.")
        }
        guard statements.allSatisfy(\.passesOldParser) else { throw Self.failedOldParser }
        let resourceError = try Self.resourceError(statements)
        let ids = statements.compactMap { $0["Sid"]?.string }.filter { !$0.isEmpty }
        guard Set(ids).count == ids.count else {
            throw PolicySyntaxError("Statement IDs (SID) in a single policy must be unique.")
        }
        guard statements.allSatisfy({ !$0.texts("Action").isEmpty || !$0.texts("NotAction").isEmpty }) else {
            throw PolicySyntaxError("Policy statement must contain actions.")
        }
        if let resourceError { throw resourceError }
        for name in ["Action", "NotAction"] {
            for statement in statements {
                for action in statement.texts(name) { try Self.checkService(of: action) }
            }
        }
        // What is completed elsewhere is an error in a session's policy.
        let resources = statements.flatMap { $0.texts("Resource") + $0.texts("NotResource") }
        if kind == .session, resources.contains(where: ResourcePatterns.isIncomplete) { throw kind.syntaxError }
        guard statements.allSatisfy({ !$0.texts("Resource").isEmpty || !$0.texts("NotResource").isEmpty }) else {
            throw PolicySyntaxError("Policy statement must contain resources.")
        }
        do {
            try self.init(value)
        } catch {
            throw kind.syntaxError
        }
    }

    private static let failedOldParser = PolicySyntaxError("The policy failed legacy parsing")

    /// What is wrong with the first resource that has something wrong.
    ///
    /// - Throws: What the older parser refuses among those before it.
    private static func resourceError(_ statements: [JSONValue]) throws(PolicySyntaxError) -> PolicySyntaxError? {
        for name in ["Resource", "NotResource"] {
            for statement in statements {
                for resource in statement.texts(name) where resource != "*" {
                    if let error = ResourceRules.error(resource) { return error }
                    guard ResourceRules.passesOldParser(resource) else { throw failedOldParser }
                }
            }
        }
        return nil
    }

    private static func checkService(of action: String) throws(PolicySyntaxError) {
        let parts = action.split(separator: ":", omittingEmptySubsequences: false)
        if parts[0] == "*" && parts.count <= 2 { return }
        guard parts.count > 1 else {
            throw PolicySyntaxError("Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.")
        }
        guard parts.count == 2 else { throw PolicySyntaxError("Actions/Condition can contain only one colon.") }
        let isName = parts[0].utf8.allSatisfy { byte in
            (0x30...0x39).contains(byte) || (0x61...0x7a).contains(byte | 0x20) || byte == UInt8(ascii: "-")
                || byte == UInt8(ascii: ".")
        }
        guard isName else { throw PolicySyntaxError("Vendor \(parts[0]) is not valid") }
    }
}

extension JSONValue {
    /// An array's elements, or the one value that stands for them.
    var listed: [JSONValue] { kind == .array ? elements : [self] }

    /// The texts of a member, be it one or a list.
    func texts(_ name: String) -> [String] { self[name]?.listed.compactMap(\.string) ?? [] }

    /// The effect's case counts, and dates have to be dates.
    fileprivate var passesOldParser: Bool {
        guard PolicyStatement.Effect(rawValue: self["Effect"]?.string ?? "") != nil else { return false }
        return (self["Condition"]?.members ?? []).allSatisfy { name, keys in
            guard let test = ConditionOperator(name), (test.base.negated ?? test.base).comparesDates else {
                return true
            }
            return keys.members.flatMap(\.value.listed).allSatisfy { $0.policyScalar.map(DateRules.accept) ?? false }
        }
    }
}

extension ConditionOperator.Base {
    fileprivate var comparesDates: Bool { rawValue.hasPrefix("Date") }
}
