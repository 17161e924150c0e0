import AWSWire
import Delivery
import EventBridgeModel
import Identity

/// What EventBridge says when something cannot be done, in AWS's words where they are known: most are recorded in
/// LocalStack's tests/aws/services/events/*.snapshot.json.
enum EventsFailure {
    static func validation(_ message: String) -> AWSError {
        AWSError(code: "ValidationException", message: message, status: 400)
    }

    static func parameter(_ name: String, _ reason: String) -> AWSError {
        validation("Parameter \(name) is not valid. Reason: \(reason)")
    }

    static func pattern(_ reason: String) -> AWSError {
        EventBridgeError.invalidEventPattern(message: "Event pattern is not valid. Reason: \(reason)")
    }

    static func noBus(_ name: String) -> AWSError {
        EventBridgeError.resourceNotFound(message: "Event bus \(name) does not exist.")
    }

    static func noRule(_ key: RuleKey) -> AWSError {
        EventBridgeError.resourceNotFound(message: "Rule \(key.name) does not exist on EventBus \(key.bus.name).")
    }

    static func noArchive(_ name: String) -> AWSError {
        EventBridgeError.resourceNotFound(message: "Archive \(name) does not exist.")
    }

    static func noReplay(_ name: String) -> AWSError {
        EventBridgeError.resourceNotFound(message: "Replay \(name) does not exist.")
    }

    /// What a bus says of an event that another bus has passed on already, as a dead letter on AWS had it.
    static func hop(_ parcel: Parcel) -> AWSError {
        let isFar = ARN(parcel.target)?.region != ARN(parcel.sender.source)?.region
        let id = (try? JSONValue(parsing: parcel.body))?["id"]?.string ?? parcel.id
        return AWSError(
            code: isFar ? "THIRD_REGION_HOP_DETECTED" : "THIRD_ACCOUNT_HOP_DETECTED",
            message: "Event ingestion rejected for event \(id) because an event can be sent to an event bus target "
                + "only once. This event was previously delivered to an event bus target.",
            status: 400)
    }

    static func exists(_ what: String) -> AWSError {
        EventBridgeError.resourceAlreadyExists(message: "\(what) already exists.")
    }

    static var tooMany: AWSError {
        EventBridgeError.limitExceeded(message: "The requested resource exceeds the maximum number allowed.")
    }
}
