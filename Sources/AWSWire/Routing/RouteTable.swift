package import NIOHTTP1

/// Finds which operation a method, a path and a query mean.
///
/// Built once from URI templates such as `/2015-03-31/functions/{FunctionName}`; a label in braces takes one segment,
/// one that ends in `+` takes the rest of the path. A literal segment wins over a label. An empty last segment is
/// ignored, for AWS takes `/functions/` and `/functions` alike. What a template has after a `?` (`?find=LayerVersion`,
/// `?acl`) must be in the query, whatever else is; of several operations that fit, the one that asks for most is meant.
package struct RouteTable<Operation: Sendable>: Sendable {
    private struct Node: Sendable {
        var literals: [(text: String, node: Int)] = []
        var label: Int?
        var greedy: Int?
        /// Those that ask for most first.
        var operations: [Candidate] = []
    }
    private struct Candidate: Sendable {
        var method: HTTPMethod
        var operation: Operation
        var labels: [String]
        /// Parameters that must be in the query, as they are sent.
        var parameters: [String]
    }

    private var nodes = [Node()]

    package init(_ routes: [(method: String, template: String, operation: Operation)]) {
        for route in routes { insert(HTTPMethod(rawValue: route.method), route.template, route.operation) }
    }

    private mutating func insert(_ method: HTTPMethod, _ template: String, _ operation: Operation) {
        var node = 0
        var labels: [String] = []
        let parts = template.split(separator: "?", maxSplits: 1)
        for segment in parts[0].split(separator: "/") {
            guard segment.first == "{" else {
                node = literal(String(segment), of: node)
                continue
            }
            let isGreedy = segment.hasSuffix("+}")
            labels.append(String(segment.dropFirst().dropLast(isGreedy ? 2 : 1)))
            let next = (isGreedy ? nodes[node].greedy : nodes[node].label) ?? append()
            if isGreedy { nodes[node].greedy = next } else { nodes[node].label = next }
            node = next
        }
        let candidate = Candidate(
            method: method, operation: operation, labels: labels,
            parameters: parts.count == 2 ? Self.parameters(parts[1]) : [])
        let place = nodes[node].operations.firstIndex { $0.parameters.count < candidate.parameters.count }
        nodes[node].operations.insert(candidate, at: place ?? nodes[node].operations.endIndex)
    }

    /// The parameters of a query; one without a value (`acl`) is the same as one with an empty one (`acl=`).
    private static func parameters(_ query: some StringProtocol) -> [String] {
        query.split(separator: "&").map { $0.contains("=") ? String($0) : $0 + "=" }
    }

    private mutating func literal(_ text: String, of node: Int) -> Int {
        if let known = nodes[node].literals.first(where: { $0.text == text }) { return known.node }
        let new = append()
        nodes[node].literals.append((text, new))
        return new
    }

    private mutating func append() -> Int {
        nodes.append(Node())
        return nodes.count - 1
    }

    /// - Parameters:
    ///   - path: Percent-encoded, without the query. Labels are decoded after the path was split.
    ///   - query: Percent-encoded.
    /// - Returns: nil when no template fits, or a label is not valid percent-encoded UTF-8.
    package func match(
        _ method: HTTPMethod, _ path: String, query: String? = nil
    ) -> (operation: Operation, labels: RouteLabels)? {
        var segments = path.split(separator: "/", omittingEmptySubsequences: false)[...]
        if segments.first?.isEmpty == true { segments = segments.dropFirst() }
        if segments.last?.isEmpty == true { segments = segments.dropLast() }
        var values: [Substring] = []
        return match(method, query ?? "", segments, 0, &values)
    }

    private func match(
        _ method: HTTPMethod, _ query: String, _ segments: ArraySlice<Substring>, _ index: Int,
        _ values: inout [Substring]
    ) -> (operation: Operation, labels: RouteLabels)? {
        let node = nodes[index]
        guard let segment = segments.first else {
            let found = node.operations.first { candidate in
                guard candidate.method == method else { return false }
                if candidate.parameters.isEmpty { return true }
                let parameters = Self.parameters(query)
                return candidate.parameters.allSatisfy(parameters.contains)
            }
            guard let found else { return nil }
            return RouteLabels(names: found.labels, encoded: values).map { (found.operation, $0) }
        }
        if let next = node.literals.first(where: { $0.text == segment }),
            let found = match(method, query, segments.dropFirst(), next.node, &values)
        {
            return found
        }
        if let next = node.label, !segment.isEmpty {
            values.append(segment)
            if let found = match(method, query, segments.dropFirst(), next, &values) { return found }
            values.removeLast()
        }
        if let next = node.greedy, let last = segments.last {
            values.append(segment.base[segment.startIndex..<last.endIndex])
            if let found = match(method, query, [], next, &values) { return found }
            values.removeLast()
        }
        return nil
    }
}

/// The labels of a matched template, decoded.
package struct RouteLabels: Sendable {
    private let names: [String]
    private let values: [String]

    /// No labels: for protocols that have none.
    package init() {
        names = []
        values = []
    }

    package init(_ labels: [(name: String, value: String)]) {
        names = labels.map(\.name)
        values = labels.map(\.value)
    }

    init?(names: [String], encoded: [Substring]) {
        var values: [String] = []
        for text in encoded {
            guard let value = PercentEncoding.decode(text, in: .path) else { return nil }
            values.append(value)
        }
        self.names = names
        self.values = values
    }

    package subscript(name: String) -> String? { names.firstIndex(of: name).map { values[$0] } }

    /// In the order of the template.
    package var all: [(name: String, value: String)] { Array(zip(names, values)) }
}
