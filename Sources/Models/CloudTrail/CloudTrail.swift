package import AWSWire

/// The API of AWS CloudTrail (2013-11-01, JSON 1.1): its operations, shapes and errors, used as those of CloudWatch
/// Logs are.
///
/// Everything under `Generated` is written by `Scripts/generate_models.py` from `Scripts/models.json`.
package enum CloudTrail {
    /// - Returns: nil when `X-Amz-Target` is missing or names no operation of the service.
    package static func route(_ request: ServiceRequest) -> Operation? {
        guard let target = request.header("X-Amz-Target"), target.hasPrefix(Operation.targetPrefix) else { return nil }
        return Operation(rawValue: String(target.dropFirst(Operation.targetPrefix.count)))
    }
}
