import AWSWire
import Fleet
import LambdaModel

/// The settings of a function that most functions leave alone. Kept as JSON within its ``FunctionSettings``; a member
/// that a later version adds must be optional.
struct FunctionOptions: Codable, Hashable, Sendable {
    /// Subnets and security groups, kept and shown: a function's network does not depend on them.
    struct VPC: Codable, Hashable, Sendable {
        var subnets: [String]
        var securityGroups: [String]
        var allowsIPv6: Bool
    }

    /// `LoggingConfig` but for its group.
    struct Logging: Codable, Hashable, Sendable {
        /// `JSON`; text is the absence of all this.
        var format: String
        var applicationLevel: String
        var systemLevel: String
    }

    /// The queue or topic for events that could not be processed.
    var deadLetterARN: String?
    /// Shown, and otherwise without effect: all variables are encrypted with the server's own key.
    var kmsKeyARN: String?
    /// Whether invocations are sampled unless the caller says otherwise (`TracingConfig` `Active`).
    var isTraced: Bool?
    var vpc: VPC?
    var logging: Logging?
    var fileSystem: FunctionFileSystem?
    /// Whether published versions use SnapStart.
    var isSnapStart: Bool?

    /// What the fleet does with the function's log.
    var functionLogging: FunctionLogging {
        guard let logging else { return FunctionLogging() }
        return FunctionLogging(
            format: .json, applicationLevel: logging.applicationLevel, systemLevel: logging.systemLevel)
    }
}

extension FunctionSettings {
    /// These settings with what the request asks of ``FunctionOptions``.
    func with(
        _ changes: FunctionOptions.Changes, for key: FunctionKey, accessPoints: Set<String>
    ) throws(AWSError) -> FunctionSettings {
        var options = self.options ?? FunctionOptions()
        try options.apply(changes, region: key.region)
        try options.applyFileSystems(changes.fileSystems, for: key, accessPoints: accessPoints)
        var settings = self
        settings.options = options == FunctionOptions() ? nil : options
        try settings.requireSnapStartable()
        return settings
    }
}

extension FunctionOptions {
    /// What CreateFunction and UpdateFunctionConfiguration say alike.
    struct Changes: Sendable {
        var deadLetter: Lambda.DeadLetterConfig?
        var kmsKey: String?
        var tracing: Lambda.TracingConfig?
        var vpc: Lambda.VpcConfig?
        var logging: Lambda.LoggingConfig?
        var fileSystems: [Lambda.FileSystemConfig]?
        var snapStart: Lambda.SnapStart?

        init(_ input: Lambda.CreateFunctionRequest) {
            deadLetter = input.deadLetterConfig
            kmsKey = input.kmsKeyArn
            tracing = input.tracingConfig
            vpc = input.vpcConfig
            logging = input.loggingConfig
            fileSystems = input.fileSystemConfigs
            snapStart = input.snapStart
        }

        init(_ input: Lambda.UpdateFunctionConfigurationRequest) {
            deadLetter = input.deadLetterConfig
            kmsKey = input.kmsKeyArn
            tracing = input.tracingConfig
            vpc = input.vpcConfig
            logging = input.loggingConfig
            fileSystems = input.fileSystemConfigs
            snapStart = input.snapStart
        }

        /// The dead-letter queue that is asked for.
        var deadLetterARN: String? {
            get throws(AWSError) { try FunctionOptions.deadLetter(deadLetter?.targetArn ?? "") }
        }
    }

    /// - Parameter region: The function's, which AWS names in a refusal.
    fileprivate mutating func apply(_ changes: Changes, region: String) throws(AWSError) {
        // An empty configuration changes nothing, an empty ARN takes the queue away.
        if let arn = changes.deadLetter?.targetArn { deadLetterARN = try Self.deadLetter(arn) }
        if let key = changes.kmsKey {
            kmsKeyARN = try Self.key(key, region: region)
        }
        if let mode = changes.tracing?.mode { isTraced = mode == .active ? true : nil }
        if let config = changes.vpc { vpc = try Self.vpc(config) }
        if let applyOn = changes.snapStart?.applyOn { isSnapStart = applyOn == .publishedVersions ? true : nil }
        if let config = changes.logging { logging = try Self.logging(config, current: logging) }
    }

