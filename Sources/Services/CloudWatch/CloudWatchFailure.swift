import AWSWire
import CloudWatchModel

/// The errors that several operations have, in AWS's words where they are known: LocalStack's
/// tests/aws/services/cloudwatch/*.snapshot.json record them.
extension AWSError {
    static func invalidValue(_ message: String) -> AWSError { CloudWatchError.invalidParameterValue(message: message) }

    static func invalidValue(_ value: some CustomStringConvertible, for parameter: String) -> AWSError {
        invalidValue("The value \(value) for parameter \(parameter) is invalid.")
    }

    static func invalidCombination(_ message: String) -> AWSError {
        CloudWatchError.invalidParameterCombination(message: message)
    }

    static func exclusive(_ one: String, _ other: String) -> AWSError {
        invalidCombination(
            "The parameters \(one) and \(other) are mutually exclusive and you have specified both.")
    }

    static func missing(_ parameter: String) -> AWSError {
        CloudWatchError.missingRequiredParameter(message: "The parameter \(parameter) is required.")
    }

    static func tooMany(_ collection: String, limit: Int) -> AWSError {
        invalidValue("The collection \(collection) must not have a size greater than \(limit).")
    }

    /// What queries and alarms are refused with.
    static func validation(_ message: String) -> AWSError {
        AWSError(code: "ValidationException", message: message, status: 400)
    }

    static var badToken: AWSError { CloudWatchError.invalidNextToken(message: "The token is not valid.") }

    /// Without a message: so AWS answers, as recorded in test_set_alarm_invalid_input.
    static var noAlarm: AWSError { AWSError(code: "ResourceNotFound", message: "", status: 404) }
}
