import AWSWire
import LambdaModel

/// What may have SnapStart: https://docs.aws.amazon.com/lambda/latest/dg/snapstart.html#snapstart-runtimes
extension FunctionSettings {
    /// Whether versions of these settings use SnapStart.
    var isSnapStart: Bool { options?.isSnapStart == true }

    /// Java from 11, Python from 3.12 and .NET from 8 on.
    private static let snapStartRuntimes: Set<String> = [
        "java11", "java17", "java21", "java25", "python3.12", "python3.13", "python3.14", "dotnet8", "dotnet10",
    ]

    /// AWS refuses other runtimes in these words, and images and ARM in the same ones with "ContainerImage" and "arm64"
    /// for as long as it had no SnapStart for them; how it words the rest is not recorded.
    func requireSnapStartable() throws(AWSError) {
        guard isSnapStart else { return }
        if image != nil { throw .unsupported("SnapStart of container images: not implemented.") }
        guard Self.snapStartRuntimes.contains(runtime) else { throw Self.refusal(of: runtime) }
        if ephemeralStorageMiB > 512 { throw Self.refusal(of: "EphemeralStorage greater than 512 MB") }
        if options?.fileSystem != nil { throw Self.refusal(of: "EFS") }
    }

    private static func refusal(of feature: String) -> AWSError {
        LambdaError.invalidParameterValue(message: "\(feature) is not supported for SnapStart enabled functions.")
    }
}

extension FunctionRecord {
    /// Whether this is a version that is initialised when it is published.
    var isSnapStart: Bool { version != Version.latest && settings.isSnapStart }

    /// `OptimizationStatus` says that the version uses SnapStart, its state whether it is ready.
    var snapStartAnswer: Lambda.SnapStartResponse {
        Lambda.SnapStartResponse(
            applyOn: settings.isSnapStart ? .publishedVersions : Lambda.SnapStartApplyOn.none,
            optimizationStatus: isSnapStart ? .on : .off)
    }
}

extension StateReason {
    /// A published version did not initialise. As users of AWS report it: hashicorp/terraform-provider-aws#49904.
    static let initialisationFailed = StateReason(
        code: "FunctionError", text: "An error occurred during function initialization.")
}

extension AWSError {
    /// The words of the developer guide ("Troubleshooting SnapStart errors").
    static var snapStartNotReady: AWSError {
        LambdaError.snapStartNotReady(
            message:
                "Lambda is initializing your function. It will be ready to invoke once your function state becomes "
                + "ACTIVE.")
    }

    /// Those of the model; how the service words it is not recorded.
    static var restoreFailed: AWSError {
        LambdaError.snapStart(
            message: "The afterRestore() runtime hook encountered an error. For more information, check the Amazon "
                + "CloudWatch logs.")
    }

    static var restoreTimedOut: AWSError {
        LambdaError.snapStartTimeout(message: "Lambda couldn't restore the snapshot within the timeout limit.")
    }

    static var provisionedSnapStart: AWSError {
        LambdaError.invalidParameterValue(
            message: "Provisioned Concurrency is not supported for SnapStart enabled functions.")
    }
}
