import NIOCore
import Synchronization

/// What a version's provisioned concurrency has come to.
package struct ProvisionedState: Sendable, Hashable {
    /// The environments that are initialised.
    package var available = 0
    /// Why there are not as many as there should be, as AWS words it; nil while that is but a matter of time.
    package var failure: String?

    package init(available: Int = 0, failure: String? = nil) {
        self.available = available
        self.failure = failure
    }

    /// Recorded by localstack in test_provisioned_concurrency_init_failure.
    static let initFailure = "FUNCTION_ERROR_INIT_FAILURE"
}

/// The environments that are started ahead of invocations.
extension EnvironmentPool {
    /// Has as many environments initialised as `target`, from now on.
    ///
    /// - Parameter generation: Another than before has a version tried again that had failed.
    /// - Returns: False when the pool has been forgotten and another must be asked.
    func provision(_ target: Int, generation: String) -> Bool {
        let ending: [Environment]? = state.withLock { state in
            if state.isForgotten { return nil }
            if state.isShutDown { return [] }
            let mode: ProvisionedStateMachine<Environment, Work>.Mode =
                state.generation == generation ? .onwards : .anew
            state.generation = generation
            defer { settle(&state) }
            return state.provisioned.provision(target, mode)
        }
        guard let ending else { return false }
        for environment in ending { environment.close() }
        fill()
        if target == 0 { forgetIfEmpty() }
        return true
    }

    var provisionedState: ProvisionedState {
        state.withLock { ProvisionedState(available: $0.provisioned.available, failure: $0.provisioned.failure) }
    }

    /// For tests and metrics.
    var provisionedCounts: (idle: Int, busy: Int, finishing: Int, starting: Int, waiting: Int) {
        state.withLock { $0.provisioned.counts }
    }

    /// Starts what is missing.
    private func fill() {
        while state.withLock({ !$0.isShutDown && $0.provisioned.needsAnother }) {
            let environment = Environment(
                pool: self, services: services, on: services.eventLoopGroup.next(), kind: .provisioned)
            let isWanted = state.withLock { state in
                guard !state.isShutDown, state.provisioned.begin(environment) else { return false }
                state.environments.insert(environment)
                return true
            }
            guard isWanted else { return environment.discard() }
            // They count for the function's burst, which does not hold them up: they start a few at a time.
            _ = mayStart()
            services.admission.enter(version.key, mebibytes: self.expectedMiB) { admitted in
                switch admitted {
                case .success(let place): environment.start(place)
                case .failure: environment.close()
                }
            }
        }
    }

    /// Has new invocations see how many environments there are. Under the lock.
    func settle(_ state: inout State) { concurrency.setAvailable(state.provisioned.available) }

    private func wait(_ setback: ProvisionedStateMachine<Environment, Work>.Setback) {
        guard case .pause(let number) = setback else { return fill() }
        let configuration = services.configuration
        let factor = 1 << min(number - 1, 20)
        let delay = min(configuration.provisionedRetryDelay * factor, configuration.provisionedRetryLimit)
        services.eventLoopGroup.any().scheduleTask(in: TimeAmount(delay)) {
            self.state.withLock { $0.provisioned.resume() }
            self.fill()
        }
    }

    // MARK: What environments say

    func provisionedStarted(_ environment: Environment) {
        act(
            on: environment,
            state.withLock { state in
                defer { settle(&state) }
                return state.provisioned.started(environment)
            })
        fill()
    }

    func provisionedFailed(_ environment: Environment, reason: String) {
        wait(state.withLock { $0.provisioned.failed(environment, reason: reason) })
    }

    func provisionedReady(_ environment: Environment) {
        let isOutworn = environment.isOutworn
        act(
            on: environment,
            state.withLock { state in
                defer { settle(&state) }
                let freed = state.provisioned.ready(environment)
                return isOutworn && state.provisioned.recycle(environment) ? .close : freed
            })
    }

    /// Whether an old environment may end, for another to take its place.
    func recycle(_ environment: Environment) -> Bool {
        state.withLock { state in
            defer { settle(&state) }
            return state.provisioned.recycle(environment)
        }
    }

    private func act(on environment: Environment, _ freed: ProvisionedStateMachine<Environment, Work>.Freed) {
        switch freed {
        case .run(let work): environment.run(work)
        case .park: environment.park()
        case .close: environment.close()
        }
    }

    func provisionedRemoved(_ environment: Environment) {
        let (orphans, setback) = state.withLock { state in
            defer { settle(&state) }
            state.environments.remove(environment)
            return state.provisioned.removed(environment)
        }
        for work in orphans { resubmit(work) }
        wait(setback)
        forgetIfEmpty()
    }
}
