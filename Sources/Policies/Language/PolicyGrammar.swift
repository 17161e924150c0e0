import AWSWire

/// The grammar of policies, where a text either follows it or not.
///
/// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html
enum PolicyGrammar {
    private static let statementMembers: Set<String> = [
        "Sid", "Effect", "Principal", "NotPrincipal", "Action", "NotAction", "Resource", "NotResource", "Condition",
    ]

    static func accepts(_ policy: JSONValue) -> Bool {
        guard has(policy, only: ["Version", "Id", "Statement"]), let statement = policy["Statement"] else {
            return false
        }
        if let version = policy["Version"], !["2012-10-17", "2008-10-17"].contains(version.string) { return false }
        if let id = policy["Id"], id.kind != .string { return false }
        return !statement.listed.isEmpty && statement.listed.allSatisfy(acceptsStatement)
    }

    private static func acceptsStatement(_ statement: JSONValue) -> Bool {
        guard has(statement, only: statementMembers), let effect = statement["Effect"]?.string,
            ["allow", "deny"].contains(effect.lowercased())
        else { return false }
        if let sid = statement["Sid"], sid.kind != .string { return false }
        for name in ["Action", "Resource", "Principal"] where statement[name] != nil && statement["Not" + name] != nil {
            return false
        }
        for name in ["Action", "NotAction", "Resource", "NotResource"] {
            guard let value = statement[name] else { continue }
            guard value.kind == .string || value.kind == .array else { return false }
            // IAM puts up with nulls in lists.
            guard value.listed.allSatisfy({ $0.kind == .string || $0.kind == .null }) else { return false }
        }
        return statement["Condition"].map(acceptsCondition) ?? true
    }

    private static func acceptsCondition(_ condition: JSONValue) -> Bool {
        guard hasUniqueMembers(condition) else { return false }
        return condition.members.allSatisfy { name, keys in
            guard hasUniqueMembers(keys) else { return false }
            // Nor does it mind an operator that does not exist, as long as it tests nothing.
            guard ConditionOperator(name) != nil || keys.members.isEmpty else { return false }
            return keys.members.allSatisfy { $0.value.listed.allSatisfy { $0.policyScalar != nil } }
        }
    }

    private static func has(_ object: JSONValue, only names: Set<String>) -> Bool {
        hasUniqueMembers(object) && object.members.allSatisfy { names.contains($0.name) }
    }

    private static func hasUniqueMembers(_ object: JSONValue) -> Bool {
        guard object.kind == .object else { return false }
        let names = object.members.map(\.name)
        return Set(names).count == names.count
    }
}
