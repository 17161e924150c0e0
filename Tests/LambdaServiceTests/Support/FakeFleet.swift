import Fleet
import NIOCore
import Synchronization

/// An `Invoking` that runs nothing: it keeps what it was asked for and answers as the test says.
final class FakeFleet: Invoking {
    struct Retirement: Hashable {
        var name: String
        var revision: String?
    }

    /// What a function was provisioned with, last.
    struct Provision: Hashable {
        /// Executions by version.
        var versions: [String: Int]
        var total: Int
        var generations: Set<String>
    }

    private struct State {
        var provisions: [String: Provision] = [:]
        var provisioned: [String: ProvisionedState] = [:]
        var invocations: [(version: FunctionVersion, invocation: Invocation)] = []
        var retirements: [Retirement] = []
        var expected: [FunctionVersion] = []
        var published: [FunctionVersion] = []
        var snapshotFailures: [SnapshotFailure] = []
        var holdsSnapshots = false
        var answer: Result<InvocationOutcome, FleetError>?
        var holds = false
        var held: [EventLoopPromise<InvocationOutcome>] = []
        var parts: (contentType: String?, parts: [ByteBuffer])?
    }

    private let state = Mutex(State())

    var invocations: [(version: FunctionVersion, invocation: Invocation)] { state.withLock { $0.invocations } }
    var retirements: [Retirement] { state.withLock { $0.retirements } }

    /// The versions that were said to be invoked soon.
    var expected: [FunctionVersion] { state.withLock { $0.expected } }

    /// What every invocation comes to; without an answer the payload comes back.
    func answer(_ answer: Result<InvocationOutcome, FleetError>?) { state.withLock { $0.answer = answer } }

    /// What functions answer in parts, before their outcome, to callers who want it so.
    func stream(_ parts: [String], contentType: String? = nil) {
        state.withLock { $0.parts = (contentType, parts.map { ByteBuffer(string: $0) }) }
    }

    /// Whether those that come run for ever.
    func hold(_ holds: Bool) { state.withLock { $0.holds = holds } }

    /// Ends those that are held.
    func release(_ result: Result<InvocationOutcome, FleetError>) {
        let held = state.withLock { state in
            defer { state.held = [] }
            return state.held
        }
        for promise in held { promise.completeWith(result.mapError { $0 as any Error }) }
    }

    func invoke(
        _ version: FunctionVersion, _ invocation: Invocation, on eventLoop: any EventLoop
    ) -> EventLoopFuture<InvocationOutcome> {
        let (answer, parts) = state.withLock { state in
            state.invocations.append((version, invocation))
            return (state.answer, state.parts)
        }
        if let parts, case .streamed(let sink) = invocation.response {
            sink.responseBegan(contentType: parts.contentType) {}
            for part in parts.parts { _ = sink.responseCame(part) }
        }
        let promise = state.withLock { state -> EventLoopPromise<InvocationOutcome>? in
            guard state.holds else { return nil }
            let promise = eventLoop.makePromise(of: InvocationOutcome.self)
            state.held.append(promise)
            return promise
        }
        if let promise { return promise.futureResult }
        switch answer {
        case nil:
            return eventLoop.makeSucceededFuture(
                InvocationOutcome(payload: invocation.payload, logTail: ByteBuffer(string: "START\nEND\n")))
        case .success(let outcome): return eventLoop.makeSucceededFuture(outcome)
        case .failure(let error): return eventLoop.makeFailedFuture(error)
        }
    }

    func retire(account: String, region: String, name: String, version: String?, except revision: String?) {
        state.withLock { $0.retirements.append(Retirement(name: name, revision: revision)) }
    }

    /// The versions that were to be initialised ahead.
    var published: [FunctionVersion] { state.withLock { $0.published } }

    /// What comes of the next ones, in order; then all succeed.
    func failSnapshots(_ failures: [SnapshotFailure]) { state.withLock { $0.snapshotFailures = failures } }

    /// Whether those that come take for ever.
    func holdSnapshots(_ holds: Bool) { state.withLock { $0.holdsSnapshots = holds } }

    func publish(_ version: FunctionVersion) async -> SnapshotFailure? {
        let (failure, holds) = state.withLock { state in
            state.published.append(version)
            let failure = state.snapshotFailures.first
            state.snapshotFailures = Array(state.snapshotFailures.dropFirst())
            return (failure, state.holdsSnapshots)
        }
        while holds, !Task.isCancelled, state.withLock({ $0.holdsSnapshots }) {
            try? await Task.sleep(for: .milliseconds(1))
        }
        return Task.isCancelled ? .retired : failure
    }

    func expect(_ version: FunctionVersion) { state.withLock { $0.expected.append(version) } }

    /// - Parameter name: Of a function of any account.
    func provision(of name: String) -> Provision? { state.withLock { $0.provisions[name] } }

    /// What has come of a version's provisioned concurrency, whatever was asked for.
    func provisioned(_ version: String, _ provisioned: ProvisionedState) {
        state.withLock { $0.provisioned[version] = provisioned }
    }

    func provision(account: String, region: String, name: String, _ versions: [ProvisionedVersion], total: Int) {
        let provision = Provision(
            versions: Dictionary(uniqueKeysWithValues: versions.map { ($0.version.key.version, $0.executions) }),
            total: total, generations: Set(versions.map(\.generation)))
        state.withLock { $0.provisions[name] = provision }
    }

    func provisioned(_ key: FunctionVersion.Key) -> ProvisionedState {
        state.withLock { $0.provisioned[key.version] ?? ProvisionedState() }
    }

    func concurrency(account: String, region: String) -> Int { 0 }
}
