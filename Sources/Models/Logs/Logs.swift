package import AWSWire

/// The API of Amazon CloudWatch Logs (2014-03-28, JSON 1.1): its operations, shapes and errors.
///
/// A service answers a request in four steps:
///
///     guard let operation = Logs.route(request) else { throw AWSError.unknownTarget }
///     switch operation {
///     case .getLogEvents:
///         let input = try Logs.GetLogEventsRequest(decoding: request)
///         guard let events = read(input) else { throw LogsError.resourceNotFound(message: "…") }
///         return Logs.GetLogEventsResponse(events: events).encode()
///     case .deleteLogGroup:
///         …
///         return Logs.empty
///     default:
///         throw AWSError.notImplemented(operation.rawValue)
///     }
///
/// Decoding checks every modelled constraint and throws one `InvalidParameterException` that lists all that are
/// broken, in AWS's words. Everything under `Generated` is written by `Scripts/generate_models.py`.
package enum Logs {
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
