import AWSWire
import LambdaModel
import Storage

/// Layers and their versions.
extension LambdaService {
    func publishLayerVersion(_ request: ServiceRequest, _ labels: RouteLabels) async throws -> ServiceResponse {
        try requireSize(request, operation: "PublishLayerVersion")
        let input = try LayerInput.publish(request, labels)
        let key = try LayerKey(input.layerName, caller: request.caller, action: "PublishLayerVersion")
        if key.name.utf8.count > 64 {
            throw AWSError.validation(
                "Value '\(key.name)' at 'layerName' failed to satisfy constraint: Member must have length less than or "
                    + "equal to 64")
        }
        let zip = try zip(input.content)
        let accepted = try await accept(zip)
        let record: LayerVersionRecord
        do {
            // A signature that is not good counts for nothing until the layer is given to a function that minds.
            let signature = try await examine(accepted, named: key.arn).signature
            record = try await database.write { [quotas] connection in
                try FunctionRepository(connection).requireRoom(
                    for: accepted.size, account: key.account, region: key.region, quotas: quotas)
                return try LayerRepository(connection).publish(key) { version in
                    LayerVersionRecord(
                        key: key, version: version, description: input.description ?? "", license: input.licenseInfo,
                        runtimes: input.compatibleRuntimes?.map(\.rawValue),
                        architectures: input.compatibleArchitectures?.map(\.rawValue), code: accepted.code,
                        codeSize: accepted.size, created: WallClock.milliseconds(), signature: signature)
                }
            }
        } catch {
            await code.release(accepted.code)
            deployer.wake()
            throw error
        }
        await code.release(accepted.code)
        return Lambda.PublishLayerVersionResponse(
            content: content(record, request), layerArn: key.arn, layerVersionArn: record.arn,
            description: record.description, createdDate: Timestamp.text(milliseconds: record.created),
            version: record.version, compatibleRuntimes: record.compatibleRuntimes, licenseInfo: record.license,
            compatibleArchitectures: record.compatibleArchitectures
        ).encode()
    }

    func getLayerVersion(_ request: ServiceRequest, _ labels: RouteLabels) async throws -> ServiceResponse {
        let input = try Lambda.GetLayerVersionRequest(decoding: request, labels: labels)
        try Self.requireVersion(input.versionNumber)
        let key = try LayerKey(input.layerName, caller: request.caller)
        return try await layerVersion(key, input.versionNumber, request)
    }

    func getLayerVersionByArn(_ request: ServiceRequest, _ labels: RouteLabels) async throws -> ServiceResponse {
        let input = try Lambda.GetLayerVersionByArnRequest(decoding: request, labels: labels)
        guard let name = LayerVersionName(arn: input.arn), name.key.region == request.caller.region else {
            throw Self.noLayer
        }
        return try await layerVersion(name.key, name.version, request)
    }

    func listLayers(_ request: ServiceRequest, _ labels: RouteLabels) async throws -> ServiceResponse {
        let input = try Lambda.ListLayersRequest(decoding: request, labels: labels)
        let filter = try LayerInput.filter(input.compatibleRuntime, input.compatibleArchitecture)
        let start = try Marker.decode(input.marker)
        let limit = min(input.maxItems ?? quotas.listPage, quotas.listPage)
        let (account, region) = (request.caller.account.digits, request.caller.region)
        let found = try await database.read {
            try LayerRepository($0).latest(account: account, region: region, after: start, filter, limit: limit + 1)
        }
        let page = found.prefix(limit)
        return Lambda.ListLayersResponse(
            nextMarker: found.count > limit ? page.last.map { Marker.encode($0.key.name) } : nil,
            layers: page.map {
                Lambda.LayersListItem(layerName: $0.key.name, layerArn: $0.key.arn, latestMatchingVersion: $0.listItem)
            }
        ).encode()
    }

