import AWSWire

/// The API of Amazon Simple Notification Service (2010-03-31), in the query protocol: operations, shapes, errors.
///
/// A service answers a request in four steps:
///
///     switch try SNS.route(request) {
///     case .listTopics:
///         let input = try SNS.ListTopicsRequest(decoding: request)
///         return SNS.answer(.listTopics, to: request, SNS.ListTopicsResponse(topics: topics(input)))
///     case let operation:
///         throw AWSError.notImplemented(operation.rawValue)
///     }
///
/// Decoding checks every modelled constraint and throws one `ValidationError` that lists all that are broken, in AWS's
/// words. Everything under `Generated` is written by `Scripts/generate_models.py` from `Scripts/models.json`.
package enum SNS: QueryModel {
    package static var namespace: String { Operation.namespace }
}
