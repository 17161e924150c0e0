import AWSWire
import CloudTrailService
import CloudWatchService
import Delivery
import EventsService
import Fleet
import Gateway
import Glibc
import IAMService
import Identity
import Images
import LambdaService
import Linux
import Logging
import LogsService
import Metrics
import NIOCore
import NIOPosix
import Runtimes
import Sandbox
import SchedulerService
import ServiceLifecycle
import Signing
import SNSService
import SQSService
import STSService
import Storage
import UnixSignals
import XRayService

/// The one place where everything is put together.
enum Server {
    /// Where functions reach the server, inside their own network: always the port that tools know.
    private static let functionsPort: UInt16 = 4566

    /// Serves until SIGTERM or SIGINT.
    ///
    /// The order is the security design: what needs root (finding runtimes in anybody's home, the launcher) comes
    /// first, then root is given up for good, and only then are sockets and databases opened.
    static func run(_ settings: ServerSettings) async throws {
        let logger = makeLogger(settings)
        signal(SIGPIPE, SIG_IGN)
        // The other half of the processors is the functions'. And the fewer loops there are, the more often the one
        // that has an invocation is the one that has its environment.
        NIOSingletons.groupLoopCountSuggestion = max(1, System.coreCount / 2)
        raiseDescriptorLimit()
        let directory = try DataDirectory(opening: settings.data)
        let identity = try Privileges.identity(user: settings.user, dataDirectory: directory.path)
        for name in ["blobs", "code", "images", "runtime", "run"] { mkdir("\(directory.path)/\(name)", 0o700) }
        // Functions look into this one.
        mkdir("\(directory.path)/compiled", 0o755)
        mkdir("\(directory.path)/\(DataDirectory.signingProfiles)", 0o755)

        let catalogue = try discover(settings, directory: directory.path)
        let launcher = try await startLauncher(settings, roots: catalogue.roots, directory: directory.path)
        if let identity {
            try Privileges.give(directory.path, to: identity)
            try Privileges.drop(to: identity)
        }

        let services = try await assemble(
            settings, directory: directory.path, catalogue: catalogue, launcher: launcher, logger: logger)
        // Shut down in the reverse order: first the door, at last what the others still write to.
        let group = ServiceGroup(
            configuration: ServiceGroupConfiguration(
                services: services.map { .init(service: $0) }, gracefulShutdownSignals: [.sigterm, .sigint],
                logger: logger))
        try await group.run()
        await withCheckedContinuation { done in launcher.shutdown { done.resume() } }
        directory.unlock()
    }

    // MARK: Steps

    private static func discover(_ settings: ServerSettings, directory: String) throws -> RuntimeCatalogue {
        var files = try RuntimeFiles.install(into: "\(directory)/runtime")
        files.compiled = "\(directory)/compiled"
        return RuntimeCatalogue.discover(
            Discovery(
                environment: Variables.current, cacheFile: "\(directory)/runtime/interpreters",
                installed: "\(directory)/\(DataDirectory.runtimes)"),
            files: files,
            substitution: settings.strictRuntimes ? .refused : .nearest)
    }

    private static func startLauncher(_ settings: ServerSettings, roots: [RootTemplate], directory: String) async throws
        -> LauncherClient
    {
        let path = LauncherClient.defaultExecutable()
        guard access(path, X_OK) == 0 else { throw ServerError.noLauncher(path: path) }
        let launcher: LauncherClient
        do {
            launcher = try await LauncherClient.launch(
                configuration: LauncherConfiguration(
                    roots: roots, codeDirectory: "\(directory)/code", fileSystems: settings.fileSystems,
                    runDirectory: "\(directory)/run", accepted: settings.accepted.sorted { $0.rawValue < $1.rawValue },
                    endpointPort: functionsPort))
        } catch let error as SandboxError {
            throw ServerError.launcher(error)
        }
        let unaccepted = launcher.readiness.weaknesses.filter { !settings.accepted.contains($0) }
        guard unaccepted.isEmpty else {
            launcher.shutdown()
            throw ServerError.weaknesses(unaccepted, notes: launcher.readiness.notes)
        }
        return launcher
    }

