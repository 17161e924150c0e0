import AWSWire
import Fleet
import LambdaModel
import Storage

/// How many environments of a version, or of what an alias points to, are kept initialised:
/// https://docs.aws.amazon.com/lambda/latest/dg/provisioned-concurrency.html
struct ProvisionedConcurrency: Attachment, Hashable {
    static let kind = "provisioned-concurrency"

    var executions: Int
    /// Milliseconds since 1970.
    var lastModified: Int64
    /// New whenever the configuration is put: what has failed is then tried again.
    var generation: String
}

extension LambdaService {
    func putProvisionedConcurrencyConfig(
        _ request: ServiceRequest, _ labels: RouteLabels
    ) async throws -> ServiceResponse {
        let input = try Lambda.PutProvisionedConcurrencyConfigRequest(decoding: request, labels: labels)
        let target = try FunctionTarget(
            input.functionName, qualifier: input.qualifier, caller: request.caller,
            action: "PutProvisionedConcurrencyConfig")
        if target.isLatest { throw AWSError.unpublishedProvisioned }
        let config = ProvisionedConcurrency(
            executions: input.provisionedConcurrentExecutions, lastModified: WallClock.milliseconds(),
            generation: RequestID.make())
        try await database.write { [quotas] connection in
            let functions = FunctionRepository(connection)
            try functions.requireProvisionable(target)
            try functions.requireRoom(forProvisioned: config.executions, at: target, quotas: quotas)
            try functions.attach(config, to: target.key, qualifier: target.qualifier ?? "")
        }
        try await provisioner.apply(target.key)
        let progress = try await progress(of: config, at: target)
        return Lambda.PutProvisionedConcurrencyConfigResponse(
            requestedProvisionedConcurrentExecutions: config.executions,
            availableProvisionedConcurrentExecutions: progress.available,
            allocatedProvisionedConcurrentExecutions: progress.available, status: .inProgress,
            lastModified: Timestamp.seconds(milliseconds: config.lastModified)
        ).encode()
    }

    func getProvisionedConcurrencyConfig(
        _ request: ServiceRequest, _ labels: RouteLabels
    ) async throws -> ServiceResponse {
        let input = try Lambda.GetProvisionedConcurrencyConfigRequest(decoding: request, labels: labels)
        let target = try provisionedTarget(
            input.functionName, input.qualifier, request, action: "GetProvisionedConcurrencyConfig")
        let config = try await database.read { connection in
            let functions = FunctionRepository(connection)
            try functions.requireVersion(target)
            return try functions.attached(
                ProvisionedConcurrency.self, to: target.key, qualifier: target.qualifier ?? "")
        }
        guard let config else {
            throw LambdaError.provisionedConcurrencyConfigNotFound(
                message: "No Provisioned Concurrency Config found for this function")
        }
        let progress = try await progress(of: config, at: target)
        return Lambda.GetProvisionedConcurrencyConfigResponse(
            requestedProvisionedConcurrentExecutions: config.executions,
            availableProvisionedConcurrentExecutions: progress.available,
            allocatedProvisionedConcurrentExecutions: progress.available, status: progress.status,
            statusReason: progress.failure, lastModified: Timestamp.seconds(milliseconds: config.lastModified)
        ).encode()
    }

