import AWSWire
import LambdaModel
import Storage

/// The operations on function URLs. Errors and members of the answers are as recorded in test_url_config_exceptions and
/// test_lambda_update_function_url_config.
extension LambdaService {
    func createFunctionURLConfig(_ request: ServiceRequest, _ labels: RouteLabels) async throws -> ServiceResponse {
        let input = try Lambda.CreateFunctionUrlConfigRequest(decoding: request, labels: labels)
        let target = try urlTarget(input.functionName, input.qualifier, request, action: "CreateFunctionUrlConfig")
        let now = WallClock.milliseconds()
        let url = FunctionURL(
            id: FunctionURL.makeID(), authType: input.authType.rawValue, cors: input.cors.flatMap(CORSSettings.init),
            invokeMode: input.invokeMode?.rawValue, created: now, modified: now)
        try await database.write { connection in
            let functions = FunctionRepository(connection)
            try functions.requireURLOwner(target)
            if try functions.url(target) != nil {
                throw LambdaError.resourceConflict(
                    message: "Failed to create function url config for [functionArn = \(target.arn)]. Error message:  "
                        + "FunctionUrlConfig exists for this Lambda function")
            }
            try functions.attach(url, to: target.key, qualifier: target.attachmentQualifier)
        }
        changed(url, of: target)
        return Lambda.CreateFunctionUrlConfigResponse(
            functionUrl: url.address(target, request), functionArn: target.arn, authType: input.authType,
            cors: url.cors?.answer, creationTime: url.creationTime, invokeMode: input.invokeMode
        ).encode()
    }

    func getFunctionURLConfig(_ request: ServiceRequest, _ labels: RouteLabels) async throws -> ServiceResponse {
        let input = try Lambda.GetFunctionUrlConfigRequest(decoding: request, labels: labels)
        let target = try urlTarget(input.functionName, input.qualifier, request, action: "GetFunctionUrlConfig")
        guard let url = try await database.read({ try FunctionRepository($0).url(target) }) else {
            throw AWSError.noSuchURL
        }
        let entry = url.entry(target, request)
        return Lambda.GetFunctionUrlConfigResponse(
            functionUrl: entry.functionUrl, functionArn: entry.functionArn, authType: entry.authType, cors: entry.cors,
            creationTime: entry.creationTime, lastModifiedTime: entry.lastModifiedTime, invokeMode: entry.invokeMode
        ).encode()
    }

    func updateFunctionURLConfig(_ request: ServiceRequest, _ labels: RouteLabels) async throws -> ServiceResponse {
        let input = try Lambda.UpdateFunctionUrlConfigRequest(decoding: request, labels: labels)
        let target = try urlTarget(input.functionName, input.qualifier, request, action: "UpdateFunctionUrlConfig")
        let url = try await database.write { connection in
            let functions = FunctionRepository(connection)
            try functions.requireURLOwner(target)
            guard var url = try functions.url(target) else { throw AWSError.noSuchURL }
            if let type = input.authType { url.authType = type.rawValue }
            if let cors = input.cors { url.cors = CORSSettings(cors) }
            if let mode = input.invokeMode { url.invokeMode = mode.rawValue }
            url.modified = WallClock.milliseconds()
            try functions.attach(url, to: target.key, qualifier: target.attachmentQualifier)
            return url
        }
        changed(url, of: target)
        return Lambda.UpdateFunctionUrlConfigResponse(
            functionUrl: url.address(target, request), functionArn: target.arn,
            authType: Lambda.FunctionUrlAuthType(rawValue: url.authType), cors: url.cors?.answer,
            creationTime: url.creationTime, lastModifiedTime: url.modificationTime,
            invokeMode: url.invokeMode.map { Lambda.InvokeMode(rawValue: $0) }
        ).encode()
    }

