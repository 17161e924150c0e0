import AWSWire
import LambdaModel
import NIOCore
import Policies

/// The policy that hangs on a function, on a version or on an alias: the text that GetPolicy answers.
struct ResourcePolicy: Attachment {
    static let kind = "policy"

    private(set) var text: String
    /// Changes with the policy and with nothing else. Nil in what earlier versions kept: the owner's stands for it.
    private(set) var revisionID: String?

    init(_ document: PolicyDocument, revisionID: String) {
        text = String(buffer: document.json)
        self.revisionID = revisionID
    }

    /// - Throws: `PolicySyntaxError`, which only a damaged store can cause.
    func document() throws(PolicySyntaxError) -> PolicyDocument {
        try PolicyDocument(parsing: ByteBuffer(string: text))
    }
}

extension PolicyStatement {
    /// The statement that AddPermission makes, shaped as recorded in test_add_lambda_permission_fields.
    ///
    /// - Parameter arn: Of what the permission is for, as the caller qualified it.
    /// - Throws: `InvalidParameterValueException`.
    init(_ input: Lambda.AddPermissionRequest, on arn: String, region: String) throws(AWSError) {
        let isForURL = input.action == "lambda:InvokeFunctionUrl"
        if input.functionUrlAuthType != nil, !isForURL {
            throw LambdaError.invalidParameterValue(
                message: "FunctionUrlAuthType is only supported for lambda:InvokeFunctionUrl action")
        }
        if input.invokedViaFunctionUrl != nil, input.action != "lambda:InvokeFunction" {
            throw LambdaError.invalidParameterValue(
                message: "InvokedViaFunctionUrl is only supported for lambda:InvokeFunction action")
        }
        var conditions: [PolicyCondition] = []
        func add(_ test: ConditionOperator.Base, _ key: String, _ value: String?) {
            if let value { conditions.append(PolicyCondition(ConditionOperator(test), key, [value])) }
        }
        add(.stringEquals, "AWS:SourceAccount", input.sourceAccount)
        add(.stringEquals, "lambda:FunctionUrlAuthType", input.functionUrlAuthType?.rawValue)
        add(.stringEquals, "aws:PrincipalOrgID", input.principalOrgID)
        add(.stringEquals, "lambda:EventSourceToken", input.eventSourceToken)
        add(.bool, "lambda:InvokedViaFunctionUrl", input.invokedViaFunctionUrl.map { $0 ? "true" : "false" })
        add(.arnLike, "AWS:SourceArn", input.sourceArn)
        self.init(
            sid: input.statementId, principals: PolicyElement([try Self.principal(input.principal, region: region)]),
            actions: PolicyElement([input.action]), resources: PolicyElement([arn]), conditions: conditions)
    }

    private static func principal(_ text: String, region: String) throws(AWSError) -> PolicyPrincipal {
        if text == "*" { return .anyone }
        if let account = AccountID(text) {
            return .aws("arn:\(FunctionKey.partition(of: region)):iam::\(account):root")
        }
        if [".amazonaws.com", ".amazonaws.com.cn", ".amazon.com"].contains(where: text.hasSuffix) {
            return .service(text)
        }
        if let arn = ARN(text), arn.service == "iam" || arn.service == "sts", AccountID(arn.account) != nil {
            return .aws(text)
        }
        throw LambdaError.invalidParameterValue(
            message: "The provided principal was invalid. Please check the principal and try again.")
    }
}
