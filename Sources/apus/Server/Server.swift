import AWSWire
import Fleet
import Gateway
import Glibc
import LambdaService
import Linux
import Logging
import LogsService
import NIOCore
import NIOPosix
import Runtimes
import Sandbox
import ServiceLifecycle
import Storage

/// The one place where everything is put together.
enum Server {
    /// Serves until SIGTERM or SIGINT.
    ///
    /// The order is the security design: what needs root (finding runtimes in anybody's home, the launcher) comes first, then
    /// root is given up for good, and only then are sockets and databases opened.
    static func run(_ settings: ServerSettings) async throws {
        let logger = makeLogger(settings)
        signal(SIGPIPE, SIG_IGN)
        let directory = try DataDirectory(opening: settings.data)
        let identity = try Privileges.identity(user: settings.user, dataDirectory: directory.path)
        for name in ["blobs", "code", "runtime"] { mkdir("\(directory.path)/\(name)", 0o700) }

        let catalogue = try discover(settings, directory: directory.path)
        let launcher = try await startLauncher(settings, roots: catalogue.roots, directory: directory.path)
        if let identity {
            try Privileges.give(directory.path, to: identity)
            try Privileges.drop(to: identity)
        }

        let parts = try await assemble(settings, directory: directory.path, catalogue: catalogue, launcher: launcher, logger: logger)
        let group = ServiceGroup(
            configuration: ServiceGroupConfiguration(
                services: parts.services.map { .init(service: $0) },
                gracefulShutdownSignals: [.sigterm, .sigint],
                logger: logger))
        try await group.run()
        launcher.stop()
        _ = directory.path  // the lock is held to here
    }

    // MARK: Steps

    private static func discover(_ settings: ServerSettings, directory: String) throws -> RuntimeCatalogue {
        let files = try RuntimeFiles.install(into: "\(directory)/runtime")
        return RuntimeCatalogue.discover(
            Discovery(environment: Variables.current, cacheFile: "\(directory)/runtime/interpreters"),
            roots: RootBuilder(files: files),
            substitution: settings.strictRuntimes ? .refused : .nearest)
    }

    private static func startLauncher(_ settings: ServerSettings, roots: [RootTemplate], directory: String) async throws
        -> LauncherClient
    {
        let path = LauncherClient.path(besides: "/proc/self/exe")
        guard access(path, X_OK) == 0 else { throw ServerError.noLauncher(path: path) }
        let configuration = LauncherConfiguration(
            roots: roots, codeDirectory: "\(directory)/code", runDirectory: "\(directory)/run",
            accepted: Array(settings.accepted), endpointPort: 4566)
        let launcher = try LauncherClient(executable: path, configuration: configuration)
        let unaccepted = launcher.readiness.weaknesses.filter { !settings.accepted.contains($0) }
        guard unaccepted.isEmpty else {
            launcher.stop()
            throw ServerError.weaknesses(unaccepted, notes: launcher.readiness.notes)
        }
        return launcher
    }

    private struct Parts {
        var services: [any ServiceLifecycle.Service]
    }

    private static func assemble(
        _ settings: ServerSettings, directory: String, catalogue: RuntimeCatalogue, launcher: LauncherClient, logger: Logger
    ) async throws -> Parts {
        let loops = MultiThreadedEventLoopGroup.singleton
        let key = try rootKey(settings, directory: directory)
        let keys = KeyStore(keys: [(account: key.account, credentials: key.credentials)])

        let logs = try LogsService(
            database: SQLiteDatabase(
                path: "\(directory)/logs.db", durability: .relaxed, migrations: LogsService.migrations),
            retentionDays: settings.logRetentionDays, logger: logger)

        var fleetConfiguration = FleetConfiguration()
        fleetConfiguration.accountConcurrency = settings.concurrency
        fleetConfiguration.idleTimeout = settings.idleTimeout
        fleetConfiguration.endpointURL = launcher.endpointURL
        let fleet = Fleet(
            configuration: fleetConfiguration, sandboxing: launcher, logs: logs.store,
            credentials: EnvironmentKeys(keys: keys), eventLoopGroup: loops, logger: logger)

        let functions = try LambdaService(
            configuration: LambdaService.Configuration(codeDirectory: "\(directory)/code"),
            database: SQLiteDatabase(
                path: "\(directory)/apus.db", durability: .durable, migrations: LambdaService.migrations),
            blobs: BlobStore(directory: "\(directory)/blobs"), fleet: fleet,
            concurrency: ConcurrencyLimits(),
            resolveRuntime: catalogue.resolve,
            codeLocation: CodeDownloads.location(signedBy: key.credentials), logger: logger)
        try await functions.prepare()

        let gateway = Gateway(
            services: [functions, logs], keys: keys,
            configuration: gatewayConfiguration(settings, launcher: launcher, functions: functions), logger: logger,
            group: loops)
        let address = try await gateway.start()
        try key.write(listeningAt: address, settings: settings, in: directory)
        return Parts(services: [logs, functions, fleet, gateway])
    }
}
