import AWSWire
import LambdaModel
import Storage

extension LambdaService {
    func tagResource(_ request: ServiceRequest, _ labels: RouteLabels) async throws -> ServiceResponse {
        let input = try Lambda.TagResourceRequest(decoding: request, labels: labels)
        if let layer = try layerResource(input.resource, request, action: "TagResource") {
            return try await tagLayer(layer, input.tags)
        }
        let resource = try taggable(input.resource, request, action: "TagResource")
        if input.tags.isEmpty {
            throw LambdaError.invalidParameterValue(message: "An error occurred and the request cannot be processed.")
        }
        let validation = validation
        try await changeTags(resource) { tags in
            try validation.tags(input.tags, existing: tags)
            tags.merge(input.tags) { $1 }
        }
        return .empty(204)
    }

    func untagResource(_ request: ServiceRequest, _ labels: RouteLabels) async throws -> ServiceResponse {
        let input = try Lambda.UntagResourceRequest(decoding: request, labels: labels)
        if let layer = try layerResource(input.resource, request, action: "UntagResource") {
            return try await untagLayer(layer, input.tagKeys)
        }
        let resource = try taggable(input.resource, request, action: "UntagResource")
        try await changeTags(resource) { tags in
            for key in input.tagKeys { tags[key] = nil }
        }
        return .empty(204)
    }

    func listTags(_ request: ServiceRequest, _ labels: RouteLabels) async throws -> ServiceResponse {
        let input = try Lambda.ListTagsRequest(decoding: request, labels: labels)
        if let layer = try layerResource(input.resource, request, action: "ListTags") {
            return try await listTagsOfLayer(layer)
        }
        switch try taggable(input.resource, request, action: "ListTags") {
        case .function(let target):
            return Lambda.ListTagsResponse(tags: try await record(target).tags).encode()
        case .codeSigningConfig(let arn, let caller):
            let config = try await database.read { try CodeSigningRepository($0).require(arn, caller) }
            return Lambda.ListTagsResponse(tags: config.settings.tags).encode()
        }
    }

    /// The ARN of what has tags, if it is a function.
    static func function(tagged resource: String?) -> String? {
        resource.flatMap { ARN($0)?.resource.hasPrefix("function:") == true ? $0 : nil }
    }

    /// A change of tags makes a new revision, as recorded in test_tag_lifecycle; environments run on.
    private func changeTags(
        _ resource: Taggable, _ change: @escaping @Sendable (inout [String: String]) throws -> Void
    ) async throws {
        try await database.write { connection in
            switch resource {
            case .function(let target):
                let functions = FunctionRepository(connection)
                guard var record = try functions.find(target.key) else {
                    throw AWSError.functionNotFound(target.arn)
                }
                try change(&record.tags)
                record.revisionID = RequestID.make()
                try functions.save(record)
            case .codeSigningConfig(let arn, let caller):
                let configs = CodeSigningRepository(connection)
                var config = try configs.require(arn, caller)
                try change(&config.settings.tags)
                try configs.save(config)
            }
        }
        // Policies may decide by them.
        if case .function(let target) = resource { cache.invalidate(target.key) }
    }

    /// What has tags.
    private enum Taggable: Sendable {
        case function(FunctionTarget)
        case codeSigningConfig(arn: String, caller: Caller)
    }

    /// The resource that an ARN names. Of the others that have tags there are none.
    private func taggable(_ arn: String, _ request: ServiceRequest, action: String) throws(AWSError) -> Taggable {
        let kind = ARN(arn).map { $0.resource.prefix { $0 != ":" } } ?? ""
        switch kind {
        case "function": break
        case "event-source-mapping":
            throw LambdaError.resourceNotFound(message: "Event source mapping not found: \(arn)")
        case "capacity-provider": throw LambdaError.resourceNotFound(message: "Capacity provider not found: \(arn)")
        case "code-signing-config": return .codeSigningConfig(arn: arn, caller: request.caller)
        default: throw LambdaError.resourceNotFound(message: "The resource you requested does not exist.")
        }
        let target = try FunctionTarget(arn, caller: request.caller, action: action)
        if target.qualifier != nil {
            throw LambdaError.invalidParameterValue(
                message: "Tags on function aliases and versions are not supported. Please specify a function ARN.")
        }
        return .function(target)
    }
}
