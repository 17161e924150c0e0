import AWSWire

/// The API of AWS Identity and Access Management (2010-05-08), in the query protocol: operations, shapes, errors.
///
/// A service answers a request in four steps:
///
///     switch try IAM.route(request) {
///     case .getRole:
///         let input = try IAM.GetRoleRequest(decoding: request)
///         return IAM.answer(.getRole, to: request, IAM.GetRoleResponse(role: role(input)))
///     case let operation:
///         throw AWSError.notImplemented(operation.rawValue)
///     }
///
/// Decoding checks every modelled constraint and throws one `ValidationError` that lists all that are broken, in AWS's
/// words. Everything under `Generated` is written by `Scripts/generate_models.py` from `Scripts/models.json`.
package enum IAM: QueryModel {
    package static var namespace: String { Operation.namespace }
}
