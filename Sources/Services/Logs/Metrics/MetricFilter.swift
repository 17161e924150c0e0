import AWSWire
import LogsModel
import Metrics

/// A metric filter, made ready: which events count, and what they give.
///
/// https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_MetricTransformation.html
struct MetricFilter: Sendable {
    /// Where a value of an event is found.
    enum Selector: Sendable {
        case json(JSONSelector)
        case field(FieldPattern.Place)

        /// - Returns: nil unless `text` names a value of what the pattern matches.
        init?(_ text: String, of pattern: FilterPattern) {
            switch pattern.kind {
            case .terms: return nil
            case .json:
                var scanner = PatternScanner(text)
                guard let selector = try? JSONSelector(&scanner), scanner.isAtEnd else { return nil }
                self = .json(selector)
            case .fields(let fields):
                guard text.hasPrefix("$"), let place = fields.place(of: String(text.dropFirst())) else { return nil }
                self = .field(place)
            }
        }

        /// Nil where there is none: an object or a list is no value.
        func text(in match: FilterPattern.Match) -> String? {
            switch (self, match) {
            case (.json(let selector), .json(let document)):
                switch selector.value(in: document)?.kind {
                case .string, .number, .true, .false: selector.value(in: document)?.selectedText
                default: nil
                }
            case (.field(let place), .fields(let fields)): place.text(in: fields)
            default: nil
            }
        }
    }

    enum Value: Sendable {
        case number(Double)
        case selected(Selector)
    }

    /// Why a transformation cannot be used, in words for whoever sent it.
    struct Failure: Error, Hashable {
        var message: String
    }

    static let dimensionLimit = 3

    let pattern: FilterPattern
    private let value: Value
    private let dimensions: [(name: String, selector: Selector)]
    private let key: MetricKey
    private let unit: MetricUnit
    /// What is told of a minute in which events came and none matched.
    let defaultValue: Double?

    init(
        _ pattern: FilterPattern, _ transformation: Logs.MetricTransformation, of group: GroupKey
    ) throws(Failure) {
        self.pattern = pattern
        let text = transformation.metricValue
        if let number = Double(text), number.magnitude <= MetricSample.largest {
            value = .number(number)
        } else if let selector = Selector(text, of: pattern) {
            value = .selected(selector)
        } else {
            throw Failure(message: "Invalid metric transformation: '\(text)' is neither a number nor a field.")
        }
        let wanted = transformation.dimensions ?? [:]
        guard wanted.count <= Self.dimensionLimit else {
            throw Failure(message: "A metric transformation has at most \(Self.dimensionLimit) dimensions.")
        }
        guard wanted.isEmpty || transformation.defaultValue == nil else {
            throw Failure(
                message: "Invalid metric transformation: dimensions and default value are mutually exclusive.")
        }
        if let value = transformation.defaultValue, value.magnitude > MetricSample.largest {
            throw Failure(message: "Invalid metric transformation: the default value '\(value)' is too far from zero.")
        }
        var dimensions: [(name: String, selector: Selector)] = []
        for (name, text) in wanted.sorted(by: { $0.key < $1.key }) {
            guard !name.isEmpty, let selector = Selector(text, of: pattern) else {
                throw Failure(message: "Invalid metric transformation: '\(text)' is no field of the filter pattern.")
            }
            dimensions.append((name, selector))
        }
        self.dimensions = dimensions
        defaultValue = transformation.defaultValue
        unit = transformation.unit.flatMap { MetricUnit(rawValue: $0.rawValue) } ?? .none
        key = MetricKey(
            account: group.account, region: group.region, namespace: transformation.metricNamespace,
            name: transformation.metricName)
    }

    /// What an event that matches gives; nothing where its value is no number, or a dimension has none.
    func sample(_ match: FilterPattern.Match, at time: Int64) -> MetricSample? {
        let number: Double
        switch value {
        case .number(let constant): number = constant
        case .selected(let selector):
            guard let found = selector.text(in: match).flatMap({ Double($0) }),
                found.magnitude <= MetricSample.largest
            else { return nil }
            number = found
        }
        if dimensions.isEmpty { return sample(number, key, at: time) }
        var values: [MetricDimension] = []
        for dimension in dimensions {
            guard let text = dimension.selector.text(in: match), (1...1024).contains(text.utf8.count) else {
                return nil
            }
            values.append(MetricDimension(dimension.name, text))
        }
        let full = MetricKey(
            account: key.account, region: key.region, namespace: key.namespace, name: key.name, dimensions: values)
        return sample(number, full, at: time)
    }

    /// What a minute without a match gives.
    func missed(at time: Int64) -> MetricSample? { defaultValue.map { sample($0, key, at: time) } }

    private func sample(_ number: Double, _ key: MetricKey, at time: Int64) -> MetricSample {
        MetricSample(key, unit: unit, timestamp: time, value: number)
    }
}
