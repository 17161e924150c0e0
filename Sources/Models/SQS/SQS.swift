package import AWSWire
package import NIOHTTP1

/// The API of Amazon Simple Queue Service (2012-11-05), in JSON 1.0 and in the older query protocol: operations,
/// shapes, errors.
///
/// A service answers a request in four steps, whichever protocol it speaks:
///
///     switch try SQS.route(request) {
///     case .getQueueUrl:
///         let input = try SQS.GetQueueUrlRequest(decoding: request)
///         return SQS.answer(.getQueueUrl, to: request, SQS.GetQueueUrlResult(queueUrl: url(input)))
///     case let operation:
///         throw AWSError.notImplemented(operation.rawValue)
///     }
///
/// Everything under `Generated` is written by `Scripts/generate_models.py` from `Scripts/models.json`.
package enum SQS {
    package static let json = WireProtocol.awsJSON(
        version: "1.0", errors: .queryCompatible(namespace: "com.amazonaws.sqs"))
    package static let query = WireProtocol.query(namespace: Operation.namespace, errors: .withDetail)

    package static func wireProtocol(of headers: HTTPHeaders) -> WireProtocol {
        QueryAnswer.isForm(headers) ? query : json
    }

    /// The operation that `X-Amz-Target` or a form's `Action` names.
    ///
    /// - Throws: `UnknownOperationException`, `InvalidAction`.
    package static func route(_ request: ServiceRequest) throws(AWSError) -> Operation {
        guard QueryAnswer.isForm(request.headers) else {
            guard let target = request.header("X-Amz-Target"), target.hasPrefix(Operation.targetPrefix),
                let operation = Operation(rawValue: String(target.dropFirst(Operation.targetPrefix.count)))
            else { throw .unknownTarget }
            return operation
        }
        guard let action = FormValue(request)["Action"]?.text else { throw .unknownOperation }
        guard let operation = Operation(rawValue: action) else { throw invalidAction(action) }
        return operation
    }

    /// In the words recorded in LocalStack's test_invalid_action_raises_exception.
    package static func invalidAction(_ action: String) -> AWSError {
        AWSError(code: "InvalidAction", message: "The action \(action) is not valid for this endpoint.", status: 400)
    }

    /// The answer of a successful operation.
    ///
    /// - Parameter output: What it returns; nil for operations that return nothing.
    package static func answer(
        _ operation: Operation, to request: ServiceRequest, _ output: (any QueryOutput & JSONOutput)?
    ) -> ServiceResponse {
        guard !QueryAnswer.isForm(request.headers) else {
            return QueryAnswer.response(
                operation.rawValue, namespace: Operation.namespace, requestID: request.requestID, output)
        }
        return output?.encode() ?? .payload(nil, status: 200, contentType: "application/x-amz-json-1.0")
    }
}