    fileprivate static func deadLetter(_ arn: String) throws(AWSError) -> String? {
        if arn.isEmpty { return nil }
        guard let parsed = ARN(arn), parsed.service == "sqs" || parsed.service == "sns" else {
            throw LambdaError.invalidParameterValue(
                message: "Invalid dead letter ARN: \(arn) is neither an Amazon SQS queue nor an Amazon SNS topic.")
        }
        return arn
    }

    /// The words are AWS's for an ARN that AWS KMS cannot read.
    private static func key(_ arn: String, region: String) throws(AWSError) -> String? {
        if arn.isEmpty { return nil }
        let parsed = ARN(arn)
        guard let parsed, parsed.service == "kms", parsed.region == region, parsed.resource.hasPrefix("key/") else {
            let isAlias = parsed?.service == "kms" && parsed?.resource.hasPrefix("alias/") == true
            let problem = isAlias ? "Key Aliases are not supported for this operation." : "Invalid arn \(region)"
            throw LambdaError.invalidParameterValue(
                message: "Lambda was unable to configure access to your environment variables because the KMS key is "
                    + "invalid for CreateGrant. Please check your KMS key settings. KMS Exception: InvalidArnException "
                    + "KMS Message: \(problem)")
        }
        return arn
    }

    private static func vpc(_ config: Lambda.VpcConfig) throws(AWSError) -> VPC {
        let (subnets, groups) = (config.subnetIds ?? [], config.securityGroupIds ?? [])
        if subnets.isEmpty != groups.isEmpty {
            throw LambdaError.invalidParameterValue(
                message: "SubnetIds and SecurityIds must coexist or be both empty list.")
        }
        return VPC(
            subnets: subnets, securityGroups: groups, allowsIPv6: config.ipv6AllowedForDualStack ?? false)
    }

    /// As recorded in TestLoggingConfig: levels are of JSON alone, INFO unless given, and gone with a change to text.
    private static func logging(_ config: Lambda.LoggingConfig, current: Logging?) throws(AWSError) -> Logging? {
        let isJSON = config.logFormat.map { $0 == .json } ?? (current != nil)
        guard isJSON else {
            if config.applicationLogLevel != nil || config.systemLogLevel != nil {
                throw LambdaError.invalidParameterValue(
                    message: "LogLevel is not supported when LogFormat is set to \"Text\". Remove LogLevel from your "
                        + "request or change the LogFormat to \"JSON\" and try again.")
            }
            return nil
        }
        return Logging(
            format: Lambda.LogFormat.json.rawValue,
            applicationLevel: config.applicationLogLevel?.rawValue ?? current?.applicationLevel ?? "INFO",
            systemLevel: config.systemLogLevel?.rawValue ?? current?.systemLevel ?? "INFO")
    }
}

// MARK: Answers

extension FunctionOptions {
    /// Adds what AWS's answers have only when it was set.
    func fill(_ answer: inout Lambda.FunctionConfiguration) {
        answer.deadLetterConfig = deadLetterARN.map { Lambda.DeadLetterConfig(targetArn: $0) }
        answer.kmsKeyArn = kmsKeyARN
        if isTraced == true { answer.tracingConfig = Lambda.TracingConfigResponse(mode: .active) }
        answer.fileSystemConfigs = fileSystem.map {
            [Lambda.FileSystemConfig(arn: $0.accessPointARN, localMountPath: $0.path)]
        }
        // Which network the subnets are in only Amazon EC2 could say.
        answer.vpcConfig = vpc.map {
            Lambda.VpcConfigResponse(
                subnetIds: $0.subnets, securityGroupIds: $0.securityGroups, vpcId: "",
                ipv6AllowedForDualStack: $0.allowsIPv6)
        }
        if let logging {
            answer.loggingConfig?.logFormat = .json
            answer.loggingConfig?.applicationLogLevel = Lambda.ApplicationLogLevel(rawValue: logging.applicationLevel)
            answer.loggingConfig?.systemLogLevel = Lambda.SystemLogLevel(rawValue: logging.systemLevel)
        }
    }
}
