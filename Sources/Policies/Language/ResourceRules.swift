/// What IAM checks of the ARNs in `Resource` and `NotResource`, `*` excepted.
enum ResourceRules {
    private static let partitions: Set<Substring> = [
        "*", "aws", "aws-cn", "aws-us-gov", "aws-iso", "aws-iso-b", "aws-iso-e", "aws-iso-f", "aws-eusc",
    ]

    private static let iamKinds = [
        "user/", "federated-user/", "role/", "group/", "instance-profile/", "mfa/", "server-certificate/", "policy/",
        "sms-mfa/", "saml-provider/", "oidc-provider/", "report/", "access-report/",
    ]

    /// - Returns: nil for a resource in which nothing is wrong.
    static func error(_ resource: String) -> PolicySyntaxError? {
        let parts = resource.split(separator: ":", maxSplits: 5, omittingEmptySubsequences: false)
        guard parts.count > 1 else { return PolicySyntaxError(#"Resource \#(resource) must be in ARN format or "*"."#) }
        guard partitions.contains(parts[1]) else {
            return PolicySyntaxError(#"Partition "\#(parts[1])" is not valid for resource "\#(completed(parts))"."#)
        }
        guard parts.count > 2, !parts[2].utf8.contains(where: { TextPattern.token($0) > 0xff }) else {
            return PolicySyntaxError("Resource vendor must be fully qualified and cannot contain regexes.")
        }
        let region = parts.count > 3 ? parts[3] : ""
        let rest = parts.count > 5 ? parts[5] : ""
        switch parts[2] {
        case "iam" where !region.isEmpty:
            return PolicySyntaxError("IAM resource \(resource) cannot contain region information.")
        case "iam" where parts.count == 6 && !isIAMResource(rest):
            return PolicySyntaxError(
                #"IAM resource path must either be "*" or start with \#(iamKinds.joined(separator: ", "))."#)
        case "s3" where !region.isEmpty && parts.count == 6 && !rest.hasPrefix("accesspoint/"):
            return PolicySyntaxError("Resource \(resource) can not contain region information.")
        default: return nil
        }
    }

    private static func isIAMResource(_ text: Substring) -> Bool {
        text == "*" || text == "root" || iamKinds.contains { text.hasPrefix($0) }
    }

    /// Every part that is not there is any.
    private static func completed(_ parts: [Substring]) -> String {
        let rest = (2..<6).map { index in
            index < parts.count && !(index == 2 && parts.count == 3 && parts[2].isEmpty) ? parts[index] : "*"
        }
        return "arn:\(parts[1]):" + rest.joined(separator: ":")
    }

    /// The older parser wanted a service, and all six parts as soon as one was empty.
    static func passesOldParser(_ resource: String) -> Bool {
        let parts = resource.split(separator: ":", omittingEmptySubsequences: false)
        return parts.count > 2 && !parts[2].isEmpty && (parts.count >= 6 || !resource.contains("::"))
    }
}
