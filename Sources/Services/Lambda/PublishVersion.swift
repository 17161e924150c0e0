import AWSWire
import LambdaModel
import Storage

extension LambdaService {
    func publishVersion(_ request: ServiceRequest, _ labels: RouteLabels) async throws -> ServiceResponse {
        let input = try Lambda.PublishVersionRequest(decoding: request, labels: labels)
        var target = try FunctionTarget(input.functionName, caller: request.caller, action: "PublishVersion")
        if target.qualifier == Version.latest { target.qualifier = nil }
        try target.requireUnqualified()
        if input.publishTo != nil {
            throw AWSError.unsupported("Capacity providers (PublishTo): not implemented.")
        }
        let key = target.key
        let version = try await database.write { [quotas] connection in
            let functions = FunctionRepository(connection)
            guard var function = try functions.find(key) else { throw AWSError.functionNotFound(key.arn) }
            try function.requireRevision(input.revisionId)
            try function.requireDigest(input.codeSha256)
            try function.requirePublishable()
            // Nothing has changed since the last version: that one is the answer.
            if let last = try functions.find(key, version: String(function.nextVersion - 1)),
                last.settings.deployment == function.settings.deployment
            {
                return last
            }
            try functions.requireRoom(
                for: function.settings.codeSize, account: key.account, region: key.region, quotas: quotas)
            let version = function.publish(description: input.description, now: WallClock.milliseconds())
            try functions.save(function)
            try functions.save(version: version)
            return version
        }
        try await changed(key)
        if version.isSnapStart { snapshots.wake() }
        return answer(version, qualifier: version.version).encode(status: 201)
    }

    func listVersionsByFunction(_ request: ServiceRequest, _ labels: RouteLabels) async throws -> ServiceResponse {
        let input = try Lambda.ListVersionsByFunctionRequest(decoding: request, labels: labels)
        let target = try FunctionTarget(input.functionName, caller: request.caller, action: "ListVersionsByFunction")
        let marker = try Marker.decode(input.marker)
        let limit = min(input.maxItems ?? quotas.listPage, quotas.listPage)
        let found = try await database.read { connection in
            let functions = FunctionRepository(connection)
            guard let function = try functions.find(target.key) else {
                throw AWSError.functionNotFound(target.arn)
            }
            let latest = marker.isEmpty ? [function] : []
            return try latest
                + functions.versions(
                    of: target.key, after: Version.number(marker) ?? 0, limit: limit + 1 - latest.count)
        }
        let page = found.prefix(limit)
        return Lambda.ListVersionsByFunctionResponse(
            nextMarker: found.count > limit ? page.last.map { Marker.encode($0.number) } : nil,
            versions: page.map { entry($0, qualifier: $0.version) }
        ).encode()
    }
}

extension FunctionRecord {
    /// The version's number for a marker; 0 stands for `$LATEST`.
    fileprivate var number: String { version == Version.latest ? "0" : version }

    /// - Throws: `InvalidParameterValueException` when the code is not what the caller takes it to be.
    fileprivate func requireDigest(_ expected: String?) throws(AWSError) {
        guard let expected, expected != settings.codeDigest else { return }
        throw LambdaError.invalidParameterValue(
            message: "CodeSHA256 (\(expected)) is different from current CodeSHA256 in $LATEST "
                + "(\(settings.codeDigest)). Please try again with the CodeSHA256 in $LATEST.")
    }

    /// - Throws: `ResourceConflictException` while what would be published is not in place.
    fileprivate func requirePublishable() throws(AWSError) {
        try requireUpdatable()
        if case .failed = state { throw .unfitState("Failed") }
    }
}
