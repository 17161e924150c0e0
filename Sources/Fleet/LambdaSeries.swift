package import Metrics

/// The series of `AWS/Lambda` that one thing counts for: with no dimensions, of a function, of what it was named by,
/// and of an alias's version.
///
/// https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-view.html
package struct LambdaSeries: Sendable {
    private let account: String
    private let region: String
    private let function: [MetricDimension]
    private let resource: [MetricDimension]
    /// Nil but for an alias.
    private let version: [MetricDimension]?

    /// - Parameters:
    ///   - qualifier: A version or an alias; nil for neither.
    ///   - executed: The version, where the qualifier is an alias.
    package init(
        account: String, region: String, function: String, qualifier: String? = nil, executed: String? = nil
    ) {
        self.account = account
        self.region = region
        self.function = [MetricDimension("FunctionName", function)]
        let resource =
            self.function + [MetricDimension("Resource", qualifier.map { "\(function):\($0)" } ?? function)]
        self.resource = resource
        version = executed.map { [MetricDimension("ExecutedVersion", $0)] + resource }
    }

    static func account(_ account: String, _ region: String, _ name: String) -> MetricKey {
        MetricKey(account: account, region: region, namespace: "AWS/Lambda", name: name)
    }

    /// All of them.
    package func all(_ name: String) -> [MetricKey] { [key(name, [])] + ofFunction(name) + ofResource(name) }

    func ofFunction(_ name: String) -> [MetricKey] { [key(name, function)] }

    func ofResource(_ name: String) -> [MetricKey] {
        [key(name, resource)] + (version.map { [key(name, $0)] } ?? [])
    }

    private func key(_ name: String, _ dimensions: [MetricDimension]) -> MetricKey {
        MetricKey(account: account, region: region, namespace: "AWS/Lambda", name: name, dimensions: dimensions)
    }
}
