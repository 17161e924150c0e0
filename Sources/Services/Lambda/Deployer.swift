import AWSWire
import Fleet
import Logging
import Runtimes
import Storage

/// The background worker: puts accepted settings to work and clears away code that nothing refers to.
///
/// What is owed is in the store, so a new process resumes where a dead one stopped. Sleeps until it is woken or, while
/// there is code to clear away, until that is due.
final class Deployer: Sendable {
    /// How many functions are unpacked at a time.
    private static let width = 2
    /// How long to wait after a failure; doubled after each that follows, up to the limit.
    private static let retryDelay = Duration.seconds(1)
    private static let retryLimit = Duration.seconds(60)

    /// What a pass leaves to be done.
    enum Outcome: Hashable {
        case done
        /// Something will be due after so long.
        case later(Duration)
        /// The store or the disk failed: to be tried again.
        case failed
    }

    private let database: any Database
    private let code: CodeStore
    private let cache: FunctionCache
    private let provisioner: Provisioner
    private let snapshots: Snapshots
    private let fleet: any Invoking
    private let images: ImageDeployments
    private let resolveRuntime: ResolveRuntime
    private let prepareRuntime: PrepareRuntime
    private let logger: Logger
    private let wakeups: AsyncStream<Void>
    private let signal: AsyncStream<Void>.Continuation

    init(
        database: any Database, code: CodeStore, cache: FunctionCache, provisioner: Provisioner,
        snapshots: Snapshots, fleet: any Invoking, images: ImageDeployments, resolveRuntime: @escaping ResolveRuntime,
        prepareRuntime: @escaping PrepareRuntime, logger: Logger
    ) {
        self.database = database
        self.code = code
        self.cache = cache
        self.provisioner = provisioner
        self.snapshots = snapshots
        self.fleet = fleet
        self.images = images
        self.resolveRuntime = resolveRuntime
        self.prepareRuntime = prepareRuntime
        self.logger = logger
        (wakeups, signal) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
    }

    /// There is something to do. Called after the commit that says so.
    func wake() { signal.yield() }

    /// Works until the task is cancelled. Runs at most once.
    func run() async {
        await restore()
        await provision()
        wake()
        await withDiscardingTaskGroup { group in
            group.addTask {
                await self.restoreImages()
                await self.images.run { self.wake() }
            }
            group.addTask { await self.snapshots.run() }
            let clock = ContinuousClock()
            var alarm: ContinuousClock.Instant?
            var retryDelay = Self.retryDelay
            for await _ in wakeups {
                let delay: Duration
                switch await pass() {
                case .done:
                    retryDelay = Self.retryDelay
                    continue
                case .later(let duration):
                    retryDelay = Self.retryDelay
                    delay = duration
                case .failed:
                    delay = retryDelay
                    retryDelay = min(retryDelay * 2, Self.retryLimit)
                }
                let due = clock.now.advanced(by: delay)
                if let alarm, alarm > clock.now, alarm <= due { continue }
                alarm = due
                group.addTask {
                    try? await Task.sleep(until: due, clock: clock)
                    self.wake()
                }
            }
            group.cancelAll()
        }
    }

    /// What the runtimes of the functions that serve already need: a new release may need it anew.
    func prepareRuntimes() async throws {
        for runtime in try await database.read({ try FunctionRepository($0).servingRuntimes() }) {
            guard let failure = await prepareRuntime(runtime) else { continue }
            logger.error("A runtime cannot be used", metadata: ["runtime": "\(runtime)", "reason": "\(failure)"])
        }
    }

    /// Unpacks what should be there and is not: the zip files are the truth.
    private func restore() async {
        do {
            for code in try await database.read({ try FunctionRepository($0).servingCode() }) {
                try await self.code.unpack(code)
            }
            for (name, layers) in try await database.read({ try FunctionRepository($0).layerTrees() }) {
                try await code.merge(layers, as: name)
            }
        } catch {
            logger.error("Could not check the functions' code", metadata: ["error": "\(error)"])
        }
    }

    private func provision() async {
        do {
            try await provisioner.applyAll()
        } catch {
            logger.error("Could not read the provisioned concurrency", metadata: ["error": "\(error)"])
        }
    }

    /// Images are fetched again from where they came; the trees are all that is kept of them.
    private func restoreImages() async {
        let serving = try? await database.read { try FunctionRepository($0).servingImages() }
        for image in serving ?? [] {
            guard let error = await images.fetch(image) else { continue }
            logger.error("Could not restore an image", metadata: ["image": "\(image.uri)", "error": "\(error)"])
        }
    }