    func listProvisionedConcurrencyConfigs(
        _ request: ServiceRequest, _ labels: RouteLabels
    ) async throws -> ServiceResponse {
        let input = try Lambda.ListProvisionedConcurrencyConfigsRequest(decoding: request, labels: labels)
        let target = try FunctionTarget(
            input.functionName, caller: request.caller, action: "ListProvisionedConcurrencyConfigs")
        try target.requireUnqualified()
        let start = try Marker.decode(input.marker)
        let limit = min(input.maxItems ?? quotas.listPage, quotas.listPage)
        let found = try await database.read { connection in
            let functions = FunctionRepository(connection)
            guard try functions.find(target.key) != nil else { throw AWSError.functionNotFound(target.arn) }
            return try functions.attached(
                ProvisionedConcurrency.self, ofFunction: target.key, after: start, limit: limit + 1)
        }
        let page = found.prefix(limit)
        var items: [Lambda.ProvisionedConcurrencyConfigListItem] = []
        for entry in page {
            let progress = try await progress(of: entry.document, at: entry.target)
            items.append(
                Lambda.ProvisionedConcurrencyConfigListItem(
                    functionArn: entry.target.arn,
                    requestedProvisionedConcurrentExecutions: entry.document.executions,
                    availableProvisionedConcurrentExecutions: progress.available,
                    allocatedProvisionedConcurrentExecutions: progress.available, status: progress.status,
                    statusReason: progress.failure,
                    lastModified: Timestamp.seconds(milliseconds: entry.document.lastModified)))
        }
        return Lambda.ListProvisionedConcurrencyConfigsResponse(
            provisionedConcurrencyConfigs: items,
            nextMarker: found.count > limit ? page.last.map { Marker.encode($0.qualifier) } : nil
        ).encode()
    }

    /// That there is none is no error, as recorded in test_provisioned_concurrency_exceptions.
    func deleteProvisionedConcurrencyConfig(
        _ request: ServiceRequest, _ labels: RouteLabels
    ) async throws -> ServiceResponse {
        let input = try Lambda.DeleteProvisionedConcurrencyConfigRequest(decoding: request, labels: labels)
        let target = try provisionedTarget(
            input.functionName, input.qualifier, request, action: "DeleteProvisionedConcurrencyConfig")
        try await database.write { connection in
            let functions = FunctionRepository(connection)
            try functions.requireVersion(target)
            _ = try functions.detach(
                ProvisionedConcurrency.self, from: target.key, qualifier: target.qualifier ?? "")
        }
        try await provisioner.apply(target.key)
        return .empty(204)
    }

    private func provisionedTarget(
        _ name: String, _ qualifier: String, _ request: ServiceRequest, action: String
    ) throws(AWSError) -> FunctionTarget {
        let target = try FunctionTarget(name, qualifier: qualifier, caller: request.caller, action: action)
        if target.isLatest {
            throw LambdaError.invalidParameterValue(
                message: "The function resource provided must be an alias or a published version.")
        }
        return target
    }
}

// MARK: Progress

/// How far a configuration has come.
private struct Progress {
    var available = 0
    var failure: String?
    var isComplete = true

    var status: Lambda.ProvisionedConcurrencyStatusEnum {
        if failure != nil { return .failed }
        return isComplete ? .ready : .inProgress
    }
}

extension LambdaService {
    private func progress(of config: ProvisionedConcurrency, at target: FunctionTarget) async throws -> Progress {
        let shares = try await database.read { connection in
            let functions = FunctionRepository(connection)
            return try functions.shares(of: config, at: target).map { share in
                (share, try functions.find(target.key, version: share.version))
            }
        }
        var progress = Progress()
        for (share, record) in shares where share.executions > 0 {
            guard let record else { continue }
            switch ResolvedVersion(
                record, resolveRuntime: resolveRuntime, variablesKey: configuration.variablesKey
            ).readiness {
            case .ready(let version):
                let state = fleet.provisioned(version.key)
                let available = min(state.available, share.executions)
                progress.available += available
                if available < share.executions { progress.isComplete = false }
                progress.failure = progress.failure ?? state.failure
            case .unfit("Pending"): progress.isComplete = false
            case .unfit(let state): progress.failure = state
            case .withoutRuntime(let text): progress.failure = text
            case .undecipherable: progress.failure = FunctionSettings.undecipherable
            }
        }
        return progress
    }
}

// MARK: Conditions

extension AWSError {
    fileprivate static var unpublishedProvisioned: AWSError {
        LambdaError.invalidParameterValue(
            message: "Provisioned Concurrency Configs cannot be applied to unpublished function versions.")
    }

    fileprivate static var alreadyProvisioned: AWSError {
        LambdaError.resourceConflict(
            message: "Alias can't be used for Provisioned Concurrency configuration on an already Provisioned version")
    }
}

