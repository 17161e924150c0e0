import AWSWire
import SQSModel

/// The errors that several operations have, in AWS's words where they are known: LocalStack's
/// tests/aws/services/sqs/*.snapshot.json record them.
extension AWSError {
    static func invalidParameter(_ message: String) -> AWSError {
        AWSError(
            code: "InvalidParameterValueException", queryCode: "InvalidParameterValue", message: message, status: 400)
    }

    static func invalidParameter(_ name: String, _ value: some CustomStringConvertible, _ reason: String) -> AWSError {
        invalidParameter("Value \(value) for parameter \(name) is invalid. Reason: \(reason)")
    }

    static func unknownAttribute(_ name: String) -> AWSError {
        SQSError.invalidAttributeName(message: "Unknown Attribute \(name).")
    }

    static func invalidAttribute(_ name: String, _ reason: String? = nil) -> AWSError {
        let reason = reason.map { " Reason: \($0)" } ?? ""
        return SQSError.invalidAttributeValue(message: "Invalid value for the parameter \(name).\(reason)")
    }

    /// The older protocol has the older words.
    static func noQueue(in request: ServiceRequest) -> AWSError {
        let suffix = QueryAnswer.isForm(request.headers) ? " for this wsdl version." : "."
        return SQSError.queueDoesNotExist(message: "The specified queue does not exist\(suffix)")
    }

    static var noQueue: AWSError { SQSError.queueDoesNotExist(message: "The specified queue does not exist.") }

    /// What is no queue's address: https://github.com/aws/aws-sdk-net/issues/437 has AWS's words.
    static func invalidAddress(_ url: String) -> AWSError {
        SQSError.invalidAddress(message: "The address \(url) is not valid for this endpoint.")
    }

    static func noResource(_ parameter: String) -> AWSError {
        SQSError.resourceNotFound(
            message: "The resource that you specified for the \(parameter) parameter doesn't exist.")
    }

    static func invalidHandle(_ handle: String) -> AWSError {
        SQSError.receiptHandleIsInvalid(
            message: "The input receipt handle \"\(handle)\" is not a valid receipt handle.")
    }

    static func expiredHandle(_ handle: String) -> AWSError {
        invalidParameter("ReceiptHandle", handle, "The receipt handle has expired.")
    }

    /// As entries of a batch's answer name it.
    var entryCode: String { queryCode ?? code }
}
