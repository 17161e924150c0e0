import AWSWire
import Archive
import LambdaModel
import NIOCore
import Storage

extension LambdaService {
    func createFunction(_ request: ServiceRequest, _ labels: RouteLabels) async throws -> ServiceResponse {
        try requireSize(request, operation: "CreateFunction")
        let input = try Lambda.CreateFunctionRequest(decoding: request, labels: labels)
        let target = try FunctionTarget(input.functionName, caller: request.caller, action: "CreateFunction")
        let key = target.key
        try requireNewName(key.name, written: input.functionName)
        try Unsupported.check(input)
        let settings = try settings(input, request, key)
        let tags = input.tags ?? [:]
        try validation.tags(tags)
        try requireAssumable(settings.roleARN, by: key)
        try requireDeadLetterAccess(settings.options?.deadLetterARN, role: settings.roleARN, of: key)
        let source = try source(input)
        // As recorded in test_layer_function_exceptions, this comes before the name.
        try await check(layers: input.layers ?? [], request.caller)
        if try await database.read({ try FunctionRepository($0).find(key) }) != nil {
            throw Self.exists(key)
        }
        let caller = request.caller
        let signing = input.codeSigningConfigArn.flatMap { $0.isEmpty ? nil : $0 }
        if let signing {
            _ = try await database.read { try CodeSigningRepository($0).requireAssignable(signing, caller) }
        }

        let mustPublish = input.publish == true
        var (accepted, layers) = try await accept(source, layers: input.layers ?? [], request)
        let record: FunctionRecord
        do {
            let package = try await examine(accepted, named: key.name)
            accepted.signature = package.signature
            let packages = signing == nil ? [] : [package] + (try await examine(layers))
            record = try await database.write { [quotas, accepted, layers] connection in
                let functions = FunctionRepository(connection)
                guard try functions.find(key) == nil else { throw Self.exists(key) }
                try functions.requireRoom(
                    for: accepted.size * (mustPublish ? 2 : 1), account: key.account, region: key.region,
                    quotas: quotas)
                var settings = settings
                settings.setCode(accepted)
                settings.image?.overrides = FunctionImage.Overrides(input.imageConfig)
                settings.setLayers(layers)
                if let signing {
                    let config = try CodeSigningRepository(connection).requireAssignable(signing, caller)
                    try self.requireTrusted(packages, by: config, function: key)
                    try functions.attach(FunctionCodeSigning(configuration: config.arn), to: key)
                }
                let now = WallClock.milliseconds()
                var record = FunctionRecord(
                    creating: key, settings: settings, tags: tags, revisionID: RequestID.make(), now: now)
                guard mustPublish else {
                    try functions.save(record)
                    return record
                }
                let version = record.publish(description: nil, now: now)
                try functions.save(record)
                try functions.save(version: version)
                return version
            }
        } catch {
            await release(accepted, layers)
            throw error
        }
        await release(accepted, layers)
        try await changed(key)
        // As recorded in test_publish_version_on_create, the ARN of a published version comes unqualified here.
        return answer(record).encode(status: 201)
    }

    private static func exists(_ key: FunctionKey) -> AWSError {
        LambdaError.resourceConflict(message: "Function already exist: \(key.name)")
    }

    /// AWS allows 64 characters of name, and answers a name alone and an ARN alike, if not with the model's code.
    private func requireNewName(_ name: String, written: String) throws(AWSError) {
        guard name.utf8.count > 64 else { return }
        throw LambdaError.invalidParameterValue(
            message: "1 validation error detected: Value '\(written)' at 'functionName' failed to satisfy constraint: "
                + "Member must have length less than or equal to 64")
    }

    /// What the request says and AWS's defaults; the code is yet to come.
    private func settings(
        _ input: Lambda.CreateFunctionRequest, _ request: ServiceRequest, _ key: FunctionKey
    ) throws -> FunctionSettings {
        let isImage = input.packageType == .image
        if !isImage, input.runtime == nil || input.handler == nil {
            throw LambdaError.invalidParameterValue(
                message: "Runtime and Handler are mandatory parameters for functions created with deployment packages.")
        }
        var settings = FunctionSettings(
            runtime: input.runtime?.rawValue ?? "", handler: input.handler ?? "", roleARN: input.role,
            description: input.description ?? "",
            timeoutSeconds: input.timeout ?? 3, memoryMiB: input.memorySize ?? 128,
            ephemeralStorageMiB: input.ephemeralStorage?.size ?? 512, variables: nil,
            architecture: Machine.architecture,
            code: "", codeSize: 0, logGroup: input.loggingConfig?.logGroup ?? "/aws/lambda/\(key.name)",
            deployment: RequestID.make())
        if let environment = input.environment { settings.variables = environment.variables ?? [:] }
        if !isImage, let runtime = input.runtime { try validation.runtime(runtime) }
        try validation.settings(settings, request)
        try settings.seal(with: configuration.variablesKey, for: key)
        return try settings.with(
            FunctionOptions.Changes(input), for: key, accessPoints: configuration.accessPoints)
    }
}

// MARK: What CreateFunction and UpdateFunctionCode share

extension LambdaService {
    /// Keeps and unpacks a zip file, or says in AWS's words why not. The caller must release it.
    func accept(_ zip: [UInt8]) async throws -> CodeStore.Accepted {
        do {
            return try await code.accept(zip)
        } catch let error as ArchiveError {
            deployer.wake()
            switch error {
            case .empty: throw LambdaError.invalidParameterValue(message: "Uploaded file must be a non-empty zip")
            case .tooLarge(let limit):
                throw LambdaError.invalidParameterValue(message: "Unzipped size must be smaller than \(limit) bytes")
            case .unreadable, .encrypted, .refused, .tooManyEntries:
                throw LambdaError.invalidParameterValue(
                    message: "Could not unzip uploaded file. Please check your file, then try to upload again.")
            case .exists, .file: throw error
            }
        }
    }

    func requireSize(_ request: ServiceRequest, operation: String) throws(AWSError) {
        if request.body.readableBytes > quotas.codeRequestBytes {
            throw .requestEntityTooLarge(
                "Request must be smaller than \(quotas.codeRequestBytes) bytes for the \(operation) operation")
        }
    }

    func zip(_ zipFile: [UInt8]?, bucket: String?, key: String?) throws(AWSError) -> [UInt8] {
        if zipFile != nil, bucket != nil || key != nil {
            throw LambdaError.invalidParameterValue(
                message: "Please do not provide other FunctionCode parameters when providing a ZipFile.")
        }
        if bucket != nil || key != nil {
            throw .unsupported("Code from Amazon S3 (S3Bucket, S3Key) is not implemented: use ZipFile.")
        }
        guard let zipFile else {
            throw LambdaError.invalidParameterValue(message: "Please provide a source for function code.")
        }
        if zipFile.isEmpty {
            throw LambdaError.invalidParameterValue(message: "Uploaded file must be a non-empty zip")
        }
        if zipFile.count > quotas.zippedCodeBytes {
            throw .requestEntityTooLarge("Zipped size must be smaller than \(quotas.zippedCodeBytes) bytes")
        }
        return zipFile
    }
}

extension FunctionRepository {
    /// - Parameter replaced: Bytes that the new code takes the place of.
    func requireRoom(
        for bytes: Int, replacing replaced: Int = 0, account: String, region: String, quotas: Quotas
    ) throws {
        let used = try usage(account: account, region: region).codeBytes
        if used - replaced + bytes > quotas.totalCodeBytes {
            throw LambdaError.codeStorageExceeded(message: "Code storage limit exceeded.")
        }
    }
}