extension FunctionRepository {
    /// The version or alias must be there: in the words recorded in test_provisioned_concurrency_exceptions, which do
    /// not tell whether there is the function.
    fileprivate func requireVersion(_ target: FunctionTarget) throws {
        let qualifier = target.qualifier ?? ""
        if Version.number(qualifier) != nil {
            guard try find(target.key, version: qualifier) != nil else {
                throw AWSError.functionNotFound(target.arn)
            }
        } else if try alias(qualifier, of: target.key) == nil {
            throw LambdaError.resourceNotFound(message: "Cannot find alias arn: \(target.arn)")
        }
    }

    /// Of a version only one configuration at a time counts: its own, or that of one alias that points to it. The words
    /// are those recorded in test_lambda_provisioned_lifecycle; those for an alias with weights are AWS's too.
    fileprivate func requireProvisionable(_ target: FunctionTarget) throws {
        try requireVersion(target)
        let qualifier = target.qualifier ?? ""
        guard let alias = try alias(qualifier, of: target.key) else {
            if try provisionedAlias(reaching: qualifier, of: target.key, except: "") {
                throw LambdaError.resourceConflict(message: "Version is pointed by a Provisioned Concurrency alias")
            }
            return
        }
        guard alias.weights.isEmpty else {
            throw LambdaError.invalidParameterValue(
                message: "Alias with weights can not be used with Provisioned Concurrency")
        }
        try requireUnprovisionedVersions(of: alias)
    }

    /// An alias that has provisioned concurrency may be pointed only to versions that have none.
    func requireProvisionable(_ alias: AliasRecord) throws {
        guard try attached(ProvisionedConcurrency.self, to: alias.key, qualifier: alias.name) != nil else { return }
        try requireUnprovisionedVersions(of: alias)
    }

    private func requireUnprovisionedVersions(of alias: AliasRecord) throws {
        for version in [alias.version] + alias.weights.keys {
            if version == Version.latest { throw AWSError.unpublishedProvisioned }
            if try attached(ProvisionedConcurrency.self, to: alias.key, qualifier: version) != nil
                || provisionedAlias(reaching: version, of: alias.key, except: alias.name)
            {
                throw AWSError.alreadyProvisioned
            }
        }
    }

    /// Whether an alias with provisioned concurrency has invocations run by a version.
    private func provisionedAlias(reaching version: String, of key: FunctionKey, except name: String) throws -> Bool {
        try aliases(of: key, version: nil).contains { alias in
            guard alias.name != name, alias.version == version || alias.weights[version] != nil else { return false }
            return try attached(ProvisionedConcurrency.self, to: key, qualifier: alias.name) != nil
        }
    }

    /// Provisioned concurrency comes out of the function's reservation, or else of what the account has left. The words
    /// are those recorded in test_provisioned_concurrency_limits and test_reserved_provisioned_overlap; the errors
    /// about the account come without their `Type`.
    fileprivate func requireRoom(
        forProvisioned executions: Int, at target: FunctionTarget, quotas: Quotas
    ) throws {
        let key = target.key
        let others = try provisionedConcurrency(of: key, except: target.qualifier ?? "")
        let (total, overflow) = others.addingReportingOverflow(executions)
        if let reserved = try find(key)?.reservedConcurrency {
            guard !overflow, total <= reserved else {
                throw LambdaError.invalidParameterValue(
                    message: "Requested Provisioned Concurrency should not be greater than the "
                        + "reservedConcurrentExecution for function")
            }
            return
        }
        let left =
            try quotas.concurrentExecutions - others
            - claimedConcurrency(account: key.account, region: key.region, except: key.name)
        guard executions <= left else {
            throw Self.tooMuch("is greater than account's unreserved concurrency [\(left)].")
        }
        guard left - executions >= quotas.minimumUnreservedExecutions else {
            throw Self.tooMuch(
                "decreases account's UnreservedConcurrentExecution below its minimum value of "
                    + "[\(quotas.minimumUnreservedExecutions)].")
        }
    }

    private static func tooMuch(_ text: String) -> AWSError {
        AWSError(
            code: "InvalidParameterValueException", message: "Specified ConcurrentExecutions for function " + text,
            status: 400)
    }
}