    func deleteFunctionURLConfig(_ request: ServiceRequest, _ labels: RouteLabels) async throws -> ServiceResponse {
        let input = try Lambda.DeleteFunctionUrlConfigRequest(decoding: request, labels: labels)
        let target = try urlTarget(input.functionName, input.qualifier, request, action: "DeleteFunctionUrlConfig")
        let url = try await database.write { connection in
            let functions = FunctionRepository(connection)
            guard let url = try functions.url(target) else { throw AWSError.noSuchURL }
            _ = try functions.detach(FunctionURL.self, from: target.key, qualifier: target.attachmentQualifier)
            return url
        }
        urls.remove(url.id)
        cache.invalidate(target.key)
        return .empty(204)
    }

    func listFunctionURLConfigs(_ request: ServiceRequest, _ labels: RouteLabels) async throws -> ServiceResponse {
        let input = try Lambda.ListFunctionUrlConfigsRequest(decoding: request, labels: labels)
        let key = try FunctionTarget(input.functionName, caller: request.caller, action: "ListFunctionUrlConfigs").key
        // The function itself, whose qualifier is empty, comes first: the marker says more than the qualifier.
        let marker = try Marker.decode(input.marker)
        let start = marker.isEmpty ? nil : String(marker.drop { $0 != ":" }.dropFirst())
        let limit = min(input.maxItems ?? quotas.listPage, quotas.listPage)
        let found = try await database.read { connection in
            let functions = FunctionRepository(connection)
            guard try functions.find(key) != nil else { throw AWSError.functionDoesNotExist }
            return try functions.attached(FunctionURL.self, ofFunction: key, after: start, limit: limit + 1)
        }
        let page = found.prefix(limit)
        return Lambda.ListFunctionUrlConfigsResponse(
            functionUrlConfigs: page.map { $0.document.entry($0.target, request) },
            nextMarker: found.count > limit ? page.last.map { Marker.encode("url:\($0.qualifier)") } : nil
        ).encode()
    }

    private func changed(_ url: FunctionURL, of target: FunctionTarget) {
        urls.set(url, of: target)
        cache.invalidate(target.key)
    }

    /// Only functions and aliases have URLs.
    private func urlTarget(_ name: String, _ qualifier: String?, _ request: ServiceRequest, action: String)
        throws(AWSError) -> FunctionTarget
    {
        let target = try FunctionTarget(name, qualifier: qualifier, caller: request.caller, action: action)
        if let qualifier = target.qualifier, qualifier == Version.latest || Version.number(qualifier) != nil {
            throw .validation(
                "Value '\(qualifier)' at 'qualifier' failed to satisfy constraint: Member must satisfy regular "
                    + #"expression pattern: ((?!^\d+$)^[0-9a-zA-Z-_]+$)"#)
        }
        return target
    }
}

extension FunctionRepository {
    func url(_ target: FunctionTarget) throws -> FunctionURL? {
        try attached(FunctionURL.self, to: target.key, qualifier: target.attachmentQualifier)
    }

    fileprivate func requireURLOwner(_ target: FunctionTarget) throws {
        guard try policyOwner(target) != nil else { throw AWSError.functionDoesNotExist }
    }
}

extension FunctionURL {
    fileprivate func address(_ target: FunctionTarget, _ request: ServiceRequest) -> String {
        FunctionURLAddress.text(id, region: target.key.region, endpoint: request.endpoint)
    }

    fileprivate var creationTime: String { Timestamp.microseconds(milliseconds: created) }
    fileprivate var modificationTime: String { Timestamp.microseconds(milliseconds: modified) }

    /// As Get and List answer it: with the mode that nobody asked for, too.
    fileprivate func entry(_ target: FunctionTarget, _ request: ServiceRequest) -> Lambda.FunctionUrlConfig {
        Lambda.FunctionUrlConfig(
            functionUrl: address(target, request), functionArn: target.arn, creationTime: creationTime,
            lastModifiedTime: modificationTime, cors: cors?.answer,
            authType: Lambda.FunctionUrlAuthType(rawValue: authType),
            invokeMode: invokeMode.map { Lambda.InvokeMode(rawValue: $0) } ?? .buffered)
    }
}

extension AWSError {
    fileprivate static var functionDoesNotExist: AWSError {
        LambdaError.resourceNotFound(message: "Function does not exist")
    }

    fileprivate static var noSuchURL: AWSError {
        LambdaError.resourceNotFound(message: "The resource you requested does not exist.")
    }
}
