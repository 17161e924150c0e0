import AWSWire
import Configuration
import Glibc
import Images
import Logging
import Sandbox
import SystemPackage

/// Everything that an operator may set, read once at start. Flags go before variables (`APUS_…`), variables before the
/// file (JSON, the same names).
struct ServerSettings: Sendable {
    enum Authentication: String, Sendable {
        case on, off
    }

    /// What becomes of requests that no policy allows.
    enum Authorization: String, Sendable {
        /// They are refused.
        case enforce
        /// They are done and noted.
        case permissive
        /// They are done.
        case off
    }

    var host: String
    var port: Int
    var data: String
    var account: AccountID
    var region: String
    var authentication: Authentication
    var authorization: Authorization
    /// The user that the server becomes when root starts it; nil: the data directory's owner, or a free system id.
    var user: String?
    var accepted: Set<Weakness>
    /// Invocations that may run at once, per account and region.
    var concurrency: Int
    /// Environments that one function may start in ten seconds.
    var burst: Int
    /// Invocations that may come in a second for each that may run at once.
    var requestsPerConcurrency: Int
    /// Connections that may be open at once; nil for as many as descriptors allow of what is usual.
    var connections: Int?
    /// How long an environment may be idle before it ends.
    var idleTimeout: Duration
    /// What environments may hold together, MB; nil for what the machine has room for.
    var memory: Int?
    /// How long an environment is idle before it is frozen; nil: never.
    var freezeDelay: Duration?
    /// How long logs are kept; nil: for ever.
    var logRetentionDays: Int?
    /// Whether the audit has invocations, too.
    var auditDataEvents: Bool
    /// How long the audit's files are kept.
    var auditDays: Int
    /// Whether a missing runtime version is an error instead of being served by the nearest.
    var strictRuntimes: Bool
    /// Whether environments may be forked from a process that has loaded their runtime.
    var zygotes: Bool
    var logLevel: Logger.Level
    /// Where container images are, as OCI layouts.
    var images: String
    /// `HOST[:PORT]` of registries that container images may come from.
    var registries: Set<String>
    /// A file of credentials for them.
    var registryCredentials: String?
    /// Whether subscriptions may have endpoints on this machine and in its network.
    var privateEndpoints: Bool
    /// The directories that stand for access points of file systems, by the access points' ids.
    var fileSystems: [FileSystemDirectory]

    /// What the command line gave; nil where it said nothing.
    struct Flags: Sendable {
        var listen: String?
        var data: String?
        var config: String?
        var account: String?
        var region: String?
        var auth: String?
        var iam: String?
        var user: String?
        var accept: [String] = []
        var images: String?
        var registry: [String] = []
        var fileSystems: [String] = []
        var auditDataEvents = false
    }

