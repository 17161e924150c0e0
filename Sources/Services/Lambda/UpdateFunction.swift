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
        let zip = try zip(input.zipFile, bucket: input.s3Bucket, key: input.s3Key)
        try current.requireUpdatable()

        let accepted = try await accept(zip)
        do {
            try await requireUnzippedRoom(layers: current.settings.layers ?? [], code: accepted.code)
            let record = try await update(
                target, revision: input.revisionId, keep: input.dryRun != true
            ) { [quotas] functions, current in
                try functions.requireRoom(
                    for: accepted.size, replacing: current.settings.codeSize, account: current.key.account,
                    region: current.key.region, quotas: quotas)
                var settings = current.settings
                settings.code = accepted.code
                settings.codeSize = accepted.size
                return settings
            }
            await code.release(accepted.code)
            await code.discard(current.settings.code)
            try await changed(target.key)
            return answer(record).encode(status: 200)
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
        if let runtime = input.runtime { try validation.runtime(runtime) }
        let validation = validation
        let layers = try await hold(layers: input.layers ?? [], request)
        do {
            try await requireUnzippedRoom(layers: layers, code: current.settings.code)
            let record = try await update(target, revision: input.revisionId) { _, current in
                var settings = current.settings.applying(input)
                if input.layers != nil { settings.setLayers(layers) }
                try validation.settings(settings, request)
                return settings
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
    /// - Parameter keep: False to find out what would come of it.
    private func update(
        _ target: FunctionTarget, revision: String?, keep: Bool = true,
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
            record.beginUpdate(settings, revisionID: RequestID.make(), now: WallClock.milliseconds())
            try functions.save(record)
            return record
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
        return settings
    }
}
