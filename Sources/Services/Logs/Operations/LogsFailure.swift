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
    static var streamExists: AWSError {
        LogsError.resourceAlreadyExists(message: "The specified log stream already exists")
    }
    static var noQuery: AWSError { LogsError.resourceNotFound(message: "The specified query does not exist.") }
    static var noFilter: AWSError {
        LogsError.resourceNotFound(message: "The specified subscription filter does not exist.")
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

    static func pattern(_ failure: FilterPattern.Failure) -> AWSError {
        let reason =
            switch failure {
            case .characters(let term): ": Invalid character(s) in term '\(term)'"
            case .regularExpression(let text): ": Invalid regular expression '\(text)'"
            case .tooManyExpressions: ": More than \(FilterPattern.expressionLimit) regular expressions"
            case .unterminatedQuote, .malformed: ""
            }
        return LogsError.invalidParameter(message: "Invalid filter pattern\(reason)")
    }
}

extension FilterPattern {
    /// - Throws: `InvalidParameterException`.
    init(parameter text: String) throws(AWSError) {
        do throws(Failure) { try self.init(text) } catch { throw LogsFailure.pattern(error) }
    }

    /// How many filters of a group may have regular expressions: each is looked for in every event. As on AWS.
    private static let expressiveFilterLimit = 5

    /// - Parameter others: The patterns of the group's other filters, of both kinds.
    /// - Throws: `LimitExceededException`.
    func checkExpressions(beside others: [String]) throws(AWSError) {
        guard expressions > 0 else { return }
        let expressive = others.filter { text in
            text.contains("%") && ((try? FilterPattern(text))?.expressions ?? 0) > 0
        }
        guard expressive.count < Self.expressiveFilterLimit else {
            throw LogsError.limitExceeded(message: "Resource limit exceeded.")
        }
    }
}
