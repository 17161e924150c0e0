/// What names a metric. Account and region come first, as in every key.
package struct MetricKey: Sendable, Hashable {
    /// Twelve digits.
    package let account: String
    package let region: String
    /// `AWS/Lambda`, or what clients made up.
    package let namespace: String
    package let name: String
    /// Sorted by name: the order in which they were given means nothing.
    package let dimensions: [MetricDimension]

    package init(
        account: String, region: String, namespace: String, name: String, dimensions: [MetricDimension] = []
    ) {
        self.account = account
        self.region = region
        self.namespace = namespace
        self.name = name
        self.dimensions =
            zip(dimensions, dimensions.dropFirst()).allSatisfy { $0 <= $1 } ? dimensions : dimensions.sorted()
    }
}

/// What a metric is of: all of its key but its name.
package struct MetricSubject: Sendable, Hashable {
    /// Twelve digits.
    package let account: String
    package let region: String
    package let namespace: String
    package let dimensions: [MetricDimension]

    package init(account: String, region: String, namespace: String, dimensions: [MetricDimension] = []) {
        self.account = account
        self.region = region
        self.namespace = namespace
        self.dimensions = dimensions
    }

    package func key(_ name: String) -> MetricKey {
        MetricKey(account: account, region: region, namespace: namespace, name: name, dimensions: dimensions)
    }
}

/// A name and a value that tell a metric from others of its name.
package struct MetricDimension: Sendable, Hashable, Comparable {
    package let name: String
    package let value: String

    package init(_ name: String, _ value: String) {
        self.name = name
        self.value = value
    }

    package static func < (one: MetricDimension, other: MetricDimension) -> Bool {
        (one.name, one.value) < (other.name, other.value)
    }
}
