import AWSWire
import LogsModel
import Storage

extension LogsService {
    func createLogGroup(_ request: ServiceRequest) async throws -> ServiceResponse {
        try Self.checkLength(request)
        let input = try Logs.CreateLogGroupRequest(decoding: request)
        guard input.kmsKeyId == nil else {
            throw LogsError.invalidParameter(message: "Encryption with a KMS key is not supported by Apus.")
        }
        guard input.deletionProtectionEnabled != true else {
            throw LogsError.invalidParameter(message: "Deletion protection is not supported by Apus.")
        }
        let key = GroupKey(input.logGroupName, of: request.caller)
        let now = clock()
        try await database.write { connection in
            guard try GroupRecord.find(key, on: connection) == nil else { throw LogsFailure.groupExists }
            let id = try GroupRecord.create(
                key, class: (input.logGroupClass ?? .standard).rawValue, now: now, on: connection)
            try GroupTags.set(input.tags ?? [:], of: id, on: connection)
        }
        return Logs.empty
    }

    /// AWS answers a name that is too long in its own words, before it looks at any other constraint.
    static func checkLength(_ request: ServiceRequest) throws(AWSError) {
        guard let body = try? JSONValue(parsing: request.body), let name = body["logGroupName"]?.string,
            name.utf8.count > 512
        else { return }
        throw LogsError.invalidParameter(
            message: "Invalid LogGroup or LogStream, both must have length less than or equal to 512.")
    }

    func deleteLogGroup(_ request: ServiceRequest) async throws -> ServiceResponse {
        let input = try Logs.DeleteLogGroupRequest(decoding: request)
        let key = GroupKey(input.logGroupName, of: request.caller)
        try await change(key) { group, connection in
            try GroupRecord.delete(group.id, on: connection)
            try ResourcePolicyRecord.delete(of: key, on: connection)
        }
        removal.begin()
        return Logs.empty
    }

    func putRetentionPolicy(_ request: ServiceRequest) async throws -> ServiceResponse {
        let input = try Logs.PutRetentionPolicyRequest(decoding: request)
        guard Retention.allowedDays.contains(input.retentionInDays) else {
            let allowed = Retention.allowedDays.map(String.init).joined(separator: ", ")
            throw LogsError.invalidParameter(
                message: "1 validation error detected: Value '\(input.retentionInDays)' at 'retentionInDays' failed to "
                    + "satisfy constraint: Member must satisfy enum value set: [\(allowed)]")
        }
        try await change(GroupKey(input.logGroupName, of: request.caller)) { group, connection in
            try GroupRecord.setRetention(input.retentionInDays, of: group.id, on: connection)
        }
        return Logs.empty
    }

    func deleteRetentionPolicy(_ request: ServiceRequest) async throws -> ServiceResponse {
        let input = try Logs.DeleteRetentionPolicyRequest(decoding: request)
        try await change(GroupKey(input.logGroupName, of: request.caller)) { group, connection in
            try GroupRecord.setRetention(nil, of: group.id, on: connection)
        }
        return Logs.empty
    }

    func change(
        _ key: GroupKey, else missing: AWSError = LogsFailure.noGroup,
        _ work: @escaping @Sendable (GroupRecord, any SQLConnection) throws -> Void
    ) async throws {
        try await database.write { connection in
            guard let group = try GroupRecord.find(key, on: connection) else { throw missing }
            try work(group, connection)
        }
    }
}
