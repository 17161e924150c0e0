import AWSWire
import LambdaModel
import Storage

/// What becomes of an invocation that is part of a loop:
/// https://docs.aws.amazon.com/lambda/latest/dg/invocation-recursion.html
struct FunctionRecursion: Attachment, Hashable {
    static let kind = "recursion"

    /// `Allow` or `Terminate`.
    var recursiveLoop: String

    /// Whether loops go on.
    var isAllowed: Bool { recursiveLoop == Lambda.RecursiveLoop.allow.rawValue }
}

extension LambdaService {
    func putFunctionRecursionConfig(_ request: ServiceRequest, _ labels: RouteLabels) async throws -> ServiceResponse {
        let input = try Lambda.PutFunctionRecursionConfigRequest(decoding: request, labels: labels)
        let target = try FunctionTarget(
            input.functionName, caller: request.caller, action: "PutFunctionRecursionConfig")
        try target.requireUnqualified()
        try await database.write { connection in
            let functions = FunctionRepository(connection)
            guard try functions.find(target.key) != nil else { throw AWSError.functionNotFound(target.arn) }
            try functions.attach(FunctionRecursion(recursiveLoop: input.recursiveLoop.rawValue), to: target.key)
        }
        cache.invalidate(target.key)
        return Lambda.PutFunctionRecursionConfigResponse(recursiveLoop: input.recursiveLoop).encode()
    }

    func getFunctionRecursionConfig(_ request: ServiceRequest, _ labels: RouteLabels) async throws -> ServiceResponse {
        let input = try Lambda.GetFunctionRecursionConfigRequest(decoding: request, labels: labels)
        let target = try FunctionTarget(
            input.functionName, caller: request.caller, action: "GetFunctionRecursionConfig")
        try target.requireUnqualified()
        let recursion = try await database.read { connection in
            let functions = FunctionRepository(connection)
            guard try functions.find(target.key) != nil else { throw AWSError.functionNotFound(target.arn) }
            return try functions.attached(FunctionRecursion.self, to: target.key)
        }
        return Lambda.GetFunctionRecursionConfigResponse(
            recursiveLoop: recursion.map { Lambda.RecursiveLoop(rawValue: $0.recursiveLoop) } ?? .terminate
        ).encode()
    }
}
