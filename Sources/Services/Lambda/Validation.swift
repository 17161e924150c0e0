import AWSWire
import LambdaModel
import NIOCore
import Runtimes

/// The checks that AWS makes beyond the constraints of the request's shape.
struct Validation: Sendable {
    var quotas: Quotas
    var resolveRuntime: ResolveRuntime

    /// Names that AWS keeps for itself:
    /// https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html#configuration-envvars-runtime
    static let reservedVariables: Set<String> = [
        "_HANDLER", "_X_AMZN_TRACE_ID", "AWS_DEFAULT_REGION", "AWS_REGION", "AWS_EXECUTION_ENV",
        "AWS_LAMBDA_FUNCTION_NAME", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "AWS_LAMBDA_FUNCTION_VERSION",
        "AWS_LAMBDA_INITIALIZATION_TYPE", "AWS_LAMBDA_LOG_GROUP_NAME", "AWS_LAMBDA_LOG_STREAM_NAME", "AWS_ACCESS_KEY",
        "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_LAMBDA_RUNTIME_API",
        "LAMBDA_TASK_ROOT", "LAMBDA_RUNTIME_DIR",
    ]

    /// - Throws: `InvalidParameterValueException` for an identifier that AWS does not know or has retired, and for one
    ///   that this machine cannot run.
    func runtime(_ runtime: Lambda.Runtime) throws(AWSError) {
        guard runtime.isAccepted else {
            throw runtime.isKnown ? Lambda.Runtime.retired(runtime.rawValue) : Lambda.Runtime.unknown(runtime.rawValue)
        }
        do throws(RuntimeUnavailable) {
            _ = try resolveRuntime(runtime.rawValue)
        } catch {
            throw LambdaError.invalidParameterValue(message: error.description)
        }
    }

    /// Everything but the runtime.
    ///
    /// - Parameter request: Has the environment variables in the order in which AWS measures and prints them.
    func settings(_ settings: FunctionSettings, _ request: ServiceRequest) throws(AWSError) {
        try memory(settings.memoryMiB)
        try timeout(settings.timeoutSeconds)
        try ephemeralStorage(settings.ephemeralStorageMiB)
        if let variables = settings.variables { try environment(variables, request) }
    }

    private func memory(_ size: Int) throws(AWSError) {
        if size > quotas.memoryMiB.upperBound {
            throw LambdaError.invalidParameterValue(
                message:
                    "'MemorySize' value failed to satisfy constraint: Member must have value less than or equal to "
                    + "\(quotas.memoryMiB.upperBound)")
        }
        try atLeast(quotas.memoryMiB.lowerBound, size, "memorySize")
    }

    private func timeout(_ seconds: Int) throws(AWSError) {
        if seconds > quotas.timeoutSeconds.upperBound {
            throw .validation(
                "Value '\(seconds)' at 'timeout' failed to satisfy constraint: Member must have value less than or "
                    + "equal to \(quotas.timeoutSeconds.upperBound)")
        }
        try atLeast(quotas.timeoutSeconds.lowerBound, seconds, "timeout")
    }

    private func ephemeralStorage(_ size: Int) throws(AWSError) {
        if size > quotas.ephemeralStorageMiB.upperBound {
            throw .validation(
                "Value '\(size)' at 'ephemeralStorage.size' failed to satisfy constraint: Member must have value less "
                    + "than or equal to \(quotas.ephemeralStorageMiB.upperBound)")
        }
        try atLeast(quotas.ephemeralStorageMiB.lowerBound, size, "ephemeralStorage.size")
    }

    private func atLeast(_ bound: Int, _ value: Int, _ member: String) throws(AWSError) {
        if value < bound {
            throw .validation(
                "Value '\(value)' at '\(member)' failed to satisfy constraint: Member must have value greater than or "
                    + "equal to \(bound)")
        }
    }

    private func environment(_ variables: [String: String], _ request: ServiceRequest) throws(AWSError) {
        guard environmentProblem(variables, order: variables.keys.sorted()) != nil else { return }
        // The order makes no difference but to the words: AWS's have that of the request.
        let sent = (try? JSONValue(parsing: request.body))?["Environment"]?["Variables"]?.members.map(\.name) ?? []
        let order = sent.filter { variables[$0] != nil } + variables.keys.sorted().filter { !sent.contains($0) }
        if let problem = environmentProblem(variables, order: order) { throw problem }
    }

    private func environmentProblem(_ variables: [String: String], order: [String]) -> AWSError? {
        let reserved = order.filter(Self.reservedVariables.contains)
        if !reserved.isEmpty {
            return LambdaError.invalidParameterValue(
                message:
                    "Lambda was unable to configure your environment variables because the environment variables you "
                    + "have provided contains reserved keys that are currently not supported for modification. "
                    + "Reserved keys used in this request: \(reserved.joined(separator: ", "))")
        }
        var writer = JSONWriter()
        writer.beginObject()
        for name in order {
            writer.name(name)
            writer.string(variables[name] ?? "")
        }
        writer.endObject()
        if writer.buffer.readableBytes <= quotas.environmentBytes { return nil }
        return LambdaError.invalidParameterValue(
            message:
                "Lambda was unable to configure your environment variables because the environment variables you have "
                + "provided exceeded the 4KB limit. String measured: \(String(buffer: writer.buffer))")
    }

    /// - Parameters:
    ///   - tags: What the request sets.
    ///   - existing: What the function has already.
    func tags(_ tags: [String: String], existing: [String: String] = [:]) throws(AWSError) {
        for (key, value) in tags {
            if key.lowercased().hasPrefix("aws:") {
                throw LambdaError.invalidParameterValue(
                    message: "aws: prefixed tag key names are not allowed for external use.")
            }
            if key.isEmpty || key.unicodeScalars.count > 128 || value.unicodeScalars.count > 256 {
                throw LambdaError.invalidParameterValue(
                    message: "An error occurred and the request cannot be processed.")
            }
        }
        if existing.merging(tags, uniquingKeysWith: { $1 }).count > quotas.tagsPerFunction {
            throw LambdaError.invalidParameterValue(message: "Number of tags exceeds resource tag limit.")
        }
    }
}
