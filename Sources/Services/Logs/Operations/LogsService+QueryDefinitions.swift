import AWSWire
import LogsModel
import Storage

/// Queries that are kept to be run again.
extension LogsService {
    /// AWS's quota, per account and region.
    private static let definitionLimit = 1_000

    func putQueryDefinition(_ request: ServiceRequest) async throws -> ServiceResponse {
        let input = try Logs.PutQueryDefinitionRequest(decoding: request)
        guard input.queryLanguage == nil || input.queryLanguage == .cwli else {
            throw AWSError.unsupported("Queries in SQL and PPL: not implemented.")
        }
        let owner = Self.definitionOwner(request)
        let now = clock()
        let id = try await database.write { connection -> String in
            var record = QueryDefinitionRecord(
                id: RequestID.make(), name: input.name, query: input.queryString, groups: input.logGroupNames ?? [],
                parameters: input.parameters ?? [], token: input.clientToken ?? "", modified: now)
            if let id = input.queryDefinitionId {
                guard try QueryDefinitionRecord.find(id, of: owner, on: connection) != nil else {
                    throw LogsError.resourceNotFound(message: "The specified query definition does not exist.")
                }
                record.id = id
            } else {
                // The same request again.
                if !record.token.isEmpty,
                    let made = try QueryDefinitionRecord.find(token: record.token, of: owner, on: connection)
                {
                    return made.id
                }
                guard try QueryDefinitionRecord.count(of: owner, on: connection) < Self.definitionLimit else {
                    throw LogsError.limitExceeded(message: "Resource limit exceeded.")
                }
            }
            try record.put(of: owner, on: connection)
            return record.id
        }
        return Logs.PutQueryDefinitionResponse(queryDefinitionId: id).encode()
    }

    func describeQueryDefinitions(_ request: ServiceRequest) async throws -> ServiceResponse {
        let input = try Logs.DescribeQueryDefinitionsRequest(decoding: request)
        let limit = input.maxResults ?? 1_000
        let after = try input.nextToken.map { (token) throws(AWSError) in try Self.definition(at: token) }
        let owner = Self.definitionOwner(request)
        guard (input.queryLanguage ?? .cwli) == .cwli else {
            return Logs.DescribeQueryDefinitionsResponse(queryDefinitions: []).encode()
        }
        return try await database.read { connection in
            let found = try QueryDefinitionRecord.list(
                of: owner, prefix: input.queryDefinitionNamePrefix ?? "", after: after, limit: limit + 1,
                on: connection)
            let page = found.prefix(limit)
            return Logs.DescribeQueryDefinitionsResponse(
                queryDefinitions: page.map(\.shape),
                nextToken: found.count > limit ? page.last.map { Base64.encode("\($0.id)\($0.name)".utf8) } : nil)
        }.encode()
    }

    /// An id, which has always the same length, and a name.
    private static func definition(at token: String) throws(AWSError) -> (name: String, id: String) {
        guard let text = Base64.decodeText(token), text.count > 36
        else { throw LogsFailure.invalidToken }
        return (String(text.dropFirst(36)), String(text.prefix(36)))
    }

    func deleteQueryDefinition(_ request: ServiceRequest) async throws -> ServiceResponse {
        let input = try Logs.DeleteQueryDefinitionRequest(decoding: request)
        let owner = Self.definitionOwner(request)
        try await database.write { connection in
            guard try QueryDefinitionRecord.delete(input.queryDefinitionId, of: owner, on: connection) else {
                throw LogsError.resourceNotFound(message: "The specified query definition does not exist.")
            }
        }
        return Logs.DeleteQueryDefinitionResponse(success: true).encode()
    }

    private static func definitionOwner(_ request: ServiceRequest) -> QueryDefinitionRecord.Owner {
        QueryDefinitionRecord.Owner(account: request.caller.account.digits, region: request.caller.region)
    }
}

extension QueryDefinitionRecord {
    fileprivate var shape: Logs.QueryDefinition {
        Logs.QueryDefinition(
            queryLanguage: .cwli, queryDefinitionId: id, name: name, queryString: query, lastModified: Int(modified),
            logGroupNames: groups, parameters: parameters.isEmpty ? nil : parameters)
    }
}