    /// - Throws: ``SettingsError`` with every problem found, or the file's own error.
    static func read(_ flags: Flags) async throws -> ServerSettings {
        var problems: [String] = []
        let reader = try await Self.reader(flags)

        func text(_ key: ConfigKey, _ standard: String) -> String { reader.string(forKey: key) ?? standard }
        func number(_ key: ConfigKey, _ range: ClosedRange<Int>, _ standard: Int?) -> Int? {
            guard let value = reader.int(forKey: key) else {
                if let given = reader.string(forKey: key) { problems.append("\(key): \(given) is not a whole number") }
                return standard
            }
            guard range.contains(value) else {
                problems.append("\(key): \(value) is not within \(range.lowerBound)–\(range.upperBound)")
                return standard
            }
            return value
        }

        let listen = text("listen", "127.0.0.1:4566")
        let address = Self.hostAndPort(listen)
        if address == nil { problems.append("listen: \(listen) is not HOST:PORT") }
        let account = AccountID(text("account", AccountID.standard.digits))
        if account == nil { problems.append("account: \(text("account", "")) is not twelve digits") }
        let region = text("region", "us-east-1")
        if !Self.isRegion(region) { problems.append("region: \(region) is not a region's name") }
        let authentication = Authentication(rawValue: text("auth", "on"))
        if authentication == nil { problems.append("auth: \(text("auth", "")) is neither on nor off") }
        if let host = address?.host, authentication == .off, !Self.isLoopback(host) {
            problems.append("auth: off is refused on \(host): only a loopback listener may go without signatures")
        }
        // Whoever goes without signatures has nobody to ask about.
        let authorization = Authorization(rawValue: text("iam", authentication == .off ? "off" : "enforce"))
        if authorization == nil { problems.append("iam: \(text("iam", "")) is none of enforce, permissive and off") }
        if let host = address?.host, authorization != .enforce, !Self.isLoopback(host) {
            problems.append(
                "iam: \(text("iam", "off")) is refused on \(host): only a loopback listener may go without permissions")
        }
        var accepted: Set<Weakness> = []
        for name in reader.stringArray(forKey: "accept") ?? [] {
            if let weakness = Weakness(rawValue: name) {
                accepted.insert(weakness)
            } else {
                let known = Weakness.allCases.map(\.rawValue).joined(separator: ", ")
                problems.append("accept: \(name) is not one of \(known)")
            }
        }
        let concurrency = number("concurrency", 1...100_000, 1000)
        let burst = number("burst", 1...100_000, 1000)
        let requestsPerConcurrency = number("requestsPerConcurrency", 1...100_000, 10)
        let connections = number("connections", 16...1_000_000, nil)
        let idle = number("idleTimeoutSeconds", 1...86_400, 600)
        let memory = number("memory", 128...(1 << 30), nil)
        let freeze = number("freezeAfterMilliseconds", 0...86_400_000, 1000)
        let retention = number("logRetentionDays", 1...3653, nil)
        let auditDays = number("auditDays", 1...3653, 90)
        let auditDataEvents = reader.bool(forKey: "auditDataEvents")
        if auditDataEvents == nil, let given = reader.string(forKey: "auditDataEvents") {
            problems.append("auditDataEvents: \(given) is neither true nor false")
        }
        let strictRuntimes = reader.bool(forKey: "strictRuntimes")
        if strictRuntimes == nil, let given = reader.string(forKey: "strictRuntimes") {
            problems.append("strictRuntimes: \(given) is neither true nor false")
        }
        let privateEndpoints = reader.bool(forKey: "privateEndpoints")
        if privateEndpoints == nil, let given = reader.string(forKey: "privateEndpoints") {
            problems.append("privateEndpoints: \(given) is neither true nor false")
        }
        let zygotes = reader.bool(forKey: "zygotes")
        if zygotes == nil, let given = reader.string(forKey: "zygotes") {
            problems.append("zygotes: \(given) is neither true nor false")
        }
        let logLevel = Logger.Level(rawValue: text("logLevel", "info"))
        if logLevel == nil {
            problems.append("logLevel: \(text("logLevel", "")) is not a level, such as info or debug")
        }
        let data = try DataDirectory.path(chosen: reader.string(forKey: "data"))
        let registries = (reader.stringArray(forKey: "registry") ?? []).map { $0.lowercased() }
        for name in registries where !ImageReference.isRegistry(name) {
            problems.append("registry: \(name) is not HOST or HOST:PORT")
        }
        let images = try reader.string(forKey: "images").map(DataDirectory.absolute) ?? "\(data)/images"
        let registryCredentials = try reader.string(forKey: "registryCredentials", isSecret: false)
            .map(DataDirectory.absolute)
        let fileSystems = FileSystemSettings.read(
            reader.stringArray(forKey: "fileSystems") ?? [], data: data, problems: &problems)

        guard problems.isEmpty, let address, let account, let authentication, let authorization, let concurrency,
            let burst, let requestsPerConcurrency, let idle, let freeze, let auditDays, let logLevel
        else {
            throw SettingsError(problems: problems)
        }
        return ServerSettings(
            host: address.host, port: address.port, data: data, account: account, region: region,
            authentication: authentication, authorization: authorization, user: reader.string(forKey: "user"),
            accepted: accepted,
            concurrency: concurrency, burst: burst, requestsPerConcurrency: requestsPerConcurrency,
            connections: connections, idleTimeout: .seconds(idle), memory: memory,
            freezeDelay: freeze == 0 ? nil : .milliseconds(freeze), logRetentionDays: retention,
            auditDataEvents: auditDataEvents ?? false, auditDays: auditDays, strictRuntimes: strictRuntimes ?? false,
            zygotes: zygotes ?? true,
            logLevel: logLevel, images: images, registries: Set(registries),
            registryCredentials: registryCredentials,
            // Who reaches a loopback listener reaches the rest of this machine, too.
            privateEndpoints: privateEndpoints ?? Self.isLoopback(address.host), fileSystems: fileSystems)
    }

