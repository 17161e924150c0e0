import AWSWire
import SNSModel

/// What SNS says when something cannot be done. Codes, statuses and wordings are AWS's.
extension AWSError {
    static let noTopic = SNSError.notFound(message: "Topic does not exist")
    static let noSubscription = SNSError.notFound(message: "Subscription does not exist")
    static let noResource = SNSError.resourceNotFound(message: "Resource does not exist")

    static func invalid(_ what: String) -> AWSError {
        SNSError.invalidParameter(message: "Invalid parameter: \(what)")
    }

    static func missing(_ parameter: String) -> AWSError {
        invalid("\(parameter) Reason: no value for required parameter")
    }

    static func invalidValue(_ message: String) -> AWSError { SNSError.invalidParameterValue(message: message) }

    static func shortARN(_ parameter: String, _ count: Int) -> AWSError {
        invalid("\(parameter) Reason: An ARN must have at least 6 elements, not \(count)")
    }
}

/// Where attributes are given, which their errors tell.
enum AttributeSource {
    /// In a map of many.
    case map
    /// By one call for each.
    case alone

    func invalid(_ what: String) -> AWSError {
        switch self {
        case .map: .invalid("Attributes Reason: \(what)")
        case .alone: .invalid(what)
        }
    }
}
