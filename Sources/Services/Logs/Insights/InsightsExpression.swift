import AWSWire

/// What a query computes for a row.
indirect enum InsightsExpression: Sendable {
    case field(String)
    case constant(InsightsValue)
    case not(InsightsExpression)
    case both(InsightsExpression, InsightsExpression)
    case either(InsightsExpression, InsightsExpression)
    case compare(Comparison, InsightsExpression, InsightsExpression)
    case arithmetic(Character, InsightsExpression, InsightsExpression)
    case like(InsightsExpression, Pattern)
    case contains(InsightsExpression, String)
    case isIn(InsightsExpression, [InsightsExpression])
    case call(InsightsFunction, [InsightsExpression])

    enum Comparison: String, Sendable {
        case equal = "="
        case unequal = "!="
        case less = "<"
        case lessOrEqual = "<="
        case greater = ">"
        case greaterOrEqual = ">="
    }

    /// Nil where there is no value: a field that the event has not, a number that is none.
    func value(_ row: InsightsRow) -> InsightsValue? {
        switch self {
        case .field(let name): return row[name]
        case .constant(let value): return value
        case .not(let one): return .bool(!isTrue(one, row))
        case .both(let one, let other): return .bool(isTrue(one, row) && isTrue(other, row))
        case .either(let one, let other): return .bool(isTrue(one, row) || isTrue(other, row))
        case .compare(let comparison, let one, let other):
            return .bool(comparison.holds(one.value(row), other.value(row)))
        case .arithmetic(let sign, let one, let other):
            guard let left = one.value(row)?.number, let right = other.value(row)?.number else { return nil }
            return Self.compute(sign, left, right).map { .number($0) }
        case .like(let one, let pattern): return .bool(one.value(row).map { pattern.occurs(in: $0.text) } ?? false)
        case .contains(let one, let text): return .bool(one.value(row)?.text.contains(text) ?? false)
        case .isIn(let one, let others):
            let value = one.value(row)
            return .bool(others.contains { Comparison.equal.holds(value, $0.value(row)) })
        case .call(let function, let arguments): return function.value(arguments, row)
        }
    }

    func isTrue(_ row: InsightsRow) -> Bool { value(row)?.isTrue ?? false }

    private func isTrue(_ one: InsightsExpression, _ row: InsightsRow) -> Bool { one.isTrue(row) }

    private static func compute(_ sign: Character, _ left: Double, _ right: Double) -> Double? {
        let result: Double =
            switch sign {
            case "+": left + right
            case "-": left - right
            case "*": left * right
            case "/": left / right
            case "%": left.truncatingRemainder(dividingBy: right)
            default: power(left, right)
            }
        return result.isFinite ? result : nil
    }
}

extension InsightsExpression.Comparison {
    /// What is not there equals nothing, and differs from everything.
    func holds(_ one: InsightsValue?, _ other: InsightsValue?) -> Bool {
        guard let one, let other else { return self == .unequal }
        let order: Int
        if let left = one.number, let right = other.number {
            order = left < right ? -1 : left > right ? 1 : 0
        } else {
            let (left, right) = (one.text, other.text)
            order = left < right ? -1 : left > right ? 1 : 0
        }
        switch self {
        case .equal: return order == 0
        case .unequal: return order != 0
        case .less: return order < 0
        case .lessOrEqual: return order <= 0
        case .greater: return order > 0
        case .greaterOrEqual: return order >= 0
        }
    }
}
