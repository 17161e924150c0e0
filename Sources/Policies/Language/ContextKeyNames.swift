extension PolicyDocument {
    /// The context keys that the policy asks for, in conditions and in variables, each once and as it is spelled first:
    /// what GetContextKeysForCustomPolicy answers.
    package var contextKeyNames: [String] {
        let syntax: PatternTemplate.Syntax = version == "2012-10-17" ? .variables : []
        var found: Set<String> = []
        var names: [String] = []
        for statement in statements {
            let variables =
                (statement.resources.map { ResourcePatterns($0, of: .identity, syntax).templates } ?? []).flatMap(
                    \.variables)
                + statement.conditions.flatMap { CompiledCondition($0, syntax).variables }
            for name in statement.conditions.map(\.key) + variables.map(\.name)
            where found.insert(name.lowercased()).inserted {
                names.append(name)
            }
        }
        return names
    }
}
