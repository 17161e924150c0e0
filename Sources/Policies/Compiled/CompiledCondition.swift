import AWSWire

/// A condition whose values have been read.
struct CompiledCondition: Sendable {
    /// A value of the policy.
    private enum Wanted: Sendable {
        case text(PatternTemplate)
        /// In lower case, as is what it is held against.
        case caselessText(PatternTemplate)
        case arn(ARNTemplate)
        case number(PolicyNumber)
        case seconds(Double)
        case bool(Bool)
        case bytes([UInt8])
        case addresses(AddressRange)
        /// What the operator cannot read, which nothing equals.
        case nothing
    }

    let key: ContextKey
    private let test: ConditionOperator
    /// The operator of ``test``, or the one that it negates.
    private let comparison: ConditionOperator.Base
    private let isNegated: Bool
    private let wanted: [Wanted]

    init(_ condition: PolicyCondition, _ syntax: PatternTemplate.Syntax) {
        key = ContextKey(condition.key)
        test = condition.test
        comparison = test.base.negated ?? test.base
        isNegated = test.base.negated != nil
        wanted = condition.values.map { [comparison] in Self.read($0, comparison, syntax) }
    }

    private static func read(_ text: String, _ base: ConditionOperator.Base, _ syntax: PatternTemplate.Syntax) -> Wanted
    {
        switch base {
        case .stringEquals: .text(PatternTemplate(text, syntax))
        case .stringLike: .text(PatternTemplate(text, syntax.union(.wildcards)))
        case .stringEqualsIgnoreCase: .caselessText(PatternTemplate(text, syntax.union(.caseless)))
        case .arnEquals, .arnLike: .arn(ARNTemplate(text, syntax))
        case .bool, .null: bool(text).map(Wanted.bool) ?? .nothing
        case .binaryEquals: Base64.decode(text).map(Wanted.bytes) ?? .nothing
        case .ipAddress: AddressRange(text).map(Wanted.addresses) ?? .nothing
        case .numericEquals, .numericLessThan, .numericLessThanEquals, .numericGreaterThan, .numericGreaterThanEquals:
            PolicyNumber(text).map(Wanted.number) ?? .nothing
        case .dateEquals, .dateLessThan, .dateLessThanEquals, .dateGreaterThan, .dateGreaterThanEquals:
            PolicyDate.seconds(text).map(Wanted.seconds) ?? .nothing
        case .stringNotEquals, .stringNotEqualsIgnoreCase, .stringNotLike, .numericNotEquals, .dateNotEquals,
            .notIPAddress, .arnNotEquals, .arnNotLike:
            .nothing
        }
    }

    private static func bool(_ text: String) -> Bool? {
        switch text.lowercased() {
        case "true": true
        case "false": false
        default: nil
        }
    }

    /// The keys that stand in variables of the values.
    var variables: [PolicyVariable] {
        wanted.flatMap { value in
            switch value {
            case .text(let template), .caselessText(let template): template.variables
            case .arn(let template): template.variables
            default: [] as [PolicyVariable]
            }
        }
    }

    /// Whether the request passes.
    ///
    /// - Parameter effect: What a variable without a value comes to under a negated operator: it keeps nothing from
    ///   being denied, and allows nothing.
    func holds(_ effect: PolicyStatement.Effect, _ inquiry: inout Inquiry) -> Bool {
        var given = inquiry.values(of: key)
        // A set of nothing but an empty text is an empty set.
        if test.quantifier != nil, given == [""] { given = nil }
        if test.base == .null {
            return wanted.contains { if case .bool(let isNull) = $0 { isNull == (given == nil) } else { false } }
        }
        guard let given else {
            if test.ifExists || test.quantifier == .forAllValues { return true }
            return test.quantifier == nil && isNegated
        }
        switch test.quantifier {
        case nil, .forAnyValue:
            for value in given where passes(value, effect, &inquiry) { return true }
            return false
        case .forAllValues:
            for value in given where !passes(value, effect, &inquiry) { return false }
            return true
        }
    }

    /// A negated operator passes when the value is none of those listed.
    private func passes(_ value: String, _ effect: PolicyStatement.Effect, _ inquiry: inout Inquiry) -> Bool {
        var isUnresolved = false
        for index in wanted.indices {
            switch compare(value, wanted[index], &inquiry) {
            case .matches: return !isNegated
            case .unresolved: isUnresolved = true
            case .differs: break
            }
        }
        return isNegated && (!isUnresolved || effect == .deny)
    }

    private func compare(_ value: String, _ wanted: Wanted, _ inquiry: inout Inquiry) -> PatternMatch {
        switch wanted {
        case .text(let template): return template.match(value.utf8Span.span, &inquiry)
        case .caselessText(let template):
            let value = value.lowercased()
            return template.match(value.utf8Span.span, &inquiry)
        case .arn(let template): return template.match(value, &inquiry)
        case .number(let wanted): return Self.order(PolicyNumber(value), wanted, comparison)
        case .seconds(let wanted): return Self.order(PolicyDate.seconds(value), wanted, comparison)
        case .bool(let wanted): return Self.bool(value) == wanted ? .matches : .differs
        case .bytes(let wanted): return Base64.decode(value) == wanted ? .matches : .differs
        case .addresses(let wanted): return wanted.contains(value) ? .matches : .differs
        case .nothing: return .differs
        }
    }

    private static func order<Value: Comparable>(_ value: Value?, _ wanted: Value, _ base: ConditionOperator.Base)
        -> PatternMatch
    {
        guard let value else { return .differs }
        let holds =
            switch base {
            case .numericEquals, .dateEquals: value == wanted
            case .numericLessThan, .dateLessThan: value < wanted
            case .numericLessThanEquals, .dateLessThanEquals: value <= wanted
            case .numericGreaterThan, .dateGreaterThan: value > wanted
            case .numericGreaterThanEquals, .dateGreaterThanEquals: value >= wanted
            default: false
            }
        return holds ? .matches : .differs
    }
}
