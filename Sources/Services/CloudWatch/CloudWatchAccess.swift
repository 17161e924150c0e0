import AWSWire
import CloudWatchModel
import Identity
import Policies

/// What each operation has to be allowed, as the Service Authorization Reference lists it.
///
/// https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazoncloudwatch.html
extension CloudWatchService {
    /// Refuses what the caller may not do with these resources; what is about no resource is about all of them.
    func authorize(
        _ operation: CloudWatch.Operation, on arns: [String] = ["*"], _ request: ServiceRequest,
        context: @autoclosure () -> AccessContext = [:]
    ) throws(AWSError) {
        guard !request.caller.principal.isUnlimited else { return }
        let context = context()
        for arn in arns {
            try authorizer.require(
                "cloudwatch:\(operation.rawValue)",
                on: ProtectedResource(arn, account: request.caller.account.digits), request,
                wire: wireProtocol(of: request.headers), context: context)
        }
    }
}
