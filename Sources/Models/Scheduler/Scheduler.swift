package import AWSWire

/// The API of Amazon EventBridge Scheduler (2021-06-30): its operations, shapes and errors, used as Lambda's are.
///
/// Everything under `Generated` is written by `Scripts/generate_models.py` from `Scripts/models.json`.
package enum Scheduler {
    /// - Returns: nil when the service has no operation with this method and path.
    package static func route(_ request: ServiceRequest) -> (operation: Operation, labels: RouteLabels)? {
        Operation.routes.match(request.method, request.path, query: request.query)
    }
}
