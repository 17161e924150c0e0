import AWSWire
import LogsModel
import Storage

extension LogsService {
    func filterLogEvents(_ request: ServiceRequest) async throws -> ServiceResponse {
        let input = try Logs.FilterLogEventsRequest(decoding: request)
        let key = try GroupKey(input.logGroupName, identifier: input.logGroupIdentifier, of: request.caller)
        return try await database.read { connection in
            guard let group = try GroupRecord.find(key, on: connection) else { throw LogsFailure.noGroup }
            return try GroupPage(input, group: group, on: connection).read(on: connection)
        }.encode()
    }

    func getLogEvents(_ request: ServiceRequest) async throws -> ServiceResponse {
        let input = try Logs.GetLogEventsRequest(decoding: request)
        let key = try GroupKey(input.logGroupName, identifier: input.logGroupIdentifier, of: request.caller)
        return try await database.read { connection in
            guard let group = try GroupRecord.find(key, on: connection) else { throw LogsFailure.noGroup }
            guard let stream = try StreamRecord.find(input.logStreamName, in: group.id, on: connection) else {
                throw LogsFailure.noStream
            }
            return try StreamPage(input, stream: stream.id).read(on: connection)
        }.encode()
    }
}

extension GroupKey {
    init(_ name: String, of caller: Caller) {
        self.init(account: caller.account.digits, region: caller.region, name: name)
    }

    /// The group that an operation names by its name or by an identifier, which is a name or an ARN.
    ///
    /// - Throws: `ValidationException` when there are both, `InvalidParameterException` when there is neither,
    ///   `ResourceNotFoundException` for another account's or region's ARN.
    init(_ name: String?, identifier: String?, of caller: Caller) throws(AWSError) {
        switch (name, identifier) {
        case (_?, _?): throw LogsFailure.nameAndIdentifier
        case (nil, nil): throw LogsFailure.neitherNameNorIdentifier
        case (let name?, nil): self.init(name, of: caller)
        case (nil, let identifier?):
            guard identifier.hasPrefix("arn:") else {
                self.init(identifier, of: caller)
                return
            }
            guard let key = GroupKey(arn: identifier), key == GroupKey(key.name, of: caller) else {
                throw LogsFailure.noGroup
            }
            self = key
        }
    }

    /// - Returns: nil unless `arn` is that of a group.
    init?(arn: String) {
        guard let arn = ARN(arn), arn.service == "logs" else { return nil }
        let parts = arn.resource.split(separator: ":", omittingEmptySubsequences: false)
        guard parts.count == 2, parts[0] == "log-group", !parts[1].isEmpty else { return nil }
        self.init(account: arn.account, region: arn.region, name: String(parts[1]))
    }
}
