package import AWSWire
package import Delivery
package import Fleet
package import Identity
package import Images
import LambdaModel
package import Logging
package import Metrics
package import NIOCore
package import Signing
package import Storage

/// AWS Lambda's API (2015-03-31): functions and their invocation.
///
/// Made before the server listens; ``prepare()`` is awaited next, then ``run()`` goes on as long as the server does.
package final class LambdaService: Service {
    package struct Configuration: Sendable {
        /// An absolute path; the launcher's code directory. Made when there is none (its parents are not).
        package var codeDirectory: String
        package var quotas = Quotas()
        /// How long unpacked code outlives its function, for the environments that still run it: longer than the
        /// longest invocation.
        package var codeGrace = Duration.seconds(960)

        /// Encrypts environment variables at rest.
        package var variablesKey: SealingKey
        /// The name of this process among those that share the queue of asynchronous invocations; the same after a
        /// restart.
        package var node = "node"
        /// Milliseconds since 1970.
        package var clock: @Sendable () -> Int64 = WallClock.milliseconds
        /// The ids of the access points that functions may have as file systems.
        package var accessPoints: Set<String> = []
        /// Who says which packages are signed; nil: none is.
        package var signing: SigningAuthority?

        package init(codeDirectory: String, variablesKey: SealingKey) {
            self.codeDirectory = codeDirectory
            self.variablesKey = variablesKey
        }
    }

    package static let migrations =
        FunctionRepository.migrations + LayerRepository.migrations + CodeSigningRepository.migrations

    /// Of the database of events.
    package static let eventMigrations = AsyncEventTable.migrations

    package let signingName = "lambda"
    package let wireProtocol = WireProtocol.restJSON

    let configuration: Configuration
    let database: any Database
    let code: CodeStore
    let cache: FunctionCache
    let fleet: any Invoking
    let setReservedConcurrency: SetReservedConcurrency
    let provisioner: Provisioner
    let snapshots: Snapshots
    let deployer: Deployer
    let validation: Validation
    let resolveRuntime: ResolveRuntime
    let codeLocation: CodeLocation
    let images: any ImageSource
    let authorizer: Authorizer
    let logger: Logger
    let urls = FunctionURLDirectory()
    let invoke: Invoke
    let queue: AsyncQueue
    let eventLoops: any EventLoopGroup

    var quotas: Quotas { configuration.quotas }

    /// The URL from which the zip file of SHA-256 `code` (hex) downloads, for whoever has it, for some minutes.
    package typealias CodeLocation = @Sendable (_ code: String, _ account: AccountID, _ endpoint: String) -> String

    /// - Parameters:
    ///   - database: Knows ``migrations``.
    ///   - events: Knows ``eventMigrations``: asynchronous invocations, and the outbox that their outcomes go to.
    ///   - eventLoops: Where asynchronous invocations are dispatched.
    ///   - setReservedConcurrency: Called in the order of the commits, on the store's thread: it must not block.
    ///   - codeLocation: Signs download URLs, whose requests ``zipFile(_:account:)`` answers.
    package init(
        configuration: Configuration, database: any Database, events: any Database, outbox: Outbox, blobs: BlobStore,
        fleet: any Invoking, eventLoops: any EventLoopGroup,
        setReservedConcurrency: @escaping SetReservedConcurrency, resolveRuntime: @escaping ResolveRuntime,
        prepareRuntime: @escaping PrepareRuntime = { _ in nil }, codeLocation: @escaping CodeLocation,
        images: any ImageSource, authorizer: Authorizer, meters: Meters = Meters(), logger: Logger
    ) {
        self.configuration = configuration
        self.database = database
        self.fleet = fleet
        self.setReservedConcurrency = setReservedConcurrency
        self.resolveRuntime = resolveRuntime
        self.codeLocation = codeLocation
        self.images = images
        self.authorizer = authorizer
        self.logger = logger
        validation = Validation(quotas: configuration.quotas, resolveRuntime: resolveRuntime)
        code = CodeStore(
            blobs: blobs, directory: configuration.codeDirectory, unzippedBytes: configuration.quotas.unzippedCodeBytes,
            grace: configuration.codeGrace)
        cache = FunctionCache(
            database: database, resolveRuntime: resolveRuntime, variablesKey: configuration.variablesKey,
            meters: meters, clock: configuration.clock)
        let resolve = { @Sendable [key = configuration.variablesKey] record in
            ResolvedVersion(record, resolveRuntime: resolveRuntime, variablesKey: key)
        }
        provisioner = Provisioner(database: database, fleet: fleet, resolve: resolve)
        snapshots = Snapshots(database: database, cache: cache, fleet: fleet, resolve: resolve, logger: logger)
        deployer = Deployer(
            database: database, code: code, cache: cache, provisioner: provisioner, snapshots: snapshots, fleet: fleet,
            images: ImageDeployments(source: images, code: code, limit: configuration.quotas.unpackedImageBytes),
            resolveRuntime: resolveRuntime, prepareRuntime: prepareRuntime, logger: logger)
        self.eventLoops = eventLoops
        outbox.register(OutcomeReceipts(meters: meters, clock: configuration.clock), as: OutcomeReceipts.name)
        queue = AsyncQueue(
            database: events,
            attempt: AsyncAttempt(
                cache: cache, fleet: fleet, outcomes: AsyncOutcomes(outbox: outbox), clock: configuration.clock,
                logger: logger),
            node: configuration.node,
            limits: AsyncLanes.Limits(running: max(1_000, configuration.quotas.concurrentExecutions)),
            clock: configuration.clock, eventLoops: eventLoops, logger: logger)
        invoke = Invoke(
            cache: cache, fleet: fleet, quotas: configuration.quotas, authorizer: authorizer, queue: queue)
    }

    /// Before the first request: sweeps what a dead process left half done, tells the fleet what is reserved, and
    /// prepares the runtimes of the functions that there are.
    package func prepare() async throws {
        try await database.write { [key = configuration.variablesKey] connection in
            try FunctionRepository(connection).sealVariables(with: key)
        }
        try await code.reopen()
        try await urls.load(database)
        for (key, executions) in try await database.read({ try FunctionRepository($0).reservations() }) {
            setReservedConcurrency(key.account, key.region, key.name, executions)
        }
        try await deployer.prepareRuntimes()
        try await queue.prepare()
    }

    /// Deploys what was accepted and clears away what nothing refers to, until the task is cancelled. Call it once.
    package func run() async { await deployer.run() }

    /// Runs asynchronous invocations, until the task is cancelled: best after the fleet has ended, so that what runs by
    /// then has its outcome. Call it once.
    package func runEvents() async { await queue.run() }

    /// How many asynchronous invocations have no outcome yet, for metrics.
    package func queuedEvents() async throws -> Int { try await queue.count() }

    /// Has a clock that a test has set be looked at.
    package func wakeEvents() { queue.wake() }

    package func respond(to request: ServiceRequest, on eventLoop: any EventLoop) -> EventLoopFuture<ServiceResponse> {
        if let name = InvokeCall.functionName(of: request) {
            return invoke.respond(to: request, encodedName: name, on: eventLoop)
        }
        if let name = InvokeCall.streamedFunctionName(of: request) {
            return InvokeWithResponseStream(invoke: invoke).respond(to: request, encodedName: name, on: eventLoop)
        }
        let promise = eventLoop.makePromise(of: ServiceResponse.self)
        promise.completeWithTask { try await self.control(request) }
        return promise.futureResult
    }

    package func reset() async throws {
        let keys = try await database.write { connection in
            let functions = FunctionRepository(connection)
            let keys = try functions.keys()
            try functions.deleteAll()
            try LayerRepository(connection).deleteAll()
            try CodeSigningRepository(connection).deleteAll()
            return keys
        }
        cache.invalidateAll()
        urls.removeAll()
        try await queue.removeAll()
        for key in keys {
            setReservedConcurrency(key.account, key.region, key.name, nil)
            fleet.retire(account: key.account, region: key.region, name: key.name, version: nil, except: nil)
            try await provisioner.reapply(key)
        }
        try await code.discardAll()
        deployer.wake()
    }

    /// The path of the zip file of SHA-256 `code` (hex), for the download that ``CodeLocation`` promised.
    ///
    /// - Returns: nil when no function or layer of the account has that code.
    package func zipFile(_ code: String, account: AccountID) async throws -> String? {
        let isOwned = try await database.read {
            try FunctionRepository($0).refers(toCode: code, account: account.digits)
        }
        return isOwned ? self.code.zipFile(code) : nil
    }
}

