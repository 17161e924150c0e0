/// How much may be worked out for one request: values and time series, those on the way to a result among them.
final class MathBudget {
    /// Some hundred times what an answer has.
    static let limit = 10_000_000

    private var left: Int

    init(limit: Int = MathBudget.limit) { left = limit }

    func take(_ count: Int) throws(MathError) {
        left -= min(count, left + 1)
        guard left >= 0 else { throw MathError(message: "There are too many values to be worked out") }
    }
}

extension MathValue {
    /// How many values and series there are.
    var size: Int {
        switch self {
        case .scalar: 1
        case .series(let series): series.points.count + 1
        case .array(let all): all.reduce(0) { $0 + $1.points.count + 1 }
        }
    }
}
