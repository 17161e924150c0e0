import AWSWire

/// All combinations of a pattern together: an event's values are looked at once for all of them, and what was found, of
/// which elements of an array that are alike count once, for each.
struct FieldSurvey: Sendable {
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
    private var combinations: [(fields: [Int], mask: FieldSet)] = []

    init(_ combinations: [PatternReader.Fields]) {
        var known: [Int: Int] = [:]
        for combination in combinations {
            var indices: [Int] = []
            for (path, wanted) in combination {
                let index = known[wanted.place] ?? add(path, wanted.conditions)
                known[wanted.place] = index
                indices.append(index)
            }
            var mask = FieldSet()
            for index in indices { mask.insert(index) }
            self.combinations.append((indices, mask))
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

    func matches(_ event: JSONValue) -> Bool {
        var present = FieldSet()
        let outcome = outcome(of: event, at: 0, &present)
        return combinations.contains { combination in
            let fitting = outcome.fitting(combination.mask)
            return combination.fields.allSatisfy { field in
                fitting.contains(field) || (fields[field].takesAbsence && !present.contains(field))
            }
        }
    }

    /// Which fields fit that are at or below a node.
    private struct Outcome: Hashable {
        var fields = FieldSet()
        /// Of each array what its elements make of it, no two the same: one of them counts, for each combination that
        /// in which most of its fields fit.
        var choices: [[Outcome]] = []

        var isEmpty: Bool { fields.count == 0 && choices.isEmpty }

        /// Those of a combination.
        func fitting(_ mask: FieldSet) -> FieldSet {
            var set = fields.intersection(mask)
            for choice in choices {
                var (best, most) = (FieldSet(), 0)
                for outcome in choice {
                    let other = outcome.fitting(mask)
                    let count = other.count
                    if count > most { (best, most) = (other, count) }
                }
                set.formUnion(best)
            }
            return set
        }
    }

    /// - Parameter present: The fields of which there is a value.
    private func outcome(of value: JSONValue, at node: Int, _ present: inout FieldSet) -> Outcome {
        var outcome = Outcome()
        switch value.kind {
        case .object:
            for (name, member) in value.members {
                guard let next = step(from: node, name) else { continue }
                let inner = self.outcome(of: member, at: next, &present)
                outcome.fields.formUnion(inner.fields)
                outcome.choices += inner.choices
            }
        case .array:
            var known: Set<Outcome> = []
            var choice: [Outcome] = []
            for element in value.elements {
                let inner = self.outcome(of: element, at: node, &present)
                if !inner.isEmpty, known.insert(inner).inserted { choice.append(inner) }
            }
            if choice.count == 1 { return choice[0] }
            if !choice.isEmpty { outcome.choices = [choice] }
        default:
            guard !nodes[node].fields.isEmpty, let leaf = Leaf(value) else { return outcome }
            for field in nodes[node].fields {
                present.insert(field)
                if fields[field].conditions.contains(where: { $0.holds(leaf) }) { outcome.fields.insert(field) }
            }
        }
        return outcome
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
