/// Who may read for a query now: a few at a time, so that the store has readers for everybody else, each for a batch,
/// and in the order in which they come.
actor InsightsTurns {
    private var free: Int
    private var waiting: [CheckedContinuation<Void, Never>] = []

    init(_ count: Int = 2) { free = count }

    /// Waits for a turn, has `work` done, and lets the next begin. As many wait as there are queries, of which each
    /// account has a few.
    nonisolated func take<Value: Sendable>(_ work: @Sendable () async throws -> Value) async rethrows -> Value {
        await begin()
        do {
            let value = try await work()
            await end()
            return value
        } catch {
            await end()
            throw error
        }
    }

    private func begin() async {
        if free > 0 {
            free -= 1
            return
        }
        await withCheckedContinuation { waiting.append($0) }
    }

    private func end() {
        if waiting.isEmpty { free += 1 } else { waiting.removeFirst().resume() }
    }
}
