import AWSWire
import LogsModel
import Storage

extension LogsService {
    func listTagsForResource(_ request: ServiceRequest) async throws -> ServiceResponse {
        let input = try Logs.ListTagsForResourceRequest(decoding: request)
        let key = try Self.group(input.resourceArn, of: request.caller)
        return Logs.ListTagsForResourceResponse(tags: try await tags(of: key, else: LogsFailure.noResource)).encode()
    }

    func tagResource(_ request: ServiceRequest) async throws -> ServiceResponse {
        let input = try Logs.TagResourceRequest(decoding: request)
        let key = try Self.group(input.resourceArn, of: request.caller)
        let tooMany = LogsError.tooManyTags(
            message: "The resource cannot have more than \(GroupTags.limit) tags.", resourceName: input.resourceArn)
        return try await tag(key, input.tags, else: LogsFailure.noResource, tooMany: tooMany)
    }

    func untagResource(_ request: ServiceRequest) async throws -> ServiceResponse {
        let input = try Logs.UntagResourceRequest(decoding: request)
        let key = try Self.group(input.resourceArn, of: request.caller)
        return try await untag(key, input.tagKeys, else: LogsFailure.noResource)
    }

    // MARK: The older operations, by a group's name

    func listTagsLogGroup(_ request: ServiceRequest) async throws -> ServiceResponse {
        let input = try Logs.ListTagsLogGroupRequest(decoding: request)
        let key = GroupKey(input.logGroupName, of: request.caller)
        return Logs.ListTagsLogGroupResponse(tags: try await tags(of: key, else: LogsFailure.noGroup)).encode()
    }

    func tagLogGroup(_ request: ServiceRequest) async throws -> ServiceResponse {
        let input = try Logs.TagLogGroupRequest(decoding: request)
        let tooMany = LogsError.invalidParameter(
            message: "The log group cannot have more than \(GroupTags.limit) tags.")
        return try await tag(
            GroupKey(input.logGroupName, of: request.caller), input.tags, else: LogsFailure.noGroup, tooMany: tooMany)
    }

    func untagLogGroup(_ request: ServiceRequest) async throws -> ServiceResponse {
        let input = try Logs.UntagLogGroupRequest(decoding: request)
        return try await untag(
            GroupKey(input.logGroupName, of: request.caller), input.tags, else: LogsFailure.noGroup)
    }

    // MARK: What both do

    private func tags(of key: GroupKey, else missing: AWSError) async throws -> [String: String] {
        try await database.read { connection in
            guard let group = try GroupRecord.find(key, on: connection) else { throw missing }
            return try GroupTags.all(of: group.id, on: connection)
        }
    }

    private func tag(
        _ key: GroupKey, _ tags: [String: String], else missing: AWSError, tooMany: AWSError
    ) async throws -> ServiceResponse {
        try await change(key, else: missing) { group, connection in
            try GroupTags.set(tags, of: group.id, on: connection)
            guard try GroupTags.all(of: group.id, on: connection).count <= GroupTags.limit else { throw tooMany }
        }
        return Logs.empty
    }

    private func untag(_ key: GroupKey, _ names: [String], else missing: AWSError) async throws -> ServiceResponse {
        try await change(key, else: missing) { group, connection in
            try GroupTags.remove(names, of: group.id, on: connection)
        }
        return Logs.empty
    }

    /// Only groups have tags here.
    private static func group(_ arn: String, of caller: Caller) throws(AWSError) -> GroupKey {
        guard let key = GroupKey(arn: arn), key == GroupKey(key.name, of: caller) else { throw LogsFailure.noResource }
        return key
    }
}

/// The tags of groups.
enum GroupTags {
    /// How many one group may have.
    static let limit = 50

    static func all(of group: Int64, on connection: any SQLConnection) throws(StorageError) -> [String: String] {
        let rows = try connection.query("SELECT key, value FROM logs_tags WHERE group_id = ?", [.integer(group)])
        var tags: [String: String] = [:]
        for row in rows { tags[try row.text("key")] = try row.text("value") }
        return tags
    }

    /// Adds tags and replaces those of the same keys.
    static func set(_ tags: [String: String], of group: Int64, on connection: any SQLConnection) throws(StorageError) {
        for (key, value) in tags {
            try connection.execute(
                """
                INSERT INTO logs_tags (group_id, key, value) VALUES (?, ?, ?)
                ON CONFLICT (group_id, key) DO UPDATE SET value = excluded.value
                """,
                [.integer(group), .name(key), .name(value)])
        }
    }

    static func remove(_ keys: [String], of group: Int64, on connection: any SQLConnection) throws(StorageError) {
        for key in keys {
            try connection.execute(
                "DELETE FROM logs_tags WHERE group_id = ? AND key = ?", [.integer(group), .name(key)])
        }
    }
}