    private static func assemble(
        _ settings: ServerSettings, directory: String, catalogue: RuntimeCatalogue, launcher: LauncherClient,
        logger: Logger
    ) async throws -> [any ServiceLifecycle.Service] {
        let loops = MultiThreadedEventLoopGroup.singleton
        let key = try RootKey(in: directory, account: settings.account)
        let sealing = try SealingKey(file: "\(directory)/variables.key")
        let stores = try Stores(in: directory)
        let events = stores.events
        let meters = Meters()
        let delivery = Delivery()
        let outbox = Outbox(database: events, delivery: delivery, clock: WallClock.milliseconds, logger: logger)
        let identities = IAMService(
            database: stores.configuration, sealing: sealing,
            authorization: try authorization(settings, directory, logger),
            logger: logger)
        try await identities.prepare()
        try await identities.prepareRole(in: settings.account)
        let authorizer = identities.authorizer
        let tokens = SessionTokens(key: sealing)
        let sessions = STSService(
            authorizer: authorizer, tokens: tokens, web: WebFetcher(), logger: logger)
        let keys = KeyStore(
            keys: [(account: key.account, credentials: key.credentials)], directory: identities.directory,
            tokens: tokens)

        let logs = try LogsService(
            database: stores.logs, delivery: delivery, retentionDays: settings.logRetentionDays,
            authorizer: authorizer, logger: logger)
        let traces = XRayService(database: stores.traces, authorizer: authorizer, logger: logger)

        let messages = SQSService(
            database: events, authorizer: authorizer, clock: LoopClock(loops.next()), meters: meters, logger: logger)
        try await messages.prepare()
        delivery.register(messages, for: "sqs")
        meters.add(messages)

        let audit = CloudTrailService(
            configuration: Self.audit(settings, directory: directory), database: stores.audit, authorizer: authorizer,
            logger: logger)

        let quotas = quotas(settings)
        let functionsEndpoint =
            launcher.endpointListener < 0 ? nil : "http://\(launcher.readiness.endpointAddress):\(functionsPort)"
        let fleet = Fleet(
            configuration: Self.fleet(settings, quotas, endpointURL: functionsEndpoint), sandboxing: launcher,
            logs: logs.store, traces: traces.store,
            credentials: EnvironmentKeys(keys: keys),
            eventLoopGroup: loops, meters: meters, logger: logger)

        let functions = LambdaService(
            configuration: try Self.functions(settings, quotas, directory: directory, sealing: sealing),
            database: stores.configuration, events: events, outbox: outbox,
            blobs: try BlobStore(directory: "\(directory)/blobs"), fleet: fleet, eventLoops: loops,
            setReservedConcurrency: fleet.setReservedConcurrency, resolveRuntime: catalogue.resolve,
            prepareRuntime: catalogue.prepare,
            codeLocation: CodeDownloads.location(signedBy: key.credentials, region: settings.region),
            images: HostImages(
                ImageConfiguration(
                    layouts: settings.images, scratch: "\(directory)/code", registries: settings.registries,
                    credentials: settings.registryCredentials),
                logger: logger),
            authorizer: authorizer, meters: meters, logger: logger)
        try await functions.prepare()
        delivery.register(functions, for: "lambda")

        delivery.register(
            MailTarget(directory: "\(directory)/\(DataDirectory.mail)", clock: WallClock.milliseconds), for: "mailto")
        let notifications = SNSService(
            database: events, outbox: outbox, delivery: delivery, authorizer: authorizer, sealing: sealing,
            functionsEndpoint: functionsEndpoint, meters: meters, logger: logger)
        let web = notifications.paced(
            WebTarget(web: EndpointPoster(allows: settings.privateEndpoints ? nil : PublicAddress.includes)))
        delivery.register(web, for: "http")
        delivery.register(web, for: "https")
        let timetable = Timetable(database: events, outbox: outbox, logger: logger)
        let bridge = EventsService(
            database: events, outbox: outbox, timetable: timetable, delivery: delivery, authorizer: authorizer,
            meters: meters, logger: logger)

        let metrics = CloudWatchService(
            database: stores.metrics, events: events, outbox: outbox, authorizer: authorizer, logger: logger)
        meters.add(metrics.samples)
        logs.measure(into: metrics.samples)
        logs.count(with: meters)

        let schedules = SchedulerService(
            database: events, timetable: timetable, outbox: outbox, authorizer: authorizer, meters: meters,
            logger: logger)

        var front = GatewayConfiguration(
            host: settings.host, port: settings.port,
            functionListeners: launcher.endpointListener < 0 ? [] : [launcher.endpointListener],
            authentication: settings.authentication == .on ? .on : .off, account: settings.account,
            region: settings.region, limits: connectionLimits(settings, logger), audit: audit.trail,
            routes: [CodeDownloads.route(functions), SigningCertificates.route(notifications)]
                + FunctionURLRoutes.all(functions),
            version: Version.current)
        front.alsoReset = [timetable.reset, outbox.reset]
        let totals = FunctionTotals()
        meters.add(totals)
        front.alsoReset.append {
            meters.discard()
            totals.reset()
        }
        let page = MetricsPage(
            meters: meters, totals: totals, fleet: fleet, functions: functions, queues: messages, outbox: outbox,
            stores: [("apus", stores.configuration), ("events", events)], start: WallClock.secondsSince1970,
            version: Version.current, logger: logger)
        front.metrics = page.text
        let gateway = Gateway(
            services: [
                functions, identities, sessions, logs, traces, audit, messages, notifications, bridge, metrics,
                schedules,
            ],
            keys: keys,
            configuration: front,
            logger: logger, group: loops)
        let address = try await gateway.start()
        let endpoint = endpoint(settings.host, port: address.port ?? settings.port)
        notifications.listens(at: endpoint)
        try key.write(endpoint: endpoint, region: settings.region, in: directory)
        return [
            // Logs end before metrics do: the last of them may be measured.
            metrics, meters, logs, traces, audit, identities, messages, EventsWorker(functions: functions), fleet,
            FunctionsWorker(functions: functions), outbox, bridge, timetable, gateway, messages.polling, logs.tailing,
        ]
    }