    func listLayerVersions(_ request: ServiceRequest, _ labels: RouteLabels) async throws -> ServiceResponse {
        let input = try Lambda.ListLayerVersionsRequest(decoding: request, labels: labels)
        let filter = try LayerInput.filter(input.compatibleRuntime, input.compatibleArchitecture)
        let key = try LayerKey(input.layerName, caller: request.caller, action: "ListLayerVersions")
        let marker = try Marker.decode(input.marker)
        let start = marker.isEmpty ? Int.max : Int(marker) ?? 0
        let limit = min(input.maxItems ?? quotas.listPage, quotas.listPage)
        let found = try await database.read {
            try LayerRepository($0).versions(of: key, before: start, filter, limit: limit + 1)
        }
        let page = found.prefix(limit)
        return Lambda.ListLayerVersionsResponse(
            nextMarker: found.count > limit ? page.last.map { Marker.encode(String($0.version)) } : nil,
            layerVersions: page.map(\.listItem)
        ).encode()
    }

    /// A version that is not there is deleted as well, as recorded in test_layer_exceptions.
    func deleteLayerVersion(_ request: ServiceRequest, _ labels: RouteLabels) async throws -> ServiceResponse {
        let input = try Lambda.DeleteLayerVersionRequest(decoding: request, labels: labels)
        try Self.requireVersion(input.versionNumber)
        let key = try LayerKey(input.layerName, caller: request.caller, action: "DeleteLayerVersion")
        let deleted = try await database.write { connection in
            try LayerRepository(connection).delete(key, version: input.versionNumber)
        }
        if let deleted {
            await code.discard(deleted)
            deployer.wake()
        }
        return .empty(204)
    }
}

extension LambdaService {
    static func requireVersion(_ number: Int) throws(AWSError) {
        guard number < 1 else { return }
        throw LambdaError.invalidParameterValue(message: "Layer Version Cannot be less than 1")
    }

    private static let noLayer = LambdaError.resourceNotFound(message: "The resource you requested does not exist.")

    private func layerVersion(_ key: LayerKey, _ version: Int, _ request: ServiceRequest) async throws
        -> ServiceResponse
    {
        let record = try await database.read { try LayerRepository($0).find(key, version: version) }
        let caller = request.caller
        if key.account != caller.account.digits, record?.allows(caller) != true {
            throw AWSError.accessDenied(
                caller: caller, action: "GetLayerVersion", resource: key.arn(version: version))
        }
        guard let record else { throw Self.noLayer }
        return Lambda.GetLayerVersionResponse(
            content: content(record, request), layerArn: key.arn, layerVersionArn: record.arn,
            description: record.description, createdDate: Timestamp.text(milliseconds: record.created),
            version: record.version, compatibleRuntimes: record.compatibleRuntimes, licenseInfo: record.license,
            compatibleArchitectures: record.compatibleArchitectures
        ).encode()
    }

    private func content(_ record: LayerVersionRecord, _ request: ServiceRequest) -> Lambda.LayerVersionContentOutput {
        let location = AccountID(record.key.account).map { codeLocation(record.code, $0, request.endpoint) }
        return Lambda.LayerVersionContentOutput(
            location: location, codeSha256: CodeDigest.base64(record.code), codeSize: record.codeSize,
            signingProfileVersionArn: record.signature?.profileVersion, signingJobArn: record.signature?.job)
    }

    private func zip(_ content: Lambda.LayerVersionContentInput) throws(AWSError) -> [UInt8] {
        try zip(content.zipFile, bucket: content.s3Bucket, key: content.s3Key)
    }
}

extension LayerVersionRecord {
    var compatibleRuntimes: [Lambda.Runtime]? { runtimes?.compactMap(Lambda.Runtime.init) }
    var compatibleArchitectures: [Lambda.Architecture]? { architectures?.compactMap(Lambda.Architecture.init) }

    /// The version as lists have it.
    fileprivate var listItem: Lambda.LayerVersionsListItem {
        Lambda.LayerVersionsListItem(
            layerVersionArn: arn, version: version, description: description,
            createdDate: Timestamp.text(milliseconds: created), compatibleRuntimes: compatibleRuntimes,
            licenseInfo: license, compatibleArchitectures: compatibleArchitectures)
    }
}
