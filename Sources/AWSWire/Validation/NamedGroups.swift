/// A regular expression of a client's whose named groups, `(?<name>…)`, say which parts of a text are wanted.
///
/// Of several matches the first counts, and of those that begin where it does the one that a backtracking search would
/// find; yet it takes one pass over the text: threads go in step, those that come first are preferred, and each keeps
/// where its groups begin and end.
package struct NamedGroups: Sendable {
    /// In the order in which the expression has them.
    package let names: [String]
    private let instructions: [Program.Instruction]

    /// - Parameter ignoresCase: Letters of ASCII match those of either case.
    /// - Throws: `PatternError` for what ``Pattern/init(untrusted:states:ignoresCase:)`` refuses, too.
    package init(untrusted source: String, states limit: Int = 512, ignoresCase: Bool = false) throws(PatternError) {
        var parser = PatternParser(source, namesGroups: true)
        let written = try parser.parse()
        let node = ignoresCase ? written.caseless : written
        guard !node.looksAround else { throw PatternError(description: "look-around") }
        guard !source.isEmpty, node.states <= limit else { throw PatternError(description: "too long, or empty") }
        names = parser.names ?? []
        instructions = Program(node).instructions
    }

    /// What the groups match in the first match; nil for those that have no part in it.
    ///
    /// - Returns: nil when nothing in `text` matches.
    package func values(in text: String) -> [String?]? {
        let scalars = Array(text.unicodeScalars)
        guard let marks = search(scalars) else { return nil }
        return names.indices.map { index in
            let (start, end) = (Int(marks[2 * index]), Int(marks[2 * index + 1]))
            guard start >= 0, end >= start else { return nil }
            var value = String.UnicodeScalarView()
            value.append(contentsOf: scalars[start..<end])
            return String(value)
        }
    }

    private struct Thread {
        var place: Int
        var marks: [Int32]
    }

    private func search(_ text: [Unicode.Scalar]) -> [Int32]? {
        var current: [Thread] = []
        var next: [Thread] = []
        var visits = [Int](repeating: -1, count: instructions.count)
        var found: [Int32]?
        let unset = [Int32](repeating: -1, count: 2 * names.count)
        for index in 0...text.count {
            next.removeAll(keepingCapacity: true)
            // The step before filled in who waits here; a match may begin here as long as none has begun before.
            if found == nil { follow(Thread(place: 0, marks: unset), at: index, text.count, &current, &visits) }
            if current.isEmpty, found != nil { break }
            step: for thread in current {
                switch instructions[thread.place] {
                case .match:
                    found = thread.marks
                    // Those behind it are not preferred.
                    break step
                case .set(let set):
                    guard index < text.count, set.contains(text[index].value) else { continue }
                    let moved = Thread(place: thread.place + 1, marks: thread.marks)
                    follow(moved, at: index + 1, text.count, &next, &visits)
                default: continue
                }
            }
            swap(&current, &next)
        }
        return found
    }

    /// Adds, in the order of preference, where a thread waits for the scalar at `index`, or has matched.
    private func follow(
        _ thread: Thread, at index: Int, _ count: Int, _ threads: inout [Thread], _ visits: inout [Int]
    ) {
        var stack = [thread]
        while var thread = stack.popLast() {
            guard visits[thread.place] != index else { continue }
            visits[thread.place] = index
            let place = thread.place
            thread.place += 1
            switch instructions[place] {
            case .set, .match:
                thread.place = place
                threads.append(thread)
            case .split(let one, let other):
                thread.place = other
                stack.append(thread)
                thread.place = one
                stack.append(thread)
            case .jump(let there):
                thread.place = there
                stack.append(thread)
            case .mark(let mark):
                thread.marks[mark] = Int32(index)
                stack.append(thread)
            case .begin: if index == 0 { stack.append(thread) }
            case .end: if index == count { stack.append(thread) }
            case .lookAhead, .lookBehind: continue
            }
        }
    }
}