    /// Does everything that is owed now.
    func pass() async -> Outcome {
        do {
            let owed = try await database.read { try FunctionRepository($0).unfinished() }
            let isDone = await deploy(owed)
            let due = try await code.collect { code in
                try await self.database.read { try FunctionRepository($0).refers(toCode: code) }
            }
            return isDone ? due.map(Outcome.later) ?? .done : .failed
        } catch {
            logger.error("The functions' worker could not use the store", metadata: ["error": "\(error)"])
            return .failed
        }
    }

    /// - Returns: Whether none is owed any more.
    private func deploy(_ owed: [FunctionKey]) async -> Bool {
        await withTaskGroup { group in
            var rest = owed[...]
            var isDone = true
            for key in rest.prefix(Self.width) { group.addTask { await self.deploy(key) } }
            rest = rest.dropFirst(Self.width)
            while let succeeded = await group.next() {
                isDone = isDone && succeeded
                if let key = rest.popFirst() { group.addTask { await self.deploy(key) } }
            }
            return isDone
        }
    }

    /// - Returns: Whether the outcome is in the store.
    private func deploy(_ key: FunctionKey) async -> Bool {
        do {
            guard let record = try await database.read({ try FunctionRepository($0).find(key) }), record.isUnfinished
            else { return true }
            let failure: StateReason?
            switch await prepare(record) {
            case .inPlace: failure = nil
            case .failed(let reason): failure = reason
            case .later: return true
            }
            // A runtime that was not waited for is no failure: the next process goes on with it.
            if Task.isCancelled { return false }
            let deployed = try await database.write { connection -> FunctionRecord? in
                let functions = FunctionRepository(connection)
                guard var current = try functions.find(key), current.isUnfinished,
                    current.settings.deployment == record.settings.deployment
                else { return nil }
                if let failure {
                    current.notDeployed(failure, revisionID: RequestID.make())
                } else {
                    current.deployed(revisionID: RequestID.make())
                }
                try functions.save(current)
                try functions.settleVersions(of: current, failure: failure)
                return current
            }
            guard let deployed else { return true }
            cache.invalidate(key)
            if case .ready(let version)? = try await cache.load(FunctionTarget(key))?.choose().readiness {
                fleet.expect(version)
            }
            try await provisioner.reapply(key)
            if deployed.settings.isSnapStart { snapshots.wake() }
            if let previous = record.serving, previous != deployed.serving { await code.discard(previous) }
            if failure == nil {
                fleet.retire(
                    account: key.account, region: key.region, name: key.name, version: Version.latest,
                    except: deployed.settings.deployment)
            } else {
                await code.discard(record.settings)
            }
            return true
        } catch {
            logger.error(
                "Could not finish the deployment of a function",
                metadata: ["function": "\(key.arn)", "error": "\(error)"])
            return false
        }
    }

    private enum Preparation {
        case inPlace
        case failed(StateReason)
        /// This worker will be woken when that is known.
        case later
    }

    /// Puts everything in place that the settings need.
    private func prepare(_ record: FunctionRecord) async -> Preparation {
        if let image = record.settings.image {
            switch images.outcome(of: record.settings.deployment, image) {
            case .unknown: return .later
            case .inPlace: return .inPlace
            case .failed(let error):
                logger.error(
                    "Could not put a function's image in place",
                    metadata: ["function": "\(record.arn)", "image": "\(image.uri)", "error": "\(error)"])
                return StateReason(error).map(Preparation.failed) ?? .later
            }
        }
        do {
            try await code.unpack(record.settings.code)
            if let layers = record.settings.layers, let tree = record.settings.opt {
                try await code.merge(layers.map(\.code), as: tree)
            }
            if let problem = try await powerShellProblem(record.settings) {
                return .failed(StateReason(code: "InvalidRuntime", text: problem))
            }
        } catch {
            logger.error(
                "Could not unpack a function's code", metadata: ["function": "\(record.arn)", "error": "\(error)"])
            return .failed(StateReason(code: "InternalError", text: "The function's code could not be put in place."))
        }
        let problem = await prepareRuntime(record.settings.runtime)
        return problem.map { .failed(StateReason(code: "InvalidRuntime", text: $0)) } ?? .inPlace
    }

    /// Why a function whose handler is one of PowerShell's cannot run: it brings no executable, and there is no `pwsh`.
    private func powerShellProblem(_ settings: FunctionSettings) async throws -> String? {
        guard PowerShellHandler(settings.handler) != nil, let runtime = try? resolveRuntime(settings.runtime),
            runtime.lacksPowerShell
        else { return nil }
        for tree in [settings.code, settings.opt].compactMap({ $0 }) {
            if try await code.contains("bootstrap", in: tree) { return nil }
        }
        return "The handler \(settings.handler) needs a bootstrap or PowerShell (pwsh), which is not installed on this "
            + "machine."
    }
}
