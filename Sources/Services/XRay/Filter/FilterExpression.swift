import AWSWire

/// A filter for traces:
/// https://docs.aws.amazon.com/xray/latest/devguide/xray-console-filters.html
indirect enum FilterExpression: Sendable, Hashable {
    case all(FilterExpression, FilterExpression)
    case any(FilterExpression, FilterExpression)
    case not(FilterExpression)
    case flag(Flag)
    case number(NumberKey, Comparison, Double)
    case text(TextKey, TextComparison, String)
    case annotation(String, AnnotationTest)
    /// A trace that a service took part in; with a filter, one of whose segments is so.
    case service(name: String?, type: String?, FilterExpression?)

    enum Flag: String, Sendable, Hashable {
        case ok, error, fault, throttle, partial
    }

    /// In seconds, but for the status.
    enum NumberKey: String, Sendable, Hashable {
        case responsetime, duration
        case status = "http.status"
    }

    enum TextKey: String, Sendable, Hashable {
        case url = "http.url"
        case method = "http.method"
        case userAgent = "http.useragent"
        case clientIP = "http.clientip"
        case user, name
    }

    enum Comparison: String, Sendable, Hashable {
        case equal = "="
        case unequal = "!="
        case less = "<"
        case lessOrEqual = "<="
        case greater = ">"
        case greaterOrEqual = ">="

        func holds<Value: Comparable>(_ one: Value, _ other: Value) -> Bool {
            switch self {
            case .equal: one == other
            case .unequal: one != other
            case .less: one < other
            case .lessOrEqual: one <= other
            case .greater: one > other
            case .greaterOrEqual: one >= other
            }
        }
    }

    enum TextComparison: String, Sendable, Hashable {
        case equal = "="
        case unequal = "!="
        case contains = "CONTAINS"
        case begins = "BEGINSWITH"
        case ends = "ENDSWITH"

        func holds(_ text: String, _ other: String) -> Bool {
            switch self {
            case .equal: text == other
            case .unequal: text != other
            case .contains: other.isEmpty || text.contains(other)
            case .begins: text.hasPrefix(other)
            case .ends: text.hasSuffix(other)
            }
        }
    }

    enum AnnotationTest: Sendable, Hashable {
        case exists
        case text(TextComparison, String)
        case number(Comparison, Double)
        case flag(isUnequal: Bool, Bool)

        func holds(_ value: Trace.Annotation) -> Bool {
            switch (self, value) {
            case (.exists, _): true
            case (.text(let comparison, let other), .text(let text)): comparison.holds(text, other)
            case (.number(let comparison, let other), .number(let number)): comparison.holds(number, other)
            case (.flag(let isUnequal, let other), .flag(let flag)): (flag == other) != isUnequal
            default: false
            }
        }
    }
}

// MARK: Deciding

extension FilterExpression {
    func matches(_ trace: Trace) -> Bool { matches(Subject(trace: trace, node: trace.root, isWhole: true)) }

    /// What a condition is about: a trace as its root tells it, or one segment.
    private struct Subject {
        var trace: Trace
        var node: Trace.Node?
        var isWhole: Bool
    }

    private func matches(_ subject: Subject) -> Bool {
        switch self {
        case .all(let one, let other): one.matches(subject) && other.matches(subject)
        case .any(let one, let other): one.matches(subject) || other.matches(subject)
        case .not(let condition): !condition.matches(subject)
        case .flag(let flag): Self.holds(flag, subject)
        case .number(let key, let comparison, let value):
            Self.number(key, subject).map { comparison.holds($0, value) } ?? false
        case .text(let key, let comparison, let value):
            Self.texts(key, subject).contains { comparison.holds($0, value) }
        case .annotation(let key, let test):
            subject.trace.annotations.contains { annotation in
                annotation.key == key && test.holds(annotation.value)
                    && (subject.isWhole || annotation.service == subject.node?.service)
            }
        case .service(let name, let type, let condition):
            subject.trace.nodes.contains { node in
                guard !node.isSubsegment, name == nil || node.service.name == name,
                    type == nil || node.service.type == type
                else { return false }
                return condition?.matches(Subject(trace: subject.trace, node: node, isWhole: false)) ?? true
            }
        }
    }

    private static func holds(_ flag: Flag, _ subject: Subject) -> Bool {
        let flags = subject.node?.flags ?? Trace.Flags()
        return switch flag {
        case .ok: subject.node != nil && !flags.error && !flags.fault && !flags.throttle
        case .error: flags.error
        case .fault: flags.fault
        case .throttle: flags.throttle
        case .partial: subject.isWhole ? subject.trace.isPartial : subject.node?.end == nil
        }
    }

    private static func number(_ key: NumberKey, _ subject: Subject) -> Double? {
        switch key {
        case .responsetime: subject.node?.duration
        case .duration: subject.isWhole ? subject.trace.duration : subject.node?.duration
        case .status: subject.node?.json["http"]?["response"]?["status"]?.double
        }
    }

    private static func texts(_ key: TextKey, _ subject: Subject) -> [String] {
        let request = subject.node?.json["http"]?["request"]
        switch key {
        case .url: return [request?["url"]?.string].compactMap { $0 }
        case .method: return [request?["method"]?.string].compactMap { $0 }
        case .userAgent: return [request?["user_agent"]?.string].compactMap { $0 }
        case .clientIP: return [request?["client_ip"]?.string].compactMap { $0 }
        case .user:
            return subject.isWhole ? subject.trace.users : [subject.node?.json["user"]?.string].compactMap { $0 }
        case .name:
            return subject.isWhole ? subject.trace.services.map(\.name) : [subject.node?.service.name].compactMap { $0 }
        }
    }
}
