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
        // The answer tells of what was there before: the environments may be initialised by the time that it goes out.
        let progress = try await progress(of: config, at: target)
        try await provisioner.apply(target.key)
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
            try functions.requireProvisionableVersion(target)
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
            try functions.requireProvisionableVersion(target)
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
            case .unfit, .initialising:
                if case .failed(let reason) = record.state { progress.failure = reason.text }
                progress.isComplete = false
            case .withoutRuntime(let text): progress.failure = text
            case .undecipherable: progress.failure = FunctionSettings.undecipherable
            }
        }
        return progress
    }
}
