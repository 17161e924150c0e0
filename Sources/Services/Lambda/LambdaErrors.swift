import AWSWire
import LambdaModel

/// The errors of the service, in AWS's words.
extension AWSError {
    static func functionNotFound(_ arn: String) -> AWSError {
        LambdaError.resourceNotFound(message: "Function not found: \(arn)")
    }

    static func updateInProgress(_ arn: String) -> AWSError {
        LambdaError.resourceConflict(
            message: "The operation cannot be performed at this time. An update is in progress for resource: \(arn)")
    }

    /// - Parameter state: `Pending` or `Failed`.
    static func unfitState(_ state: String) -> AWSError {
        LambdaError.resourceConflict(
            message:
                "The operation cannot be performed at this time. The function is currently in the following state: "
                + state)
    }

    static var revisionMismatch: AWSError {
        LambdaError.preconditionFailed(
            message:
                "The Revision Id provided does not match the latest Revision Id. Call the GetFunction/GetAlias API "
                + "to retrieve the latest Revision Id")
    }

    static func requestEntityTooLarge(_ message: String) -> AWSError {
        AWSError(code: "RequestEntityTooLargeException", message: message, status: 413)
    }

    /// In the words that github.com/ASFHyP3/hyp3/issues/2241 shows, with today's limit.
    static func eventTooLarge(_ size: Int, limit: Int) -> AWSError {
        requestEntityTooLarge("\(size) byte payload is too large for the Event invocation type (limit \(limit) bytes)")
    }

    static func validation(_ problem: String) -> AWSError {
        AWSError(code: "ValidationException", message: "1 validation error detected: \(problem)", status: 400)
    }

    static func accessDenied(caller: Caller, action: String, resource: String) -> AWSError {
        accessDenied(caller.principalARN, action: "lambda:\(action)", resource: resource)
    }
}
