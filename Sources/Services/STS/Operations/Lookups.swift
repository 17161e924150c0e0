import AWSWire
import Identity
import Policies
import STSModel

/// What tells of credentials without making any.
extension STSService {
    /// Whoever has credentials may know whose they are: no policy is asked.
    func getCallerIdentity(_ request: ServiceRequest) -> STS.GetCallerIdentityResponse {
        let principal = request.caller.principal
        return STS.GetCallerIdentityResponse(
            userId: principal.id, account: principal.account.digits, arn: principal.arn)
    }

    func getAccessKeyInfo(_ request: ServiceRequest) throws(AWSError) -> STS.GetAccessKeyInfoResponse {
        let input = try STS.GetAccessKeyInfoRequest(decoding: request)
        try require("GetAccessKeyInfo", on: anything(request), request)
        let known = authorizer.directory.key(input.accessKeyId)?.user.account
        let own = input.accessKeyId == request.caller.accessKeyID ? request.caller.principal.account : nil
        guard let account = known ?? own ?? AccessKeyID.account(of: input.accessKeyId) else {
            throw .invalid("\(input.accessKeyId) is not a valid access key id.")
        }
        return STS.GetAccessKeyInfoResponse(account: account.digits)
    }

    /// What is said of every message: no service that runs here makes any. On AWS those of EC2 do.
    func decodeAuthorizationMessage(_ request: ServiceRequest) throws(AWSError) -> AWSError {
        _ = try STS.DecodeAuthorizationMessageRequest(decoding: request)
        try require("DecodeAuthorizationMessage", on: anything(request), request)
        return STSError.invalidAuthorizationMessage(message: "Message is not valid")
    }

    private func anything(_ request: ServiceRequest) -> ProtectedResource {
        ProtectedResource("*", account: request.caller.principal.account.digits)
    }
}
