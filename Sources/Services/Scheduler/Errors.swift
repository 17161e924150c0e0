import AWSWire
import SchedulerModel

/// What Scheduler says when something cannot be done. Where no recording of AWS's words is known, it is said beside
/// them.
extension AWSError {
    /// https://github.com/getmoto/moto, tests/test_scheduler.
    static func noSchedule(_ name: String) -> AWSError {
        SchedulerError.resourceNotFound(message: "Schedule \(name) does not exist.")
    }

    static func scheduleExists(_ name: String) -> AWSError {
        SchedulerError.conflict(message: "Schedule \(name) already exists.")
    }

    /// In the words of ``noSchedule(_:)``.
    static func noGroup(_ name: String) -> AWSError {
        SchedulerError.resourceNotFound(message: "Schedule group \(name) does not exist.")
    }

    /// In the words of ``scheduleExists(_:)``.
    static func groupExists(_ name: String) -> AWSError {
        SchedulerError.conflict(message: "Schedule group \(name) already exists.")
    }

    static func invalidSchedule(_ message: String) -> AWSError { SchedulerError.validation(message: message) }

    /// AWS's words for this are not known.
    static let tokenReused = SchedulerError.conflict(
        message: "The client token was used in a request with other parameters.")

    /// The Terraform provider waits for what it says to pass (internal/service/scheduler/schedule.go).
    static let roleNotAssumable = invalidSchedule(
        "The execution role you provide must allow AWS EventBridge Scheduler to assume the role.")

    /// https://github.com/getmoto/moto, tests/test_scheduler.
    static let startTooEarly = invalidSchedule("The StartDate you specify cannot be earlier than 5 minutes ago.")

    /// Seen of ARNs that no schedule may have as its target, such as those of API destinations.
    static let invalidTarget = invalidSchedule("Provided Arn is not in correct format.")

    /// Seen of universal targets.
    static func missingFields(_ names: [String]) -> AWSError {
        invalidSchedule(
            "Invalid RequestJson provided. Reason Request payload is missing the following field(s): "
                + "\(names.joined(separator: ", ")).")
    }
}
