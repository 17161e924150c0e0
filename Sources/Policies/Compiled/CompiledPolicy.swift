/// A policy made ready for decisions: its actions are in lower case, its patterns split, its numbers, dates and
/// addresses read. Made once for each document, and cheap to hand around.
package final class CompiledPolicy: Sendable, Hashable {
    package let document: PolicyDocument
    private let statements: [CompiledStatement]
    /// What it may ask of a request's context: a caller need not find out what nobody asks for.
    package let contextKeys: Set<ContextKey>

    package init(_ document: PolicyDocument) {
        self.document = document
        // Variables came with the later version: before, they are only text.
        let syntax: PatternTemplate.Syntax = document.version == "2012-10-17" ? .variables : []
        statements = document.statements.map { CompiledStatement($0, syntax) }
        contextKeys = Set(statements.flatMap(\.contextKeys))
    }

    package static func == (one: CompiledPolicy, other: CompiledPolicy) -> Bool { one.document == other.document }
    package func hash(into hasher: inout Hasher) { hasher.combine(document) }

    /// What the policy says to a request: all statements are asked, in whatever order they stand.
    func answer(_ inquiry: inout Inquiry, as source: PolicySource = .init(.resource, id: "", arn: nil)) -> PolicyAnswer
    {
        var answer = PolicyAnswer()
        for index in statements.indices {
            let grant = statements[index].grant(&inquiry)
            guard grant != .none else { continue }
            if statements[index].effect == .deny {
                answer.denial = answer.denial ?? index
            } else {
                answer.grant = max(answer.grant, grant)
            }
            inquiry.matches?.append(StatementMatch(source: source, statement: index, effect: statements[index].effect))
            // Nothing can undo a denial.
            if answer.denial != nil, inquiry.matches == nil { break }
        }
        return answer
    }
}

/// What one policy says.
struct PolicyAnswer {
    /// How closely the statement that allows it names the one who asks; `none` when no statement does.
    var grant = PrincipalGrant.none
    /// The first statement that denies it.
    var denial: Int?
}

/// One rule of a policy, made ready.
struct CompiledStatement: Sendable {
    let effect: PolicyStatement.Effect
    private let actions: ActionPatterns
    private let resources: ResourcePatterns?
    private let principals: CompiledPrincipals?
    private let conditions: [CompiledCondition]

    init(_ statement: PolicyStatement, _ syntax: PatternTemplate.Syntax) {
        effect = statement.effect
        actions = ActionPatterns(statement.actions)
        let bearer: ResourcePatterns.Bearer = statement.principals == nil ? .identity : .resource
        resources = statement.resources.map { ResourcePatterns($0, of: bearer, syntax) }
        principals = statement.principals.map(CompiledPrincipals.init)
        conditions = statement.conditions.map { CompiledCondition($0, syntax) }
    }

    var contextKeys: [ContextKey] {
        let variables = (resources?.templates ?? []).flatMap(\.variables) + conditions.flatMap(\.variables)
        return conditions.map(\.key) + variables.map(\.key)
    }

    /// How the statement means the one who asks; `none` when it does not speak of the request.
    func grant(_ inquiry: inout Inquiry) -> PrincipalGrant {
        guard actions.speak(of: inquiry) else { return .none }
        if let resources, !resources.speak(of: inquiry.resource, effect, &inquiry) { return .none }
        let grant = principals?.grant(inquiry.requester, effect) ?? .direct
        guard grant != .none else { return .none }
        for index in conditions.indices where !conditions[index].holds(effect, &inquiry) { return .none }
        return grant
    }
}
