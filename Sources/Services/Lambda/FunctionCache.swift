import Fleet
import Runtimes
import Storage
import Synchronization

/// What an invocation needs to know of a function, made once for each of its revisions.
final class ResolvedFunction: Sendable {
    enum Readiness: Sendable {
        case ready(FunctionVersion)
        /// Nothing has been deployed yet; the word is the function's `State`.
        case unfit(state: String)
        /// The function's runtime cannot be run on this machine; the text says why.
        case withoutRuntime(String)
    }

    /// The ARN without a qualifier.
    let arn: String
    let readiness: Readiness

    init(_ record: FunctionRecord, resolveRuntime: ResolveRuntime) {
        arn = record.arn
        guard let settings = record.serving else {
            readiness = .unfit(state: record.state == .pending ? "Pending" : "Failed")
            return
        }
        do throws(RuntimeUnavailable) {
            let runtime = try resolveRuntime(settings.runtime)
            readiness = .ready(
                FunctionVersion(
                    key: FunctionVersion.Key(
                        account: record.key.account, region: record.key.region, name: record.key.name,
                        version: "$LATEST", revision: settings.deployment),
                    runtime: runtime, code: settings.code, layers: settings.opt, handler: settings.handler,
                    memoryMiB: settings.memoryMiB,
                    timeout: .seconds(settings.timeoutSeconds), temporaryStorageMiB: settings.ephemeralStorageMiB,
                    variables: settings.variables ?? [:], roleARN: settings.roleARN, logGroup: settings.logGroup))
        } catch {
            readiness = .withoutRuntime(error.description)
        }
    }
}

/// Resolved functions in memory, so that an invocation reads neither SQL nor files.
///
/// Whoever changes a function calls ``invalidate(_:)`` after the commit and before the acknowledgement. Unknown
/// functions are not kept: the cache is as large as the set of functions that exist and are invoked.
final class FunctionCache: Sendable {
    private struct State {
        var functions: [FunctionKey: ResolvedFunction] = [:]
        /// Grows with every invalidation: what was read before one must not be kept after it.
        var epoch = 0
    }

    private let state = Mutex(State())
    private let database: any Database
    private let resolveRuntime: ResolveRuntime

    init(database: any Database, resolveRuntime: @escaping ResolveRuntime) {
        self.database = database
        self.resolveRuntime = resolveRuntime
    }

    /// What is in memory; nil says nothing about whether there is such a function.
    func lookup(_ key: FunctionKey) -> ResolvedFunction? {
        state.withLock { $0.functions[key] }
    }

    /// Reads the function from the store and keeps it.
    ///
    /// - Returns: nil when there is no such function.
    func load(_ key: FunctionKey) async throws -> ResolvedFunction? {
        let epoch = state.withLock { $0.epoch }
        let record = try await database.read { try FunctionRepository($0).find(key) }
        guard let record else { return nil }
        let resolved = ResolvedFunction(record, resolveRuntime: resolveRuntime)
        state.withLock { state in
            if state.epoch == epoch { state.functions[key] = resolved }
        }
        return resolved
    }

    func invalidate(_ key: FunctionKey) {
        state.withLock { state in
            state.epoch += 1
            state.functions[key] = nil
        }
    }

    func invalidateAll() {
        state.withLock { state in
            state.epoch += 1
            state.functions = [:]
        }
    }
}
