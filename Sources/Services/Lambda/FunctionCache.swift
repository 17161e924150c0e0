import Fleet
import Metrics
import Policies
import Runtimes
import Storage
import Synchronization

/// One version as an invocation needs it.
struct ResolvedVersion: Sendable {
    enum Readiness: Sendable {
        case ready(FunctionVersion)
        /// Nothing has been deployed yet; the word is the function's `State`.
        case unfit(state: String)
        /// A published version is being initialised for SnapStart.
        case initialising
        /// The function's runtime cannot be run on this machine; the text says why.
        case withoutRuntime(String)
        /// The environment variables cannot be decrypted.
        case undecipherable
    }

    /// `$LATEST` or a number: the answer's `X-Amz-Executed-Version`.
    let version: String
    let readiness: Readiness
    /// Whether invocations are sampled where the caller leaves that open.
    let isTraced: Bool
    /// The execution role, as which its outcomes are told.
    let roleARN: String
    /// Where events go that could not be processed; nil: nowhere.
    let deadLetterARN: String?
    /// What its invocations count for; nil where it was not resolved to be invoked.
    var meters: InvocationMeters?

    init(_ record: FunctionRecord, resolveRuntime: ResolveRuntime, variablesKey: SealingKey) {
        version = record.version
        isTraced = record.serving?.options?.isTraced == true
        roleARN = record.settings.roleARN
        deadLetterARN = record.serving?.options?.deadLetterARN
        guard let settings = record.serving else {
            switch record.state {
            case .pending: readiness = record.isSnapStart ? .initialising : .unfit(state: "Pending")
            default: readiness = .unfit(state: "Failed")
            }
            return
        }
        let variables: [String: String]
        do throws(SealingKey.Failure) {
            variables = try settings.openVariables(with: variablesKey, for: record.key) ?? [:]
        } catch {
            readiness = .undecipherable
            return
        }
        do throws(RuntimeUnavailable) {
            let runtime =
                if let image = settings.image { image.runtime } else {
                    try resolveRuntime(settings.runtime).serving(settings.handler)
                }
            readiness = .ready(
                FunctionVersion(
                    key: FunctionVersion.Key(
                        account: record.key.account, region: record.key.region, name: record.key.name,
                        version: record.version, revision: settings.deployment),
                    runtime: runtime, code: settings.code, layers: settings.opt,
                    fileSystem: settings.options?.fileSystem?.forFleet, handler: settings.handler,
                    memoryMiB: settings.memoryMiB,
                    timeout: .seconds(settings.timeoutSeconds), temporaryStorageMiB: settings.ephemeralStorageMiB,
                    variables: variables, roleARN: settings.roleARN, logGroup: settings.logGroup,
                    logging: settings.options?.functionLogging ?? FunctionLogging(), isTraced: isTraced,
                    isSnapStart: record.isSnapStart))
        } catch {
            readiness = .withoutRuntime(error.description)
        }
    }
}

/// What an invocation needs to know of a qualified function, made once for each of its revisions.
final class ResolvedFunction: Sendable {
    /// The ARN without a qualifier.
    let arn: String
    private let primary: ResolvedVersion
    /// A share of the invocations, from 0 to 1, that another version gets.
    private let other: (version: ResolvedVersion, weight: Double)?
    private let resource: ProtectedResource
    /// Its tags, as conditions of policies see them.
    let tags: AccessContext
    /// The id of its function URL.
    let urlID: String?
    /// Which of the functions that have had its name, as ``FunctionRecord/creation`` says.
    let creation: Int64
    /// How asynchronous invocations by this qualifier are treated; nil: by AWS's defaults.
    let eventInvokeConfig: EventInvokeConfig?
    /// Whether invocations that are part of a loop are stopped.
    let stopsLoops: Bool
    /// Whether no concurrency at all is reserved: nothing runs.
    let isStopped: Bool
    /// What happens to it beside its invocations.
    let meters: LambdaMeters

    init(
        _ target: FunctionTarget, primary: ResolvedVersion, other: (version: ResolvedVersion, weight: Double)? = nil,
        policy: CompiledPolicy? = nil, tags: [String: String] = [:], urlID: String? = nil,
        eventInvokeConfig: EventInvokeConfig? = nil, stopsLoops: Bool = true, isStopped: Bool = false,
        creation: Int64 = 0, meters: LambdaMeters
    ) {
        self.creation = creation
        self.meters = meters
        self.eventInvokeConfig = eventInvokeConfig
        self.stopsLoops = stopsLoops
        self.isStopped = isStopped
        arn = target.key.arn
        self.primary = primary
        self.other = other
        resource = ProtectedResource(
            target.isLatest ? arn : target.arn, account: target.key.account, policy: policy)
        self.tags = AccessContext(
            Dictionary(uniqueKeysWithValues: tags.map { ("aws:ResourceTag/\($0.key)", [$0.value]) }))
        self.urlID = urlID
    }

    /// Whom the owner has let in; nil when nobody.
    var policy: CompiledPolicy? { resource.policy }

    /// What policies decide on, as a caller names it: `$LATEST` and no qualifier are the same, but for the ARN.
    func resource(as target: FunctionTarget) -> ProtectedResource {
        guard target.qualifier == Version.latest else { return resource }
        var resource = resource
        resource.arn = target.arn
        return resource
    }

