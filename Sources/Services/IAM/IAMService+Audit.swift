package import AWSWire
import IAMModel

/// What the audit tells of requests to IAM.
extension IAMService {
    package var secretMembers: Set<String> { IAM.Operation.sensitiveMembers }
    package func hasOperation(_ name: String) -> Bool { IAM.Operation(rawValue: name) != nil }

    /// IAM is the same everywhere: its calls are told in the one region where AWS has them.
    package func audited(_ request: ServiceRequest) -> AuditedCall? {
        guard var call = namedCall(request) else { return nil }
        call.region = "us-east-1"
        call.resources = AuditedCall.Resource.ofIdentities { [parameters = call.parameters] in parameters[$0]?.text }
        return call
    }
}
