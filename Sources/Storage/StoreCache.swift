import Synchronization

/// Values that were asked for lately, as they were last committed. Who changes one says so after its commit.
package final class StoreCache<Key: Hashable & Sendable, Value: Sendable>: Sendable {
    private struct State {
        var values: [Key: Value] = [:]
        /// How often something was changed: what was read meanwhile may be old.
        var changes = 0
    }

    private let limit: Int
    private let read: @Sendable (Key) async throws -> Value?
    private let state = Mutex(State())

    /// - Parameters:
    ///   - limit: How many values are kept; when there would be more, all are forgotten.
    ///   - read: Reads what is not kept; nil: there is no such value.
    package init(limit: Int = 10_000, read: @escaping @Sendable (Key) async throws -> Value?) {
        self.limit = limit
        self.read = read
    }

    package func value(_ key: Key) async throws -> Value? {
        let (known, changes) = state.withLock { ($0.values[key], $0.changes) }
        if let known { return known }
        guard let found = try await read(key) else { return nil }
        state.withLock { state in
            guard state.changes == changes else { return }
            if state.values.count >= limit { state.values.removeAll() }
            state.values[key] = found
        }
        return found
    }

    package func forget(_ key: Key) {
        state.withLock { state in
            state.changes += 1
            state.values[key] = nil
        }
    }

    package func forgetAll() {
        state.withLock { state in
            state.changes += 1
            state.values.removeAll()
        }
    }
}
