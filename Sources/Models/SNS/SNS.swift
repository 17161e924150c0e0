package import AWSWire

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
package enum SNS {
    package static let wireProtocol = WireProtocol.query(namespace: Operation.namespace)

    /// The operation that the request's `Action` names.
    ///
    /// - Throws: `MissingAction`, `InvalidAction`.
    package static func route(_ request: ServiceRequest) throws(AWSError) -> Operation {
        let action = try QueryAnswer.action(of: request)
        guard let operation = Operation(rawValue: action) else {
            throw QueryAnswer.invalidAction(action, in: request)
        }
        return operation
    }

    /// The answer of a successful operation.
    ///
    /// - Parameter output: What it returns; nil for operations that return nothing.
    package static func answer(
        _ operation: Operation, to request: ServiceRequest, _ output: (any QueryOutput)? = nil
    ) -> ServiceResponse {
        QueryAnswer.response(
            operation.rawValue, namespace: Operation.namespace, requestID: request.requestID, output)
    }
}
