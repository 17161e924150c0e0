import AWSWire
import Identity
import LambdaModel
import Policies

extension LambdaService {
    /// Refuses a dead-letter queue that the function's role could not send to, in the words that
    /// github.com/elastic/beats/issues/13963 shows.
    ///
    /// - Parameter target: Nil: none is asked for.
    func requireDeadLetterAccess(_ target: String?, role: String, of function: FunctionKey) throws(AWSError) {
        guard let target, let arn = ARN(target) else { return }
        let access =
            switch arn.service {
            case "sqs": (action: "sqs:SendMessage", name: "SendMessage on SQS")
            default: (action: "sns:Publish", name: "Publish on SNS")
            }
        let sender = ServiceCaller(
            "lambda.amazonaws.com", for: function.arn, of: AccountID(function.account) ?? .standard, as: role)
        do {
            // What another account's queue allows is asked when something is sent there.
            try authorizer.require(
                access.action, on: ProtectedResource(target, account: function.account), by: sender, wire: wireProtocol)
        } catch {
            throw LambdaError.invalidParameterValue(
                message: "The provided execution role does not have permissions to call \(access.name)")
        }
    }
}
