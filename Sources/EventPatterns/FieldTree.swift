import AWSWire

/// The fields of a pattern, by the names that lead to them: an event's values are looked at once for all combinations,
/// and what was found, of which elements of an array that are alike count once, for each.
struct FieldTree: Sendable {
    private struct Node: Sendable {
        var children: [String: Int] = [:]
        /// Indices into `fields`: combinations may want different things of one field.
        var fields: [Int] = []
    }

    private struct Field: Sendable {
        /// One of them has to fit.
        var conditions: [Condition]
        /// Whether it fits when there is no such field.
        var takesAbsence: Bool
    }

    private var nodes = [Node()]
    private var fields: [Field] = []
    /// One of them has to fit.
    private var combinations: [(fields: [Int], mask: FieldSet)] = []

    init(_ combinations: [PatternReader.Fields]) {
        var known: [Int: Int] = [:]
        for combination in combinations {
            var indices: [Int] = []
            var mask = FieldSet()
            for (path, wanted) in combination {
                let index = known[wanted.place] ?? add(path, wanted.conditions)
                known[wanted.place] = index
                indices.append(index)
                mask.insert(index)
            }
            self.combinations.append((indices, mask))
        }
    }

    private mutating func add(_ path: String, _ conditions: [Condition]) -> Int {
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
        nodes[node].fields.append(fields.count)
        fields.append(Field(conditions: conditions, takesAbsence: conditions.contains(.exists(false))))
        return fields.count - 1
    }

    private static func names(_ path: String) -> [String] {
        path.split(separator: ".", omittingEmptySubsequences: false).map(String.init)
    }

    /// As ``EventPattern/texts(of:)``.
    func texts(of name: String) -> Set<String>? {
        let known = nodes[0].children[name].map { nodes[$0].fields } ?? []
        var texts: Set<String> = []
        for combination in combinations {
            guard let field = combination.fields.first(where: known.contains) else { return nil }
            for condition in fields[field].conditions {
                guard case .equals(.text(let text)) = condition else { return nil }
                texts.insert(text)
            }
        }
        return texts
    }

    // MARK: Matching

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
        ///
        /// Fields below an array can come from nowhere else, so where there is an element in which all of them fit it
        /// is that one; but for names with dots in them, which may lead to one field in two ways.
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
            // One combination alone chooses at once.
            if choice.count <= 1 || combinations.count == 1 {
                return choice.max { $0.fields.count < $1.fields.count } ?? outcome
            }
            outcome.choices = [choice]
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
        for part in Self.names(name) {
            guard let next = nodes[node].children[part] else { return nil }
            node = next
        }
        return node
    }
}
