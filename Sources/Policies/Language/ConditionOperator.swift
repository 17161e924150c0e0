/// The operator of a condition, such as `StringLike`, `ForAnyValue:StringEquals` or `NumericLessThanIfExists`.
///
/// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html
package struct ConditionOperator: Sendable, Hashable {
    package enum Base: String, Sendable, Hashable, CaseIterable {
        case stringEquals = "StringEquals"
        case stringNotEquals = "StringNotEquals"
        case stringEqualsIgnoreCase = "StringEqualsIgnoreCase"
        case stringNotEqualsIgnoreCase = "StringNotEqualsIgnoreCase"
        case stringLike = "StringLike"
        case stringNotLike = "StringNotLike"
        case numericEquals = "NumericEquals"
        case numericNotEquals = "NumericNotEquals"
        case numericLessThan = "NumericLessThan"
        case numericLessThanEquals = "NumericLessThanEquals"
        case numericGreaterThan = "NumericGreaterThan"
        case numericGreaterThanEquals = "NumericGreaterThanEquals"
        case dateEquals = "DateEquals"
        case dateNotEquals = "DateNotEquals"
        case dateLessThan = "DateLessThan"
        case dateLessThanEquals = "DateLessThanEquals"
        case dateGreaterThan = "DateGreaterThan"
        case dateGreaterThanEquals = "DateGreaterThanEquals"
        case bool = "Bool"
        case binaryEquals = "BinaryEquals"
        case ipAddress = "IpAddress"
        case notIPAddress = "NotIpAddress"
        case arnEquals = "ArnEquals"
        case arnNotEquals = "ArnNotEquals"
        case arnLike = "ArnLike"
        case arnNotLike = "ArnNotLike"
        /// Whether the key is missing.
        case null = "Null"
    }

    /// How a key with several values is tested.
    package enum Quantifier: String, Sendable, Hashable {
        case forAnyValue = "ForAnyValue"
        case forAllValues = "ForAllValues"
    }

    package var base: Base
    package var quantifier: Quantifier?
    /// `…IfExists`: a request without the key passes.
    package var ifExists: Bool

    package init(_ base: Base, quantifier: Quantifier? = nil, ifExists: Bool = false) {
        self.base = base
        self.quantifier = quantifier
        self.ifExists = ifExists
    }

    /// - Returns: nil when there is no such operator.
    package init?(_ name: String) {
        var rest = name[...]
        quantifier = nil
        if let colon = rest.firstIndex(of: ":") {
            guard let found = Quantifier(rawValue: String(rest[..<colon])) else { return nil }
            quantifier = found
            rest = rest[rest.index(after: colon)...]
        }
        ifExists = rest.hasSuffix("IfExists")
        if ifExists { rest = rest.dropLast("IfExists".utf8.count) }
        guard let base = Base(rawValue: String(rest)), !(base == .null && ifExists) else { return nil }
        self.base = base
    }

    package var name: String {
        (quantifier.map { $0.rawValue + ":" } ?? "") + base.rawValue + (ifExists ? "IfExists" : "")
    }
}

extension ConditionOperator.Base {
    /// The operator that holds where a negated one does not; nil for those that are not negated.
    var negated: ConditionOperator.Base? {
        switch self {
        case .stringNotEquals: .stringEquals
        case .stringNotEqualsIgnoreCase: .stringEqualsIgnoreCase
        case .stringNotLike: .stringLike
        case .numericNotEquals: .numericEquals
        case .dateNotEquals: .dateEquals
        case .notIPAddress: .ipAddress
        case .arnNotEquals: .arnEquals
        case .arnNotLike: .arnLike
        default: nil
        }
    }
}
