package import AWSWire
import STSModel

/// What the audit tells of requests for credentials: who got whose, but not the credentials.
extension STSService {
    package var secretMembers: Set<String> { STS.Operation.sensitiveMembers }
    package func hasOperation(_ name: String) -> Bool { STS.Operation(rawValue: name) != nil }

    /// CloudTrail has them as reading only, and tells their answers all the same.
    package func audited(_ request: ServiceRequest) -> AuditedCall? {
        let request = request.readingForm()
        guard var call = namedCall(request) else { return nil }
        call.isReadOnly = true
        let issuing = call.eventName.hasPrefix("AssumeRole") || call.eventName.hasSuffix("Token")
        call.tellsAnswer = issuing
        if let arn = call.parameters["roleArn"]?.text {
            call.resources = [AuditedCall.Resource(type: "AWS::IAM::Role", arn: arn)]
        }
        if call.eventName == STS.Operation.assumeRoleWithWebIdentity.rawValue,
            let text = FormValue(request)["WebIdentityToken"]?.text, let token = JSONWebToken(text)
        {
            call.webIdentity = AuditedCall.WebIdentity(
                provider: token.text("iss") ?? "", audience: token.audiences.first ?? "",
                subject: token.text("sub") ?? "")
        }
        return call
    }
}
