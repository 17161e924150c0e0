import Storage
import Synchronization

/// All function URLs by their ids, in memory: requests to them ask no store.
///
/// An entry may outlive its function or alias, whose ``ResolvedFunction`` then does not have its id.
final class FunctionURLDirectory: Sendable {
    struct Entry: Sendable {
        var target: FunctionTarget
        var url: FunctionURL
    }

    private let entries = Mutex<[String: Entry]>([:])

    subscript(id: String) -> Entry? { entries.withLock { $0[id] } }

    /// Reads all that there are.
    func load(_ database: any Database) async throws {
        let found = try await database.read { try FunctionRepository($0).attached(FunctionURL.self) }
        let all = found.map { ($0.document.id, Entry(target: $0.target, url: $0.document)) }
        entries.withLock { $0 = Dictionary(all, uniquingKeysWith: { first, _ in first }) }
    }

    func set(_ url: FunctionURL, of target: FunctionTarget) {
        entries.withLock { $0[url.id] = Entry(target: target, url: url) }
    }

    func remove(_ id: String) { entries.withLock { $0[id] = nil } }

    /// The function is gone, with its aliases.
    func remove(_ key: FunctionKey) {
        entries.withLock { entries in entries = entries.filter { $0.value.target.key != key } }
    }

    func removeAll() { entries.withLock { $0 = [:] } }
}