    /// Whether it will be ready by itself: whoever hears of that may invoke it before ``FunctionCache/invalidate(_:)``.
    var isPending: Bool {
        if case .unfit(state: "Pending") = primary.readiness { true } else { false }
    }

    /// The version that runs the next invocation: an alias with weights draws it anew each time.
    func choose() -> ResolvedVersion {
        guard let other else { return primary }
        return Double.random(in: 0..<1) < other.weight ? other.version : primary
    }
}

/// Resolved functions in memory, so that an invocation reads neither SQL nor files.
///
/// Whoever changes a function, one of its versions or aliases calls ``invalidate(_:)`` after the commit and before the
/// acknowledgement. Unknown functions are not kept: the cache is as large as the set of functions that exist and are
/// invoked.
final class FunctionCache: Sendable {
    private struct Entry {
        var latest: ResolvedFunction?
        /// By the qualifier, `$LATEST` excepted.
        var others: [String: ResolvedFunction] = [:]
    }
    private struct State {
        var functions: [FunctionKey: Entry] = [:]
        /// Grows with every invalidation: what was read before one must not be kept after it.
        var epoch = 0
    }

    private let state = Mutex(State())
    private let database: any Database
    private let resolveRuntime: ResolveRuntime
    private let variablesKey: SealingKey
    private let meters: Meters
    private let clock: @Sendable () -> Int64

    init(
        database: any Database, resolveRuntime: @escaping ResolveRuntime, variablesKey: SealingKey, meters: Meters,
        clock: @escaping @Sendable () -> Int64
    ) {
        self.meters = meters
        self.clock = clock
        self.database = database
        self.resolveRuntime = resolveRuntime
        self.variablesKey = variablesKey
    }

    /// What is in memory; nil says nothing about whether there is such a function.
    func lookup(_ target: FunctionTarget) -> ResolvedFunction? {
        state.withLock { state in
            if target.isLatest { return state.functions[target.key]?.latest }
            return target.qualifier.flatMap { state.functions[target.key]?.others[$0] }
        }
    }

    /// Reads the function from the store and keeps it, unless it is pending.
    ///
    /// - Returns: nil when there is no such function, version or alias.
    func load(_ target: FunctionTarget) async throws -> ResolvedFunction? {
        let epoch = state.withLock { $0.epoch }
        let make: MakeVersion = { [resolveRuntime, variablesKey] record in
            ResolvedVersion(record, resolveRuntime: resolveRuntime, variablesKey: variablesKey)
        }
        let found = try await database.read { [meters, clock] connection in
            try Self.resolve(target, FunctionRepository(connection), make, meters, clock)
        }
        guard let found else { return nil }
        state.withLock { state in
            guard state.epoch == epoch, !found.isPending else { return }
            if target.isLatest {
                state.functions[target.key, default: Entry()].latest = found
            } else if let qualifier = target.qualifier {
                state.functions[target.key, default: Entry()].others[qualifier] = found
            }
        }
        return found
    }

    private typealias MakeVersion = @Sendable (FunctionRecord) -> ResolvedVersion

    private static func resolve(
        _ target: FunctionTarget, _ functions: FunctionRepository, _ make: MakeVersion, _ meters: Meters,
        _ clock: @escaping @Sendable () -> Int64
    ) throws -> ResolvedFunction? {
        func version(_ name: String) throws -> ResolvedVersion? {
            try functions.find(target.key, version: name).map(make)
        }
        let policy = try functions.policy(target).map { CompiledPolicy(try $0.document()) }
        let function = try functions.find(target.key)
        let urlID = try functions.url(target)?.id
        let config = try functions.attached(
            EventInvokeConfig.self, to: target.key, qualifier: target.qualifier ?? Version.latest)
        let recursion = try functions.attached(FunctionRecursion.self, to: target.key)
        func metered(_ version: ResolvedVersion) -> ResolvedVersion {
            var version = version
            let isAlias = !target.isLatest && target.qualifier != version.version
            version.meters = InvocationMeters(
                target.series(executed: isAlias ? version.version : nil), meters: meters, clock: clock)
            return version
        }
        func resolved(
            _ primary: ResolvedVersion, _ other: (version: ResolvedVersion, weight: Double)? = nil
        ) -> ResolvedFunction {
            ResolvedFunction(
                target, primary: metered(primary), other: other.map { (metered($0.version), $0.weight) },
                policy: policy, tags: function?.tags ?? [:], urlID: urlID,
                eventInvokeConfig: config, stopsLoops: recursion?.isAllowed != true,
                isStopped: function?.reservedConcurrency == 0, creation: function?.creation ?? 0,
                meters: LambdaMeters(target.series(), meters: meters, clock: clock))
        }
        guard let qualifier = target.qualifier, let alias = try functions.alias(qualifier, of: target.key) else {
            return try version(target.qualifier ?? Version.latest).map { resolved($0) }
        }
        guard let primary = try version(alias.version) else { return nil }
        guard let (name, weight) = alias.weights.first, let other = try version(name) else { return resolved(primary) }
        return resolved(primary, (other, weight))
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

extension FunctionTarget {
    /// What its metrics are: the function itself stands for `$LATEST`, too.
    fileprivate func series(executed: String? = nil) -> LambdaSeries {
        LambdaSeries(
            account: key.account, region: key.region, function: key.name, qualifier: isLatest ? nil : qualifier,
            executed: executed)
    }
}