extension LambdaService {
    private func control(_ request: ServiceRequest) async throws -> ServiceResponse {
        guard let (operation, labels) = Lambda.route(request) else { throw AWSError.unknownOperation }
        let request = try await authorized(request, to: operation, labels)
        switch operation {
        case .createFunction: return try await createFunction(request, labels)
        case .getFunction: return try await getFunction(request, labels)
        case .getFunctionConfiguration: return try await getFunctionConfiguration(request, labels)
        case .getFunctionCodeSigningConfig: return try await getFunctionCodeSigningConfig(request, labels)
        case .addPermission: return try await addPermission(request, labels)
        case .removePermission: return try await removePermission(request, labels)
        case .createFunctionUrlConfig: return try await createFunctionURLConfig(request, labels)
        case .getFunctionUrlConfig: return try await getFunctionURLConfig(request, labels)
        case .updateFunctionUrlConfig: return try await updateFunctionURLConfig(request, labels)
        case .deleteFunctionUrlConfig: return try await deleteFunctionURLConfig(request, labels)
        case .listFunctionUrlConfigs: return try await listFunctionURLConfigs(request, labels)
        case .putFunctionCodeSigningConfig: return try await putFunctionCodeSigningConfig(request, labels)
        case .deleteFunctionCodeSigningConfig: return try await deleteFunctionCodeSigningConfig(request, labels)
        case .createCodeSigningConfig: return try await createCodeSigningConfig(request, labels)
        case .getCodeSigningConfig: return try await getCodeSigningConfig(request, labels)
        case .updateCodeSigningConfig: return try await updateCodeSigningConfig(request, labels)
        case .deleteCodeSigningConfig: return try await deleteCodeSigningConfig(request, labels)
        case .listCodeSigningConfigs: return try await listCodeSigningConfigs(request, labels)
        case .listFunctionsByCodeSigningConfig: return try await listFunctionsByCodeSigningConfig(request, labels)
        case .putFunctionEventInvokeConfig: return try await putFunctionEventInvokeConfig(request, labels)
        case .updateFunctionEventInvokeConfig: return try await updateFunctionEventInvokeConfig(request, labels)
        case .getFunctionEventInvokeConfig: return try await getFunctionEventInvokeConfig(request, labels)
        case .deleteFunctionEventInvokeConfig: return try await deleteFunctionEventInvokeConfig(request, labels)
        case .listFunctionEventInvokeConfigs: return try await listFunctionEventInvokeConfigs(request, labels)
        case .putRuntimeManagementConfig: return try await putRuntimeManagementConfig(request, labels)
        case .getRuntimeManagementConfig: return try await getRuntimeManagementConfig(request, labels)
        case .putFunctionRecursionConfig: return try await putFunctionRecursionConfig(request, labels)
        case .getFunctionRecursionConfig: return try await getFunctionRecursionConfig(request, labels)
        case .putFunctionScalingConfig: return try await putFunctionScalingConfig(request, labels)
        case .getFunctionScalingConfig: return try await getFunctionScalingConfig(request, labels)
        case .getPolicy: return try await getPolicy(request, labels)
        case .listFunctions: return try await listFunctions(request, labels)
        case .listVersionsByFunction: return try await listVersionsByFunction(request, labels)
        case .publishVersion: return try await publishVersion(request, labels)
        case .createAlias: return try await createAlias(request, labels)
        case .getAlias: return try await getAlias(request, labels)
        case .listAliases: return try await listAliases(request, labels)
        case .updateAlias: return try await updateAlias(request, labels)
        case .deleteAlias: return try await deleteAlias(request, labels)
        case .updateFunctionCode: return try await updateFunctionCode(request, labels)
        case .updateFunctionConfiguration: return try await updateFunctionConfiguration(request, labels)
        case .deleteFunction: return try await deleteFunction(request, labels)
        case .putFunctionConcurrency: return try await putFunctionConcurrency(request, labels)
        case .getFunctionConcurrency: return try await getFunctionConcurrency(request, labels)
        case .deleteFunctionConcurrency: return try await deleteFunctionConcurrency(request, labels)
        case .putProvisionedConcurrencyConfig: return try await putProvisionedConcurrencyConfig(request, labels)
        case .getProvisionedConcurrencyConfig: return try await getProvisionedConcurrencyConfig(request, labels)
        case .listProvisionedConcurrencyConfigs: return try await listProvisionedConcurrencyConfigs(request, labels)
        case .deleteProvisionedConcurrencyConfig: return try await deleteProvisionedConcurrencyConfig(request, labels)
        case .tagResource: return try await tagResource(request, labels)
        case .untagResource: return try await untagResource(request, labels)
        case .listTags: return try await listTags(request, labels)
        case .publishLayerVersion: return try await publishLayerVersion(request, labels)
        case .getLayerVersion: return try await getLayerVersion(request, labels)
        case .getLayerVersionByArn: return try await getLayerVersionByArn(request, labels)
        case .listLayers: return try await listLayers(request, labels)
        case .listLayerVersions: return try await listLayerVersions(request, labels)
        case .deleteLayerVersion: return try await deleteLayerVersion(request, labels)
        case .addLayerVersionPermission: return try await addLayerVersionPermission(request, labels)
        case .removeLayerVersionPermission: return try await removeLayerVersionPermission(request, labels)
        case .getLayerVersionPolicy: return try await getLayerVersionPolicy(request, labels)
        case .invokeAsync: return try await invokeAsync(request, labels)
        case .getAccountSettings: return try await getAccountSettings(request)
        default: throw AWSError.notImplemented(operation.rawValue)
        }
    }

    /// Has the caches and the worker see a committed change.
    func changed(_ key: FunctionKey) async throws {
        cache.invalidate(key)
        _ = try await cache.load(FunctionTarget(key))
        deployer.wake()
    }

    /// The function of a request, or the version that it names by number or alias.
    ///
    /// - Throws: `ResourceNotFoundException` with the ARN as the caller qualified it.
    func record(_ target: FunctionTarget) async throws -> FunctionRecord {
        guard let record = try await database.read({ try FunctionRepository($0).find(target) }) else {
            throw AWSError.functionNotFound(target.arn)
        }
        return record
    }
}
