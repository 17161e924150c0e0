import AWSWire
import LambdaModel
import Storage

/// Tags of layers, which all their versions share.
extension LambdaService {
    /// The layer that an ARN names; nil when it names something else.
    func layerResource(_ arn: String, _ request: ServiceRequest, action: String) throws(AWSError) -> LayerKey? {
        guard let parsed = ARN(arn), parsed.resource.hasPrefix("layer:") else { return nil }
        return try LayerKey(arn, caller: request.caller, action: action)
    }

    func tagLayer(_ key: LayerKey, _ added: [String: String]) async throws -> ServiceResponse {
        if added.isEmpty {
            throw LambdaError.invalidParameterValue(message: "An error occurred and the request cannot be processed.")
        }
        let validation = validation
        try await changeTags(key) { tags in
            try validation.tags(added, existing: tags)
            tags.merge(added) { $1 }
        }
        return .empty(204)
    }

    func untagLayer(_ key: LayerKey, _ names: [String]) async throws -> ServiceResponse {
        try await changeTags(key) { tags in
            for name in names { tags[name] = nil }
        }
        return .empty(204)
    }

    func listTagsOfLayer(_ key: LayerKey) async throws -> ServiceResponse {
        let tags = try await database.read { try LayerRepository($0).tags(of: key) }
        guard let tags else { throw Self.noResource }
        return Lambda.ListTagsResponse(tags: tags).encode()
    }

    private func changeTags(
        _ key: LayerKey, _ change: @escaping @Sendable (inout [String: String]) throws -> Void
    ) async throws {
        try await database.write { connection in
            let layers = LayerRepository(connection)
            guard var tags = try layers.tags(of: key) else { throw Self.noResource }
            try change(&tags)
            try layers.set(tags: tags, of: key)
        }
    }

    private static let noResource = LambdaError.resourceNotFound(
        message: "The resource you requested does not exist.")
}
