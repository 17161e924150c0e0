import AWSWire
import Storage

/// Answers queries that may need each other, over one snapshot of the samples.
struct QueryRun {
    struct Result: Sendable {
        var query: MetricQuery
        var value: MathValue
        /// The units of the data, where there were several and none was asked for.
        var units: [String] = []
    }

    /// What is worked out so far.
    private struct Work {
        var results: [String: Result] = [:]
        let budget = MathBudget()
    }

    private let queries: [MetricQuery]
    private let byID: [String: MetricQuery]
    /// The periods of requests that begin and end as this one does.
    private let periods: @Sendable (Int64) -> Periods

    init(_ queries: [MetricQuery], periods: @escaping @Sendable (Int64) -> Periods) {
        self.queries = queries
        self.periods = periods
        byID = Dictionary(queries.map { ($0.id, $0) }, uniquingKeysWith: { first, _ in first })
    }

    /// - Throws: `ValidationException` when an expression cannot be had; what the store throws.
    func results(_ table: MetricTable) throws -> [Result] {
        var done = Work()
        for query in queries { try work(query, table, &done, under: []) }
        return queries.compactMap { done.results[$0.id] }
    }

    /// Whether the expressions can be worked out, whatever samples there are.
    ///
    /// - Returns: What the queries come to without samples.
    func check() throws(AWSError) -> [Result] {
        var done = Work()
        for query in queries { try dryRun(query, &done, under: []) }
        return queries.compactMap { done.results[$0.id] }
    }

    private func work(
        _ query: MetricQuery, _ table: MetricTable, _ done: inout Work, under: [String]
    ) throws {
        guard done.results[query.id] == nil else { return }
        switch query.source {
        case .metric(let stat):
            let (series, units) = try stat.values(in: periods(stat.period), table)
            done.results[query.id] = Result(query: query, value: .series(series), units: units)
        case .expression(let expression, _):
            for needed in try needs(of: query, expression, under) {
                try work(needed, table, &done, under: under + [query.id])
            }
            done.results[query.id] = try evaluate(query, expression, done)
        }
    }

    private func dryRun(
        _ query: MetricQuery, _ done: inout Work, under: [String]
    ) throws(AWSError) {
        guard done.results[query.id] == nil else { return }
        switch query.source {
        case .metric(let stat):
            done.results[query.id] = Result(query: query, value: .series(TimeSeries(period: stat.period, points: [])))
        case .expression(let expression, _):
            for needed in try needs(of: query, expression, under) {
                try dryRun(needed, &done, under: under + [query.id])
            }
            done.results[query.id] = try evaluate(query, expression, done)
        }
    }

    /// The queries that have to be worked out before an expression.
    private func needs(of query: MetricQuery, _ expression: MathExpression, _ under: [String]) throws(AWSError)
        -> [MetricQuery]
    {
        guard !under.contains(query.id), under.count < 100 else {
            throw MathError(message: "The expression needs itself").inWords(of: query.id)
        }
        guard let names = expression.names else {
            return queries.filter { if case .metric = $0.source { true } else { names(in: expression, $0.id) } }
        }
        return names.sorted().compactMap { byID[$0] }
    }

    /// Whether an expression with `METRICS()` names another one, too.
    private func names(in expression: MathExpression, _ id: String) -> Bool {
        switch expression {
        case .number, .text: false
        case .name(let name): name == id
        case .negated(let inner): names(in: inner, id)
        case .binary(_, let left, let right): names(in: left, id) || names(in: right, id)
        case .array(let parts), .call(_, let parts): parts.contains { names(in: $0, id) }
        }
    }

    private func evaluate(
        _ query: MetricQuery, _ expression: MathExpression, _ done: Work
    ) throws(AWSError) -> Result {
        let metrics = queries.filter { if case .metric = $0.source { true } else { false } }.map(\.id)
        let evaluation = MathEvaluation(
            values: done.results.mapValues(\.value), metrics: metrics, periods: periods, budget: done.budget)
        do {
            return Result(query: query, value: try evaluation.value(of: expression))
        } catch {
            throw error.inWords(of: query.id)
        }
    }
}
