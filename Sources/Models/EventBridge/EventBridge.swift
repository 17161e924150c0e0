package import AWSWire

/// The API of Amazon EventBridge (2015-10-07, JSON 1.1): its operations, shapes and errors.
///
/// Decoding checks every modelled constraint and throws one `ValidationException` that lists all that are broken, in
/// AWS's words. Everything under `Generated` is written by `Scripts/generate_models.py`.
package enum EventBridge {
    /// - Returns: nil when `X-Amz-Target` is missing or names no operation of the service.
    package static func route(_ request: ServiceRequest) -> Operation? {
        guard let target = request.header("X-Amz-Target"), target.hasPrefix(Operation.targetPrefix) else { return nil }
        return Operation(rawValue: String(target.dropFirst(Operation.targetPrefix.count)))
    }

    /// The answer of a successful operation that returns nothing.
    package static var empty: ServiceResponse {
        .payload(nil, status: 200, contentType: "application/x-amz-json-1.1")
    }
}
