import AWSWire
import LogsModel
import Storage

extension LogsService {
    func listTagsForResource(_ request: ServiceRequest) async throws -> ServiceResponse {
        let input = try Logs.ListTagsForResourceRequest(decoding: request)
        let key = try Self.group(input.resourceArn, of: request.caller)
        return try await database.read { connection in
            guard let group = try GroupRecord.find(key, on: connection) else { throw LogsFailure.noResource }
            return Logs.ListTagsForResourceResponse(tags: try GroupTags.all(of: group.id, on: connection))
        }.encode()
    }

    func tagResource(_ request: ServiceRequest) async throws -> ServiceResponse {
        let input = try Logs.TagResourceRequest(decoding: request)
        let key = try Self.group(input.resourceArn, of: request.caller)
        try await database.write { connection in
            guard let group = try GroupRecord.find(key, on: connection) else { throw LogsFailure.noResource }
            try GroupTags.set(input.tags, of: group.id, on: connection)
            guard try GroupTags.all(of: group.id, on: connection).count <= GroupTags.limit else {
                throw LogsError.tooManyTags(
                    message: "The resource cannot have more than \(GroupTags.limit) tags.",
                    resourceName: input.resourceArn)
            }
        }
        return Logs.empty
    }

    func untagResource(_ request: ServiceRequest) async throws -> ServiceResponse {
        let input = try Logs.UntagResourceRequest(decoding: request)
        let key = try Self.group(input.resourceArn, of: request.caller)
        try await database.write { connection in
            guard let group = try GroupRecord.find(key, on: connection) else { throw LogsFailure.noResource }
            try GroupTags.remove(input.tagKeys, of: group.id, on: connection)
        }
        return Logs.empty
    }

    // MARK: The older operations, by a group's name

    func listTagsLogGroup(_ request: ServiceRequest) async throws -> ServiceResponse {
        let input = try Logs.ListTagsLogGroupRequest(decoding: request)
        let key = GroupKey(input.logGroupName, of: request.caller)
        return try await database.read { connection in
            guard let group = try GroupRecord.find(key, on: connection) else { throw LogsFailure.noGroup }
            return Logs.ListTagsLogGroupResponse(tags: try GroupTags.all(of: group.id, on: connection))
        }.encode()
    }

    func tagLogGroup(_ request: ServiceRequest) async throws -> ServiceResponse {
        let input = try Logs.TagLogGroupRequest(decoding: request)
        let key = GroupKey(input.logGroupName, of: request.caller)
        try await database.write { connection in
            guard let group = try GroupRecord.find(key, on: connection) else { throw LogsFailure.noGroup }
            try GroupTags.set(input.tags, of: group.id, on: connection)
            guard try GroupTags.all(of: group.id, on: connection).count <= GroupTags.limit else {
                throw LogsError.invalidParameter(
                    message: "The log group cannot have more than \(GroupTags.limit) tags.")
            }
        }
        return Logs.empty
    }

    func untagLogGroup(_ request: ServiceRequest) async throws -> ServiceResponse {
        let input = try Logs.UntagLogGroupRequest(decoding: request)
        let key = GroupKey(input.logGroupName, of: request.caller)
        try await database.write { connection in
            guard let group = try GroupRecord.find(key, on: connection) else { throw LogsFailure.noGroup }
            try GroupTags.remove(input.tags, of: group.id, on: connection)
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
