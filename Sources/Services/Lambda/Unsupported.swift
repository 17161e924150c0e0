import AWSWire
import LambdaModel

/// The machine that functions run on.
enum Machine {
    /// As AWS names architectures.
    #if arch(x86_64)
        static let architecture = "x86_64"
    #elseif arch(arm64)
        static let architecture = "arm64"
    #endif
}

/// Settings of AWS's that Apus does not have yet. Those that ask for something are refused; those that ask for nothing,
/// which Terraform and SAM send, pass.
enum Unsupported {
    static func check(_ input: Lambda.CreateFunctionRequest) throws(AWSError) {
        if input.packageType == .image {
            throw .unsupported("Functions from container images (PackageType Image) are not implemented: use Zip.")
        }
        try refuse(input.publishTo != nil, "Capacity providers (PublishTo)")
        try refuse(input.codeSigningConfigArn?.isEmpty == false, "Code signing (CodeSigningConfigArn)")
        try refuse(input.code.sourceKMSKeyArn?.isEmpty == false, "Encryption keys (SourceKMSKeyArn)")
        try refuse(input.tenancyConfig != nil, "Tenant isolation (TenancyConfig)")
        try architectures(input.architectures)
        try vpc(input.vpcConfig)
        try others(
            deadLetter: input.deadLetterConfig, key: input.kmsKeyArn, tracing: input.tracingConfig,
            fileSystems: input.fileSystemConfigs, image: input.imageConfig, snapStart: input.snapStart,
            capacityProvider: input.capacityProviderConfig, durable: input.durableConfig)
        try logging(input.loggingConfig)
    }

    static func check(_ input: Lambda.UpdateFunctionConfigurationRequest) throws(AWSError) {
        try vpc(input.vpcConfig)
        try others(
            deadLetter: input.deadLetterConfig, key: input.kmsKeyArn, tracing: input.tracingConfig,
            fileSystems: input.fileSystemConfigs, image: input.imageConfig, snapStart: input.snapStart,
            capacityProvider: input.capacityProviderConfig, durable: input.durableConfig)
        try logging(input.loggingConfig)
    }

    static func check(_ input: Lambda.UpdateFunctionCodeRequest) throws(AWSError) {
        if input.imageUri != nil {
            throw LambdaError.invalidParameterValue(
                message: "Please don't provide ImageUri when updating a function with packageType Zip.")
        }
        try refuse(input.publishTo != nil, "Capacity providers (PublishTo)")
        try refuse(input.sourceKMSKeyArn?.isEmpty == false, "Encryption keys (SourceKMSKeyArn)")
        try architectures(input.architectures)
    }

    private static func refuse(_ isAsked: Bool, _ feature: String) throws(AWSError) {
        if isAsked { throw .unsupported("\(feature): not implemented.") }
    }

    private static func architectures(_ architectures: [Lambda.Architecture]?) throws(AWSError) {
        guard let wanted = architectures?.first(where: { $0.rawValue != Machine.architecture }) else { return }
        throw .unsupported(
            "This machine runs functions of the architecture \(Machine.architecture), not of \(wanted.rawValue).")
    }

    private static func vpc(_ config: Lambda.VpcConfig?) throws(AWSError) {
        guard let config else { return }
        let isAsked =
            config.subnetIds?.isEmpty == false || config.securityGroupIds?.isEmpty == false
            || config.ipv6AllowedForDualStack == true
        try refuse(isAsked, "Access to a VPC (VpcConfig)")
    }

    private static func others(
        deadLetter: Lambda.DeadLetterConfig?, key: String?, tracing: Lambda.TracingConfig?,
        fileSystems: [Lambda.FileSystemConfig]?, image: Lambda.ImageConfig?, snapStart: Lambda.SnapStart?,
        capacityProvider: Lambda.CapacityProviderConfig?, durable: Lambda.DurableConfig?
    ) throws(AWSError) {
        try refuse(deadLetter?.targetArn?.isEmpty == false, "Dead-letter queues (DeadLetterConfig)")
        try refuse(key?.isEmpty == false, "Encryption keys (KMSKeyArn)")
        try refuse(tracing?.mode == .active, "Tracing (TracingConfig Active)")
        try refuse(fileSystems?.isEmpty == false, "File systems (FileSystemConfigs)")
        let hasImage = image?.command?.isEmpty == false || image?.entryPoint?.isEmpty == false
        try refuse(hasImage || image?.workingDirectory?.isEmpty == false, "Container images (ImageConfig)")
        try refuse(snapStart?.applyOn == .publishedVersions, "SnapStart")
        try refuse(capacityProvider != nil, "Capacity providers (CapacityProviderConfig)")
        try refuse(durable != nil, "Durable functions (DurableConfig)")
    }

    private static func logging(_ config: Lambda.LoggingConfig?) throws(AWSError) {
        guard let config else { return }
        try refuse(config.logFormat == .json, "Logs in JSON (LogFormat JSON)")
        if config.applicationLogLevel != nil || config.systemLogLevel != nil {
            throw LambdaError.invalidParameterValue(
                message:
                    "LogLevel is not supported when LogFormat is set to \"Text\". Remove LogLevel from your request "
                    + "or change the LogFormat to \"JSON\" and try again.")
        }
    }
}