    private static func reader(_ flags: Flags) async throws -> ConfigReader {
        var given: [AbsoluteConfigKey: ConfigValue] = [:]
        func set(_ key: AbsoluteConfigKey, _ value: String?) {
            if let value { given[key] = ConfigValue(stringLiteral: value) }
        }
        set("listen", flags.listen)
        set("data", flags.data)
        set("account", flags.account)
        set("region", flags.region)
        set("auth", flags.auth)
        set("iam", flags.iam)
        set("user", flags.user)
        set("images", flags.images)
        if !flags.registry.isEmpty { given["registry"] = ConfigValue(.stringArray(flags.registry), isSecret: false) }
        if !flags.accept.isEmpty { given["accept"] = ConfigValue(.stringArray(flags.accept), isSecret: false) }
        if !flags.fileSystems.isEmpty {
            given["fileSystems"] = ConfigValue(.stringArray(flags.fileSystems), isSecret: false)
        }
        if flags.auditDataEvents { given["auditDataEvents"] = ConfigValue(.bool(true), isSecret: false) }
        let variables = EnvironmentVariablesProvider().prefixKeys(with: "apus")
        guard let path = flags.config ?? Variables.current["APUS_CONFIG"] else {
            return ConfigReader(providers: [InMemoryProvider(values: given), variables])
        }
        let file = try await FileProvider<JSONSnapshot>(filePath: FilePath(path))
        return ConfigReader(providers: [InMemoryProvider(values: given), variables, file])
    }

    /// `127.0.0.1:4566`, `[::1]:4566`, `localhost:4566`.
    static func hostAndPort(_ text: String) -> (host: String, port: Int)? {
        guard let colon = text.lastIndex(of: ":"), let port = Int(text[text.index(after: colon)...]),
            (0...65535).contains(port)
        else { return nil }
        var host = text[..<colon]
        if host.hasPrefix("["), host.hasSuffix("]") { host = host.dropFirst().dropLast() }
        return host.isEmpty ? nil : (String(host), port)
    }

    /// Whether an address is of this machine only. Names other than `localhost` are not asked about: they may mean
    /// anything by the time of listening.
    static func isLoopback(_ host: String) -> Bool {
        if host == "localhost" || host == "::1" { return true }
        let parts = host.split(separator: ".", omittingEmptySubsequences: false).map { UInt8($0) }
        return parts.count == 4 && parts[0] == 127 && !parts.contains(nil)
    }

    private static func isRegion(_ name: String) -> Bool {
        !name.isEmpty && name.utf8.count <= 32
            && name.utf8.allSatisfy { (0x61...0x7A).contains($0) || (0x30...0x39).contains($0) || $0 == 0x2D }
    }
}

/// Every problem of the settings at once.
struct SettingsError: Error, CustomStringConvertible {
    var problems: [String]

    var description: String { "The settings cannot be used:\n" + problems.map { "  " + $0 }.joined(separator: "\n") }
}
