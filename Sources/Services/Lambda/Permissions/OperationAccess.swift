import AWSWire
import Identity
import LambdaModel
import NIOCore
import NIOHTTP1
import Policies
import Storage

/// What each operation has to be allowed, as the Service Authorization Reference lists it.
///
/// https://docs.aws.amazon.com/service-authorization/latest/reference/list_awslambda.html
extension LambdaService {
    /// Refuses a caller whom no policy lets do this, and has one of another account whom the function's policy lets
    /// act as the function's own. Any other request for something of another account stays what it was, and is refused
    /// where it is read.
    func authorized(
        _ request: ServiceRequest, to operation: Lambda.Operation, _ labels: RouteLabels
    ) async throws -> ServiceRequest {
        let access = OperationAccess(operation, labels, request)
        switch access.subject {
        case .function(let name): return try await authorized(request, access, function: name)
        case .resource(let arn):
            try require(access, on: arn, request, context: access.context())
            return request
        }
    }

    private func authorized(
        _ request: ServiceRequest, _ access: OperationAccess, function name: FunctionName
    ) async throws -> ServiceRequest {
        let qualifier = request.query.flatMap { QueryParameters($0)["Qualifier"] }
        // What cannot be told is refused where it is read, in other words.
        guard let target = try? FunctionTarget(reaching: name, qualifier: qualifier, caller: request.caller) else {
            return request
        }
        let owner = AccountID(target.key.account) ?? request.caller.account
        let isOwn = owner == request.caller.account
        if isOwn, request.caller.principal.isUnlimited {
            try requirePassing(request, access, of: target)
            return request
        }
        let (policy, tags) = try await database.read { connection in
            let functions = FunctionRepository(connection)
            return (try functions.policy(target)?.document(), try functions.find(target.key)?.tags ?? [:])
        }
        let resource = ProtectedResource(target.arn, account: owner.digits, policy: policy.map { CompiledPolicy($0) })
        var context = access.context()
        for (key, value) in tags { context["aws:ResourceTag/\(key)"] = [value] }
        if isOwn {
            try authorizer.require(access.action, on: resource, request, wire: wireProtocol, context: context)
            try requirePassing(request, access, of: target)
            return request
        }
        let verdict = authorizer.decide(
            access.action, on: resource, by: request.caller.principal, request, context: context)
        guard verdict.isAllowed else { return request }
        var request = request
        request.caller.account = owner
        return request
    }

    /// On the side of the caller: whether the owner of what is another's agrees is asked where it is read.
    private func require(
        _ access: OperationAccess, on arn: String, _ request: ServiceRequest, context: @autoclosure () -> AccessContext
    ) throws(AWSError) {
        let account = request.caller.principal.account.digits
        try authorizer.require(
            access.action, on: ProtectedResource(arn, account: account), request, wire: wireProtocol,
            context: context())
    }

    /// Whoever gives a function a role has to be allowed that, and layers of one's own have to be readable.
    private func requirePassing(
        _ request: ServiceRequest, _ access: OperationAccess, of function: FunctionTarget
    ) throws(AWSError) {
        guard !request.caller.principal.isUnlimited else { return }
        if let role = access.role, let account = ARN(role)?.account {
            try authorizer.require(
                "iam:PassRole", on: ProtectedResource(role, account: account), request, wire: wireProtocol,
                context: [
                    "iam:PassedToService": ["lambda.amazonaws.com"],
                    "iam:AssociatedResourceArn": [function.key.arn],
                ])
        }
        for layer in access.layers {
            try authorizer.require(
                "lambda:GetLayerVersion",
                on: ProtectedResource(layer, account: request.caller.principal.account.digits), request,
                wire: wireProtocol)
        }
    }

    /// Refuses a role that Lambda cannot act as, in the words recorded in test_create_lambda_exceptions; those for
    /// another account's role are in https://github.com/aws/aws-toolkit-azure-devops/issues/546.
    func requireAssumable(_ role: String?, by function: FunctionKey) throws(AWSError) {
        guard let role else { return }
        try authorizer.requireAssumable(
            role: role, by: "lambda.amazonaws.com", in: function.account, for: function.arn
        ) {
            guard ARN(role)?.account == function.account else {
                return AWSError(
                    code: "AccessDeniedException", message: "Cross-account pass role is not allowed.", status: 403)
            }
            return LambdaError.invalidParameterValue(
                message: "The role defined for the function cannot be assumed by Lambda.")
        }
    }
}

