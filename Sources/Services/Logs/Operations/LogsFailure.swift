import AWSWire
import LogsModel

/// The errors that several operations have, in AWS's words where they are known.
enum LogsFailure {
    static var noGroup: AWSError { LogsError.resourceNotFound(message: "The specified log group does not exist.") }
    static var noStream: AWSError { LogsError.resourceNotFound(message: "The specified log stream does not exist.") }
    static var noResource: AWSError { LogsError.resourceNotFound(message: "The specified resource does not exist.") }
    static var groupExists: AWSError {
        LogsError.resourceAlreadyExists(message: "The specified log group already exists")
    }
    static var invalidToken: AWSError { LogsError.invalidParameter(message: "The specified nextToken is invalid.") }

    static var nameAndIdentifier: AWSError {
        LogsError.validation(message: "LogGroup name and LogGroup ARN are mutually exclusive parameters.")
    }
    static var neitherNameNorIdentifier: AWSError {
        LogsError.invalidParameter(message: "One of logGroupName and logGroupIdentifier must be specified.")
    }
    static var namesAndPrefix: AWSError {
        LogsError.invalidParameter(
            message: "LogStream names and LogStream name prefix are mutually exclusive parameters.")
    }
}
