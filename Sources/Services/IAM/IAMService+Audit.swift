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
        let kinds = [
            ("userName", "AWS::IAM::User"), ("roleName", "AWS::IAM::Role"), ("groupName", "AWS::IAM::Group"),
            ("policyArn", "AWS::IAM::Policy"), ("policyName", "AWS::IAM::Policy"),
            ("instanceProfileName", "AWS::IAM::InstanceProfile"), ("accessKeyId", "AWS::IAM::AccessKey"),
            ("openIDConnectProviderArn", "AWS::IAM::OIDCProvider"),
        ]
        for (member, type) in kinds {
            if let name = call.parameters[member]?.text {
                call.resources.append(AuditedCall.Resource(type: type, arn: name))
            }
        }
        return call
    }
}