/// One operation, as policies speak of it.
struct OperationAccess {
    enum Subject {
        case function(FunctionName)
        /// By ARN; `*` for operations on nothing in particular.
        case resource(String)
    }

    let action: String
    let subject: Subject
    private let operation: Lambda.Operation
    private let request: ServiceRequest
    /// The body where it matters here and can be read.
    private let body: JSONValue?

    init(_ operation: Lambda.Operation, _ labels: RouteLabels, _ request: ServiceRequest) {
        self.operation = operation
        self.request = request
        let isLimited = !request.caller.principal.isUnlimited
        let isRead = isLimited || operation == .createFunction
        body = isRead && request.body.readableBytes > 0 ? try? JSONValue(parsing: request.body) : nil
        action = "lambda:" + (operation == .getLayerVersionByArn ? "GetLayerVersion" : operation.rawValue)
        subject = Self.subject(operation, labels, request, body)
    }

    /// The role that a function is to have.
    var role: String? {
        switch operation {
        case .createFunction, .updateFunctionConfiguration: body?["Role"]?.string
        default: nil
        }
    }

    /// The layers that a function is to have.
    var layers: [String] {
        switch operation {
        case .createFunction, .updateFunctionConfiguration: texts(body?["Layers"]) ?? []
        default: []
        }
    }

    /// The values of Lambda's condition keys, and those of tags: of members that the operation has, for requests may
    /// have others, which nobody reads.
    func context() -> AccessContext {
        var context = AccessContext()
        switch operation {
        case .createFunction, .createCodeSigningConfig, .createEventSourceMapping, .tagResource:
            context = AccessContext(settingTags: body?["Tags"]?.texts ?? [])
        case .untagResource:
            context["aws:TagKeys"] = request.query.map { QueryParameters($0).all("tagKeys") }
        case .addPermission:
            context["lambda:FunctionUrlAuthType"] = text("FunctionUrlAuthType")
            context["lambda:Principal"] = text("Principal")
        case .addLayerVersionPermission: context["lambda:Principal"] = text("Principal")
        case .createFunctionUrlConfig, .updateFunctionUrlConfig:
            context["lambda:FunctionUrlAuthType"] = text("AuthType")
        case .putFunctionCodeSigningConfig: context["lambda:CodeSigningConfigArn"] = text("CodeSigningConfigArn")
        default: break
        }
        switch operation {
        case .createFunction, .updateFunctionConfiguration:
            context["lambda:Layer"] = texts(body?["Layers"])
            context["lambda:SubnetIds"] = texts(body?["VpcConfig"]?["SubnetIds"])
            context["lambda:SecurityGroupIds"] = texts(body?["VpcConfig"]?["SecurityGroupIds"])
        default: break
        }
        if operation == .createFunction { context["lambda:CodeSigningConfigArn"] = text("CodeSigningConfigArn") }
        return context
    }

    private func text(_ member: String) -> [String]? { body?[member]?.string.map { [$0] } }

    private func texts(_ value: JSONValue?) -> [String]? {
        guard let value, value.kind == .array else { return nil }
        return value.elements.compactMap(\.string)
    }

    private static func subject(
        _ operation: Lambda.Operation, _ labels: RouteLabels, _ request: ServiceRequest, _ body: JSONValue?
    ) -> Subject {
        if operation == .createFunction {
            return function(body?["FunctionName"]?.string) ?? .resource("*")
        }
        if let name = labels["FunctionName"] { return function(name) ?? .resource("*") }
        if let resource = labels["Resource"] {
            let function = LambdaService.function(tagged: resource).flatMap { Self.function($0) }
            return function ?? .resource(resource)
        }
        if let configuration = labels["CodeSigningConfigArn"] { return .resource(configuration) }
        if operation == .getLayerVersionByArn {
            return .resource(request.query.flatMap { QueryParameters($0)["Arn"] } ?? "*")
        }
        // Listing versions is an operation on no layer.
        guard operation != .listLayerVersions, let layer = labels["LayerName"] else { return .resource("*") }
        let caller = request.caller
        let prefix = "arn:\(ARN.partition(of: caller.region)):lambda:\(caller.region):\(caller.account):layer:"
        let arn = layer.hasPrefix("arn:") ? layer : prefix + layer
        return .resource(labels["VersionNumber"].map { "\(arn):\($0)" } ?? arn)
    }

    private static func function(_ text: String?) -> Subject? {
        text.flatMap { FunctionName($0) }.map { .function($0) }
    }
}
