import AWSWire
import LambdaModel
import Storage

extension LambdaService {
    func updateFunctionCode(_ request: ServiceRequest, _ labels: RouteLabels) async throws -> ServiceResponse {
        try requireSize(request, operation: "UpdateFunctionCode")
        let input = try Lambda.UpdateFunctionCodeRequest(decoding: request, labels: labels)
        let target = try updateTarget(input.functionName, request, action: "UpdateFunctionCode")
        let current = try await record(target)
        try current.requireRevision(input.revisionId)
        try Unsupported.check(input)
        let source = try source(input, of: current.settings)
        try current.requireUpdatable()

        var accepted = try await accept(source)
        do {
            let package = try await examine(accepted, named: target.key.arn)
            accepted.signature = package.signature
            try await requireUnzippedRoom(layers: current.settings.layers ?? [], code: accepted.code)
            let mustPublish = input.publish == true
            let record = try await update(
                target, revision: input.revisionId, keep: input.dryRun != true, publish: mustPublish
            ) { [quotas, accepted] functions, current in
                try self.requireTrusted([package], of: current.key, in: functions)
                try functions.requireRoom(
                    for: accepted.size * (mustPublish ? 2 : 1), replacing: current.settings.codeSize,
                    account: current.key.account, region: current.key.region, quotas: quotas)
                var settings = current.settings
                settings.setCode(accepted)
                return settings
            }
            await code.release(accepted.code)
            await code.discard(current.settings.code)
            try await changed(target.key)
            let qualifier = record.version == Version.latest ? nil : record.version
            return answer(record, qualifier: qualifier).encode(status: 200)
        } catch {
            await code.release(accepted.code)
            deployer.wake()
            throw error
        }
    }

    func updateFunctionConfiguration(_ request: ServiceRequest, _ labels: RouteLabels) async throws -> ServiceResponse {
        let input = try Lambda.UpdateFunctionConfigurationRequest(decoding: request, labels: labels)
        let target = try updateTarget(input.functionName, request, action: "UpdateFunctionConfiguration")
        let current = try await record(target)
        try current.requireRevision(input.revisionId)
        try Unsupported.check(input)
        try check(input, current.settings)
        if let runtime = input.runtime { try validation.runtime(runtime) }
        try requireAssumable(input.role, by: target.key)
        let changes = FunctionOptions.Changes(input)
        try requireDeadLetterAccess(
            try changes.deadLetterARN, role: input.role ?? current.settings.roleARN, of: target.key)
        let layers = try await hold(layers: input.layers ?? [], request)
        do {
            try await requireUnzippedRoom(layers: layers, code: current.settings.code)
            let packages = try await examine(layers)
            let record = try await update(target, revision: input.revisionId) {
                [validation, configuration] functions, current in
                try self.requireTrusted(packages, of: current.key, in: functions)
                if let runtime = input.runtime { try functions.requireRuntimeChangeable(current, to: runtime.rawValue) }
                var settings = current.settings.applying(input)
                if input.layers != nil { settings.setLayers(layers) }
                try validation.settings(settings, request)
                try settings.seal(with: configuration.variablesKey, for: current.key)
                return try settings.with(changes, for: current.key, accessPoints: configuration.accessPoints)
            }
            await release(layers: layers)
            if input.layers != nil { await code.discard(current.settings) }
            try await changed(target.key)
            return answer(record).encode(status: 200)
        } catch {
            await release(layers: layers)
            throw error
        }
    }

    /// An update is of the function, whose only version that changes is `$LATEST`.
    private func updateTarget(_ name: String, _ request: ServiceRequest, action: String) throws(AWSError)
        -> FunctionTarget
    {
        var target = try FunctionTarget(name, caller: request.caller, action: action)
        if target.qualifier == "$LATEST" { target.qualifier = nil }
        try target.requireUnqualified()
        return target
    }

    /// Reads, checks and changes the function in one transaction, so that of two updates at a time one is refused.
    ///
    /// - Parameters:
    ///   - keep: False to find out what would come of it.
    ///   - publish: Whether to make a version of what comes of it.
    /// - Returns: The version if one was published, else the function.
    private func update(
        _ target: FunctionTarget, revision: String?, keep: Bool = true, publish: Bool = false,
        _ change: @escaping @Sendable (FunctionRepository, FunctionRecord) throws -> FunctionSettings
    ) async throws -> FunctionRecord {
        try await database.write { connection in
            let functions = FunctionRepository(connection)
            guard var record = try functions.find(target.key) else { throw AWSError.functionNotFound(target.arn) }
            try record.requireRevision(revision)
            try record.requireUpdatable()
            var settings = try change(functions, record)
            guard keep else {
                record.settings = settings
                return record
            }
            settings.deployment = RequestID.make()
            let now = WallClock.milliseconds()
            record.beginUpdate(settings, revisionID: RequestID.make(), now: now)
            guard publish else {
                try functions.save(record)
                return record
            }
            let version = record.publish(description: nil, now: now)
            try functions.save(record)
            try functions.save(version: version)
            return version
        }
    }
}

extension FunctionSettings {
    /// These settings with what the request names replaced.
    fileprivate func applying(_ input: Lambda.UpdateFunctionConfigurationRequest) -> FunctionSettings {
        var settings = self
        if let runtime = input.runtime { settings.runtime = runtime.rawValue }
        if let handler = input.handler { settings.handler = handler }
        if let role = input.role { settings.roleARN = role }
        if let description = input.description { settings.description = description }
        if let timeout = input.timeout { settings.timeoutSeconds = timeout }
        if let memory = input.memorySize { settings.memoryMiB = memory }
        if let storage = input.ephemeralStorage { settings.ephemeralStorageMiB = storage.size }
        if let environment = input.environment { settings.variables = environment.variables ?? [:] }
        if let group = input.loggingConfig?.logGroup { settings.logGroup = group }
        if let config = input.imageConfig { settings.image?.overrides = FunctionImage.Overrides(config) }
        return settings
    }
}
