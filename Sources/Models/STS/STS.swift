import AWSWire

/// The API of AWS Security Token Service (2011-06-15), in the query protocol: operations, shapes, errors.
///
/// A service answers a request in four steps:
///
///     switch try STS.route(request) {
///     case .getAccessKeyInfo:
///         let input = try STS.GetAccessKeyInfoRequest(decoding: request)
///         return STS.answer(.getAccessKeyInfo, to: request, STS.GetAccessKeyInfoResponse(account: owner(input)))
///     case let operation:
///         throw AWSError.notImplemented(operation.rawValue)
///     }
///
/// Decoding checks every modelled constraint and throws one `ValidationError` that lists all that are broken, in AWS's
/// words. Everything under `Generated` is written by `Scripts/generate_models.py` from `Scripts/models.json`.
package enum STS: QueryModel {
    package static var namespace: String { Operation.namespace }
}
