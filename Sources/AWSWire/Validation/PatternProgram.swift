/// The automaton of an expression: instructions that many threads walk in step, one scalar at a time.
struct Program: Sendable {
    enum Target {
        /// The whole rest of the text must match.
        case end
        /// A beginning of the rest is enough.
        case anywhere
        /// The match must end at this index.
        case index(Int)
    }

    enum Instruction: Sendable {
        case set(ScalarSet)
        /// Go to both, to the first rather than to the other.
        case split(Int, Int)
        case jump(Int)
        /// A named group begins or ends: twice its number, and one more at its end.
        case mark(Int)
        case begin
        case end
        case lookAhead(negative: Bool, Program)
        /// `length` counts the scalars that a match takes.
        case lookBehind(negative: Bool, Program, length: ClosedRange<Int>)
        case match
    }

    private(set) var instructions: [Instruction] = []

    init(_ node: PatternNode) {
        emit(node)
        instructions.append(.match)
    }

    private mutating func emit(_ node: PatternNode) {
        switch node {
        case .set(let set): instructions.append(.set(set))
        case .begin: instructions.append(.begin)
        case .end: instructions.append(.end)
        case .sequence(let nodes): for node in nodes { emit(node) }
        case .choice(let nodes): emitChoice(nodes[...])
        case .repeated(let node, let min, let max, let isLazy):
            for _ in 0..<min { emit(node) }
            if let max { emitOptional(node, times: max - min, isLazy) } else { emitLoop(node, isLazy) }
        case .named(let number, let node):
            instructions.append(.mark(2 * number))
            emit(node)
            instructions.append(.mark(2 * number + 1))
        case .look(ahead: true, negative: let negative, let node):
            instructions.append(.lookAhead(negative: negative, Program(node)))
        case .look(ahead: false, negative: let negative, let node):
            let (shortest, longest) = node.length
            // The parser refuses what has no longest match.
            instructions.append(
                .lookBehind(negative: negative, Program(node), length: shortest...(longest ?? shortest)))
        }
    }

    private mutating func emitChoice(_ nodes: ArraySlice<PatternNode>) {
        guard let first = nodes.first else { return }
        guard nodes.count > 1 else { return emit(first) }
        let split = reserve()
        emit(first)
        let jump = reserve()
        instructions[split] = .split(split + 1, instructions.count)
        emitChoice(nodes.dropFirst())
        instructions[jump] = .jump(instructions.count)
    }

    private mutating func emitOptional(_ node: PatternNode, times: Int, _ isLazy: Bool) {
        var splits: [Int] = []
        for _ in 0..<times {
            splits.append(reserve())
            emit(node)
        }
        let end = instructions.count
        for split in splits { instructions[split] = isLazy ? .split(end, split + 1) : .split(split + 1, end) }
    }

    private mutating func emitLoop(_ node: PatternNode, _ isLazy: Bool) {
        let split = reserve()
        emit(node)
        instructions.append(.jump(split))
        let end = instructions.count
        instructions[split] = isLazy ? .split(end, split + 1) : .split(split + 1, end)
    }

    private mutating func reserve() -> Int {
        instructions.append(.jump(0))
        return instructions.count - 1
    }

    /// Whether a match begins at `start` and ends as `target` asks.
    func run(_ text: [UInt32], from start: Int, to target: Target) -> Bool {
        var current = Threads(capacity: instructions.count)
        var next = Threads(capacity: instructions.count)
        var stack: [Int] = []
        add(0, at: start, in: text, to: &current, &stack)
        var index = start
        while true {
            if current.hasMatch, accepts(index, target, text.count) { return true }
            guard index < text.count, !current.waiting.isEmpty else { return false }
            next.clear()
            for thread in current.waiting {
                guard case .set(let set) = instructions[thread], set.contains(text[index]) else { continue }
                add(thread + 1, at: index + 1, in: text, to: &next, &stack)
            }
            swap(&current, &next)
            index += 1
        }
    }

    private func accepts(_ index: Int, _ target: Target, _ count: Int) -> Bool {
        switch target {
        case .end: index == count
        case .anywhere: true
        case .index(let wanted): index == wanted
        }
    }

    /// Follows everything that takes no scalar.
    private func add(_ thread: Int, at index: Int, in text: [UInt32], to threads: inout Threads, _ stack: inout [Int]) {
        stack.append(thread)
        while let thread = stack.popLast() {
            guard threads.visit(thread) else { continue }
            switch instructions[thread] {
            case .set: threads.waiting.append(thread)
            case .split(let one, let other):
                stack.append(other)
                stack.append(one)
            case .jump(let there): stack.append(there)
            case .mark: stack.append(thread + 1)
            case .begin: if index == 0 { stack.append(thread + 1) }
            case .end: if index == text.count { stack.append(thread + 1) }
            case .lookAhead(let negative, let program):
                if program.run(text, from: index, to: .anywhere) != negative { stack.append(thread + 1) }
            case .lookBehind(let negative, let program, let length):
                let starts = max(0, index - length.upperBound)..<max(0, index - length.lowerBound + 1)
                let found = starts.contains { program.run(text, from: $0, to: .index(index)) }
                if found != negative { stack.append(thread + 1) }
            case .match: threads.hasMatch = true
            }
        }
    }

    /// The threads of one step, each at most once.
    private struct Threads {
        var waiting: [Int] = []
        var hasMatch = false
        /// The step at which each thread was last here: clearing the list is counting on.
        private var visits: [UInt32]
        private var step: UInt32 = 1

        init(capacity: Int) { visits = [UInt32](repeating: 0, count: capacity) }

        mutating func visit(_ thread: Int) -> Bool {
            if visits[thread] == step { return false }
            visits[thread] = step
            return true
        }

        mutating func clear() {
            waiting.removeAll(keepingCapacity: true)
            hasMatch = false
            step &+= 1
        }
    }
}
