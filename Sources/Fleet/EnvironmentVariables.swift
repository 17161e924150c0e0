import Runtimes

/// What an execution environment finds in its variables.
enum EnvironmentVariables {
    /// The names that a function cannot set: the reserved ones of the developer guide's page about environment
    /// variables.
    static let reserved: Set<String> = [
        "_HANDLER", "_X_AMZN_TRACE_ID", "AWS_DEFAULT_REGION", "AWS_REGION", "AWS_EXECUTION_ENV",
        "AWS_LAMBDA_FUNCTION_NAME", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "AWS_LAMBDA_FUNCTION_VERSION",
        "AWS_LAMBDA_INITIALIZATION_TYPE", "AWS_LAMBDA_LOG_GROUP_NAME", "AWS_LAMBDA_LOG_STREAM_NAME", "AWS_ACCESS_KEY",
        "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_LAMBDA_RUNTIME_API",
        "LAMBDA_TASK_ROOT", "LAMBDA_RUNTIME_DIR",
    ]

    /// `NAME=value`, sorted by name: the runtime's defaults, over them the function's own, over them the reserved ones.
    /// An image names its own handler and directories.
    static func make(
        for version: FunctionVersion, kind: Environment.Kind, credentials: EnvironmentCredentials, token: String? = nil,
        logStream: String, endpointURL: String?
    ) -> [String] {
        var variables = common(version.runtime)
        if let endpointURL { variables["AWS_ENDPOINT_URL"] = endpointURL }
        for (name, value) in version.variables where !reserved.contains(name) { variables[name] = value }
        if !version.runtime.isImage { variables["_HANDLER"] = version.handler }
        variables["AWS_REGION"] = version.key.region
        variables["AWS_DEFAULT_REGION"] = version.key.region
        variables["AWS_LAMBDA_FUNCTION_NAME"] = version.key.name
        variables["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"] = String(version.memoryMiB)
        variables["AWS_LAMBDA_FUNCTION_VERSION"] = version.key.version
        variables["AWS_LAMBDA_INITIALIZATION_TYPE"] = kind.rawValue
        if let token {
            addReference(to: token, &variables)
        } else {
            variables["AWS_LAMBDA_LOG_GROUP_NAME"] = version.logGroup
            variables["AWS_LAMBDA_LOG_STREAM_NAME"] = logStream
            variables["AWS_ACCESS_KEY_ID"] = credentials.accessKeyID
            variables["AWS_SECRET_ACCESS_KEY"] = credentials.secretAccessKey
            variables["AWS_SESSION_TOKEN"] = credentials.sessionToken
        }
        if version.logging.format == .json {
            variables["AWS_LAMBDA_LOG_FORMAT"] = "JSON"
            variables["AWS_LAMBDA_LOG_LEVEL"] = version.logging.applicationLevel ?? "INFO"
        }
        variables["AWS_LAMBDA_RUNTIME_API"] = "127.0.0.1:9001"
        variables["AWS_XRAY_CONTEXT_MISSING"] = "LOG_ERROR"
        variables["AWS_XRAY_DAEMON_ADDRESS"] = "\(TraceDaemon.host):\(TraceDaemon.port)"
        variables["_AWS_XRAY_DAEMON_ADDRESS"] = TraceDaemon.host
        variables["_AWS_XRAY_DAEMON_PORT"] = String(TraceDaemon.port)
        if !version.runtime.isImage {
            variables["LAMBDA_TASK_ROOT"] = "/var/task"
            variables["LAMBDA_RUNTIME_DIR"] = "/var/runtime"
        }
        return list(variables)
    }

    /// What changes between a snapshot and an invocation is no variable: credentials are asked for, and there is no log
    /// stream. https://docs.aws.amazon.com/lambda/latest/dg/snapstart-monitoring.html
    private static func addReference(to token: String, _ variables: inout [String: String]) {
        variables["AWS_CONTAINER_CREDENTIALS_FULL_URI"] = "http://127.0.0.1:9001/2021-04-23/credentials"
        variables["AWS_CONTAINER_AUTHORIZATION_TOKEN"] = token
    }

    /// What a runtime finds that starts before it is known for which function; nil when this function's must not.
    static func boot(for version: FunctionVersion) -> [String]? {
        guard version.runtime.canBoot(before: version.variables.keys), !ExecWrapper.isUsed(by: version) else {
            return nil
        }
        return list(common(version.runtime))
    }

    /// What no function's configuration changes.
    private static func common(_ runtime: ResolvedRuntime) -> [String: String] {
        var variables: [String: String] = ["TZ": ":UTC"]
        for (name, value) in runtime.environment { variables[name] = value }
        return variables
    }

    private static func list(_ variables: [String: String]) -> [String] {
        variables.map { "\($0.key)=\($0.value)" }.sorted()
    }
}
