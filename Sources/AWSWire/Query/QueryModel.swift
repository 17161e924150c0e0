/// The API of a service that speaks the query protocol and nothing else, as its model has it.
package protocol QueryModel {
    associatedtype Operation: RawRepresentable<String>

    /// What the elements of the service's documents belong to.
    static var namespace: String { get }
}

extension QueryModel {
    package static var wireProtocol: WireProtocol { .query(namespace: namespace) }

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
        QueryAnswer.response(operation.rawValue, namespace: namespace, requestID: request.requestID, output)
    }
}