    private static func authorization(
        _ settings: ServerSettings, _ directory: String, _ logger: Logger
    ) throws -> Authorizer.Mode {
        switch settings.authorization {
        case .enforce: .enforcing
        case .permissive: .permissive(try DenialFile(in: directory, logger: logger))
        case .off: .off
        }
    }

    /// The URL by which clients on this machine reach the listener.
    private static func endpoint(_ host: String, port: Int) -> String {
        switch host {
        case "0.0.0.0": "http://127.0.0.1:\(port)"
        case "::": "http://[::1]:\(port)"
        case let host where host.contains(":"): "http://[\(host)]:\(port)"
        case let host: "http://\(host):\(port)"
        }
    }

    /// Connections and sandboxes, four descriptors each, count against a limit that shells set low.
    private static func raiseDescriptorLimit() {
        var limit = rlimit()
        guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return }
        limit.rlim_cur = limit.rlim_max
        setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
    }

    private static func connectionLimits(_ settings: ServerSettings, _ logger: Logger) -> GatewayLimits {
        var limits = GatewayLimits()
        var descriptors = rlimit()
        let isKnown = getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &descriptors) == 0
        limits.connections = connections(
            asked: settings.connections, usual: limits.connections,
            descriptors: isKnown ? Int(clamping: descriptors.rlim_cur) : .max, logger)
        return limits
    }

    /// Connections take three of four descriptors at most. Whoever asked for more of them is told.
    static func connections(asked: Int?, usual: Int, descriptors: Int, _ logger: Logger) -> Int {
        let connections = min(asked ?? usual, descriptors / 4 * 3)
        if let asked, connections < asked {
            logger.warning(
                "the limit of descriptors allows fewer connections", metadata: ["connections": "\(connections)"])
        }
        return connections
    }

    private static func makeLogger(_ settings: ServerSettings) -> Logger {
        LoggingSystem.bootstrap { StreamLogHandler.standardError(label: $0) }
        var logger = Logger(label: "apus")
        logger.logLevel = settings.logLevel
        return logger
    }
}
