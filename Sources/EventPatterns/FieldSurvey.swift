import AWSWire

/// The fields of all combinations of a pattern in one tree, to find those that an event may match in one pass: most
/// have a field that fits nowhere in it.
struct FieldSurvey: Sendable {
    private struct Key: Hashable {
        var path: String
        var conditions: [Condition]
    }

    private struct Node: Sendable {
        var children: [String: Int] = [:]
        /// Indices into `fields`: combinations may want different things of one field.
        var fields: [Int] = []
    }

    private struct Field: Sendable {
        var conditions: [Condition]
        var takesAbsence: Bool
    }

    private var nodes = [Node()]
    private var fields: [Field] = []
    /// The fields of each combination.
    private var combinations: [[Int]] = []

    init(_ combinations: [PatternReader.Fields]) {
        var known: [Key: Int] = [:]
        for combination in combinations {
            var indices: [Int] = []
            for (path, conditions) in combination {
                let key = Key(path: path, conditions: conditions)
                let index = known[key] ?? add(path, conditions)
                known[key] = index
                indices.append(index)
            }
            self.combinations.append(indices)
        }
    }

    private mutating func add(_ path: String, _ conditions: [Condition]) -> Int {
        var node = 0
        for name in FieldTree.names(path) {
            if let next = nodes[node].children[name] {
                node = next
                continue
            }
            nodes.append(Node())
            nodes[node].children[name] = nodes.count - 1
            node = nodes.count - 1
        }
        nodes[node].fields.append(fields.count)
        fields.append(Field(conditions: conditions, takesAbsence: conditions.contains(.exists(false))))
        return fields.count - 1
    }

    /// The combinations all of whose fields fit somewhere in an event, be it in different elements of an array.
    func candidates(_ event: JSONValue) -> [Int] {
        var (fitting, present) = (FieldSet(), FieldSet())
        look(at: event, from: 0, &fitting, &present)
        return combinations.indices.filter { combination in
            combinations[combination].allSatisfy { field in
                fitting.contains(field) || (fields[field].takesAbsence && !present.contains(field))
            }
        }
    }

    private func look(at value: JSONValue, from node: Int, _ fitting: inout FieldSet, _ present: inout FieldSet) {
        switch value.kind {
        case .object:
            for (name, member) in value.members {
                if let next = step(from: node, name) { look(at: member, from: next, &fitting, &present) }
            }
        case .array: for element in value.elements { look(at: element, from: node, &fitting, &present) }
        default:
            guard !nodes[node].fields.isEmpty, let leaf = Leaf(value) else { return }
            for field in nodes[node].fields {
                present.insert(field)
                guard !fitting.contains(field) else { continue }
                if fields[field].conditions.contains(where: { $0.holds(leaf) }) { fitting.insert(field) }
            }
        }
    }

    private func step(from node: Int, _ name: String) -> Int? {
        if let next = nodes[node].children[name] { return next }
        guard name.utf8.contains(UInt8(ascii: ".")) else { return nil }
        var node = node
        for part in FieldTree.names(name) {
            guard let next = nodes[node].children[part] else { return nil }
            node = next
        }
        return node
    }
}
