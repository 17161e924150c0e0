import AWSWire
import CloudTrailService
import Fleet
import Identity
import LambdaService
import Linux
import Sandbox
import Signing
import Storage

/// What the parts of the server are told of its settings.
extension Server {
    static func quotas(_ settings: ServerSettings) -> Quotas {
        var quotas = Quotas()
        quotas.concurrentExecutions = settings.concurrency
        quotas.burstEnvironments = settings.burst
        quotas.requestsPerConcurrency = settings.requestsPerConcurrency
        return quotas
    }

    static func fleet(_ settings: ServerSettings, _ quotas: Quotas, endpointURL: String?) -> FleetConfiguration {
        var limits = FleetConfiguration()
        limits.accountConcurrency = quotas.concurrentExecutions
        limits.requestsPerConcurrency = quotas.requestsPerConcurrency
        limits.burstEnvironments = quotas.burstEnvironments
        limits.burstWindow = .seconds(quotas.burstSeconds)
        limits.idleTimeout = settings.idleTimeout
        limits.freezeDelay = settings.freezeDelay
        // The rest is for the server, the launcher and the system's caches.
        limits.memoryMiB = settings.memory ?? MachineMemory.mebibytes().map { $0 * 3 / 4 }
        limits.zygotes = settings.zygotes
        limits.endpointURL = endpointURL
        return limits
    }

    static func functions(
        _ settings: ServerSettings, _ quotas: Quotas, directory: String, sealing: SealingKey
    ) throws -> LambdaService.Configuration {
        var configuration = LambdaService.Configuration(codeDirectory: "\(directory)/code", variablesKey: sealing)
        configuration.quotas = quotas
        configuration.accessPoints = Set(settings.fileSystems.map(\.name))
        let signing = SigningAuthority(
            directory: "\(directory)/\(DataDirectory.signingProfiles)", account: settings.account.digits,
            region: settings.region)
        _ = try signing.profiles()
        configuration.signing = signing
        return configuration
    }

    static func audit(_ settings: ServerSettings, directory: String) -> CloudTrailService.Configuration {
        var configuration = CloudTrailService.Configuration(directory: "\(directory)/audit")
        configuration.days = settings.auditDays
        configuration.recordsData = settings.auditDataEvents
        return configuration
    }
}
