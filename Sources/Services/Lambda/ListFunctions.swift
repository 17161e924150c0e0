import AWSWire
import LambdaModel
import Storage

extension LambdaService {
    func listFunctions(_ request: ServiceRequest, _ labels: RouteLabels) async throws -> ServiceResponse {
        let input = try Lambda.ListFunctionsRequest(decoding: request, labels: labels)
        // There are no replicas of Lambda@Edge, which are all that a master region has.
        if input.masterRegion != nil { return Lambda.ListFunctionsResponse(functions: []).encode() }
        let start = try Marker.decode(input.marker)
        let limit = min(input.maxItems ?? quotas.listPage, quotas.listPage)
        let (account, region) = (request.caller.account.digits, request.caller.region)
        if input.functionVersion == .all {
            return try await listVersions(account: account, region: region, after: start, limit: limit)
        }
        let found = try await database.read {
            try FunctionRepository($0).list(account: account, region: region, after: start, limit: limit + 1)
        }
        let page = found.prefix(limit)
        return Lambda.ListFunctionsResponse(
            nextMarker: found.count > limit ? page.last.map { Marker.encode($0.key.name) } : nil,
            functions: page.map { entry($0, qualifier: nil) }
        ).encode()
    }

    /// Every version of every function. The marker is `NAME:VERSION`, 0 for `$LATEST`.
    private func listVersions(account: String, region: String, after start: String, limit: Int) async throws
        -> ServiceResponse
    {
        let parts = start.split(separator: ":")
        let name = parts.first.map(String.init) ?? ""
        let number = parts.last.flatMap { Int($0) } ?? 0
        let found = try await database.read {
            try FunctionRepository($0).listVersions(
                account: account, region: region, after: name, number, limit: limit + 1)
        }
        let page = found.prefix(limit)
        let marker = page.last.map { "\($0.key.name):\(Version.number($0.version) ?? 0)" }
        return Lambda.ListFunctionsResponse(
            nextMarker: found.count > limit ? marker.map(Marker.encode) : nil,
            functions: page.map { entry($0, qualifier: $0.version) }
        ).encode()
    }

    func getAccountSettings(_ request: ServiceRequest) async throws -> ServiceResponse {
        let (account, region) = (request.caller.account.digits, request.caller.region)
        let (usage, claimed) = try await database.read { connection in
            let functions = FunctionRepository(connection)
            return (
                try functions.usage(account: account, region: region),
                try functions.claimedConcurrency(account: account, region: region)
            )
        }
        return Lambda.GetAccountSettingsResponse(
            accountLimit: Lambda.AccountLimit(
                totalCodeSize: quotas.totalCodeBytes, codeSizeUnzipped: quotas.unzippedCodeBytes,
                codeSizeZipped: quotas.zippedCodeBytes, concurrentExecutions: quotas.concurrentExecutions,
                unreservedConcurrentExecutions: quotas.concurrentExecutions - claimed),
            accountUsage: Lambda.AccountUsage(totalCodeSize: usage.codeBytes, functionCount: usage.functions)
        ).encode()
    }
}

/// Where a list goes on: the name of the last entry, made opaque.
enum Marker {
    static func encode(_ name: String) -> String { Base64.encode(name.utf8) }

    /// - Returns: The name; empty for the first page.
    static func decode(_ marker: String?) throws(AWSError) -> String {
        guard let marker, !marker.isEmpty else { return "" }
        guard let name = Base64.decodeText(marker) else {
            throw LambdaError.invalidParameterValue(message: "Invalid Marker: use the NextMarker of the page before.")
        }
        return name
    }
}
