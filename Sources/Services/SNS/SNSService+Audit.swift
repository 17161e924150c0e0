package import AWSWire
import SNSModel

/// What the audit tells of requests to SNS. Messages are data, and are told to nobody.
extension SNSService {
    package var secretMembers: Set<String> {
        SNS.Operation.sensitiveMembers.union(["Message", "MessageAttributes", "Token", "Subject"])
    }

    package func audited(_ request: ServiceRequest) -> AuditedCall? {
        guard var call = namedCall(request) else { return nil }
        if call.eventName == SNS.Operation.publish.rawValue || call.eventName == SNS.Operation.publishBatch.rawValue {
            call.category = .data
        }
        for member in ["topicArn", "resourceArn", "subscriptionArn"] {
            if let arn = call.parameters[member]?.text {
                call.resources.append(AuditedCall.Resource(type: "AWS::SNS::Topic", arn: arn))
            }
        }
        return call
    }
}
