package import AWSWire
package import NIOHTTP1

/// The API of Amazon CloudWatch (2010-08-01), in rpc-v2-cbor, in JSON 1.0 and in the older query protocol: operations,
/// shapes, errors.
///
/// A service answers a request in four steps, whichever protocol it speaks:
///
///     switch try CloudWatch.route(request) {
///     case .listMetrics:
///         let input = try CloudWatch.ListMetricsInput(decoding: request)
///         return CloudWatch.answer(.listMetrics, to: request, CloudWatch.ListMetricsOutput(metrics: metrics(input)))
///     case let operation:
///         throw AWSError.notImplemented(operation.rawValue)
///     }
///
/// Everything under `Generated` is written by `Scripts/generate_models.py` from `Scripts/models.json`.
package enum CloudWatch {
    package static let query = WireProtocol.query(namespace: Operation.namespace)

    /// What clients speak now.
    package static let cbor = WireProtocol.rpcCBOR(errors: errors(.own))

    package static func wireProtocol(of headers: HTTPHeaders) -> WireProtocol {
        if QueryAnswer.isForm(headers) { return query }
        // Recorded in LocalStack's test_exception_serializing_with_no_shape_in_spec.
        let names = errors(headers.first(name: "x-amzn-query-mode") == "true" ? .own : .badRequest)
        return CBORAnswer.isAsked(headers) ? .rpcCBOR(errors: names) : .awsJSON(version: "1.0", errors: names)
    }

    private static func errors(_ statuses: WireProtocol.Statuses) -> WireProtocol.ErrorNames {
        .queryCompatible(namespace: "com.amazonaws.cloudwatch.v2010_08_01", statuses: statuses)
    }

    /// The operation that the path, `X-Amz-Target` or a form's `Action` names.
    ///
    /// - Throws: `UnknownOperationException`, `MissingAction`, `InvalidAction`.
    package static func route(_ request: ServiceRequest) throws(AWSError) -> Operation {
        if CBORAnswer.isAsked(request.headers) {
            guard let operation = CBORAnswer.operation(of: request.path).flatMap({ Operation(rawValue: String($0)) })
            else { throw .unknownOperation }
            return operation
        }
        if QueryAnswer.isForm(request.headers) {
            let action = try QueryAnswer.action(of: request)
            guard let operation = Operation(rawValue: action) else {
                throw QueryAnswer.invalidAction(action, in: request)
            }
            return operation
        }
        guard let target = request.header("X-Amz-Target"), target.hasPrefix(Operation.targetPrefix),
            let operation = Operation(rawValue: String(target.dropFirst(Operation.targetPrefix.count)))
        else { throw .unknownTarget }
        return operation
    }

    /// The answer of a successful operation.
    ///
    /// - Parameter output: What it returns; nil for operations that return nothing.
    package static func answer(
        _ operation: Operation, to request: ServiceRequest, _ output: (any ShapeOutput)?
    ) -> ServiceResponse {
        if CBORAnswer.isAsked(request.headers) { return CBORAnswer.response(output) }
        if QueryAnswer.isForm(request.headers) {
            return QueryAnswer.response(
                operation.rawValue, namespace: Operation.namespace, requestID: request.requestID, output)
        }
        let contentType = "application/x-amz-json-1.0"
        guard let output else { return .payload(nil, status: 200, contentType: contentType) }
        var writer = JSONWriter()
        output.encode(to: &writer)
        return .json(writer, status: 200, contentType: contentType)
    }
}
