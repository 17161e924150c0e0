import AWSWire

/// The fields of one combination, by the names that lead to them.
struct FieldTree: Sendable {
    private struct Node: Sendable {
        var children: [String: Int] = [:]
        /// An index into `fields`.
        var field: Int?
    }

    private struct Field: Sendable {
        /// One of them has to fit.
        var conditions: [Condition]
        /// Whether it fits when there is no such field.
        var takesAbsence: Bool
    }

    private var nodes = [Node()]
    private var fields: [Field] = []

    init(_ fields: PatternReader.Fields) {
        for (path, wanted) in fields {
            let conditions = wanted.conditions
            var node = 0
            for name in Self.names(path) {
                if let next = nodes[node].children[name] {
                    node = next
                    continue
                }
                nodes.append(Node())
                nodes[node].children[name] = nodes.count - 1
                node = nodes.count - 1
            }
            nodes[node].field = self.fields.count
            self.fields.append(
                Field(conditions: conditions, takesAbsence: conditions.contains(.exists(false))))
        }
    }

    static func names(_ path: String) -> [String] {
        path.split(separator: ".", omittingEmptySubsequences: false).map(String.init)
    }

    func texts(of name: String) -> [String]? {
        guard let node = nodes[0].children[name], let index = nodes[node].field else { return nil }
        var texts: [String] = []
        for condition in fields[index].conditions {
            guard case .equals(.text(let text)) = condition else { return nil }
            texts.append(text)
        }
        return texts
    }

    // MARK: Matching

    func matches(_ event: JSONValue) -> Bool {
        var present = FieldSet()
        let fitting = fitting(event, at: 0, &present)
        return fields.indices.allSatisfy { index in
            fitting.contains(index) || (fields[index].takesAbsence && !present.contains(index))
        }
    }

    /// Which fields fit that are at or below a node.
    ///
    /// Of an array it is the element in which most do. Fields below an array can come from nowhere else, so where there
    /// is an element in which all of them fit it is that one; but for names with dots in them, which may lead to one
    /// field in two ways.
    ///
    /// - Parameter present: Those of which there is a value.
    private func fitting(_ value: JSONValue, at node: Int, _ present: inout FieldSet) -> FieldSet {
        var set = FieldSet()
        switch value.kind {
        case .object:
            for (name, member) in value.members {
                if let next = step(from: node, name) { set.formUnion(fitting(member, at: next, &present)) }
            }
        case .array:
            var most = 0
            for element in value.elements {
                let other = fitting(element, at: node, &present)
                let count = other.count
                if count > most { (set, most) = (other, count) }
            }
        default:
            guard let index = nodes[node].field, let leaf = Leaf(value) else { return set }
            present.insert(index)
            if fields[index].conditions.contains(where: { $0.holds(leaf) }) { set.insert(index) }
        }
        return set
    }

    private func step(from node: Int, _ name: String) -> Int? {
        if let next = nodes[node].children[name] { return next }
        guard name.utf8.contains(UInt8(ascii: ".")) else { return nil }
        var node = node
        for part in name.split(separator: ".", omittingEmptySubsequences: false) {
            guard let next = nodes[node].children[String(part)] else { return nil }
            node = next
        }
        return node
    }
}

/// A set of small numbers.
struct FieldSet: Sendable, Hashable {
    private var first: UInt64 = 0
    /// Numbers from 64 on.
    private var others: [UInt64] = []

    var count: Int { others.reduce(first.nonzeroBitCount) { $0 + $1.nonzeroBitCount } }

    func contains(_ number: Int) -> Bool {
        if number < 64 { return first & (1 << UInt64(number)) != 0 }
        let word = number / 64 - 1
        return word < others.count && others[word] & (1 << UInt64(number % 64)) != 0
    }

    mutating func insert(_ number: Int) {
        if number < 64 {
            first |= 1 << UInt64(number)
            return
        }
        let word = number / 64 - 1
        while others.count <= word { others.append(0) }
        others[word] |= 1 << UInt64(number % 64)
    }

    func intersection(_ other: FieldSet) -> FieldSet {
        var set = self
        set.first &= other.first
        if !others.isEmpty {
            set.others = zip(others, other.others).map { $0 & $1 }
        }
        return set
    }

    mutating func formUnion(_ other: FieldSet) {
        first |= other.first
        while others.count < other.others.count { others.append(0) }
        for (index, word) in other.others.enumerated() { others[index] |= word }
    }
}
