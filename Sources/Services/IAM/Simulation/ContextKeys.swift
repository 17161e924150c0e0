import Policies

/// The keys that policies ask requests for, as the policies spell them.
struct ContextKeys {
    /// Each once, in the order in which they were found.
    private(set) var names: [String] = []

    mutating func add(_ document: PolicyDocument) {
        for statement in document.statements {
            for condition in statement.conditions {
                add(condition.key)
                for value in condition.values { addVariables(of: value) }
            }
            for resource in statement.resources?.values ?? [] { addVariables(of: resource) }
        }
    }

    /// A key's name as it was spelled, for one in lower case.
    func spelled(_ name: String) -> String { names.first { $0.lowercased() == name } ?? name }

    private mutating func add(_ name: String) {
        let key = name.lowercased()
        if !names.contains(where: { $0.lowercased() == key }) { names.append(name) }
    }

    /// `${aws:username}`, `${aws:PrincipalTag/team, 'none'}`; not `${*}`, which stands for a character.
    private mutating func addVariables(of text: String) {
        var rest = text[...]
        while let start = rest.firstRange(of: "${") {
            rest = rest[start.upperBound...]
            guard let end = rest.firstIndex(of: "}") else { return }
            let name = rest[..<end].split(separator: ",", maxSplits: 1).first ?? ""
            let key = name.filter { $0 != " " }
            if key.contains(":") { add(key) }
            rest = rest[rest.index(after: end)...]
        }
    }
}
