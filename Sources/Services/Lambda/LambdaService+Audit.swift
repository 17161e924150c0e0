package import AWSWire
import LambdaModel
package import NIOHTTP1

/// What the audit tells of requests to Lambda.
extension LambdaService {
    package var secretMembers: Set<String> { Lambda.Operation.sensitiveMembers }

    package func isDataPlane(_ method: HTTPMethod, path: String) -> Bool {
        method == .POST
            && (path.hasSuffix("/invocations") || path.hasSuffix("/invocations/")
                || path.hasSuffix("/response-streaming-invocations") || path.hasSuffix("/invoke-async")
                || path.hasSuffix("/invoke-async/"))
    }

    package func audited(_ request: ServiceRequest) -> AuditedCall? {
        guard let (operation, labels) = Lambda.route(request) else { return nil }
        let disclosure = AuditDisclosure(secretMembers)
        switch operation {
        case .invoke, .invokeAsync, .invokeWithResponseStream:
            return Self.invocation(operation, request, labels, disclosure)
        default: break
        }
        var call = AuditedCall(
            operation.rawValue, of: signingName,
            parameters: disclosure.parameters(of: request, labels: labels), disclosure: disclosure)
        call.eventName += Self.versions[operation] ?? ""
        call.resources = Self.resources(call.parameters, request.caller)
        return call
    }

    /// An invocation: whom it calls and how, but not with what.
    private static func invocation(
        _ operation: Lambda.Operation, _ request: ServiceRequest, _ labels: RouteLabels, _ disclosure: AuditDisclosure
    ) -> AuditedCall {
        var members = [AuditValue.Member("functionName", .text(labels["FunctionName"] ?? ""))]
        let told = [("invocationType", "X-Amz-Invocation-Type"), ("logType", "X-Amz-Log-Type")]
        for (name, header) in told {
            if let value = request.header(header) { members.append(AuditValue.Member(name, .text(value))) }
        }
        if let qualifier = QueryParameters(request.query)["Qualifier"] {
            members.append(AuditValue.Member("qualifier", .text(qualifier)))
        }
        var call = AuditedCall(
            operation.rawValue, of: "lambda", parameters: .object(members), disclosure: disclosure)
        call.category = .data
        call.isReadOnly = false
        call.tellsAnswer = false
        call.resources = resources(call.parameters, request.caller)
        return call
    }

    /// A request to a function URL: whose function it asks, but nothing of what, nor of what it answers.
    ///
    /// Such requests are data events: "Monitoring Lambda function URLs" in the developer guide.
    ///
    /// - Parameters:
    ///   - id: The URL's.
    ///   - region: As the host name has it; nil when the path names the URL.
    /// - Returns: nil where no function was asked: there is no such URL, or a browser asked what it may send.
    package func audited(
        url id: String, region: String? = nil, _ request: ServiceRequest, _ answer: ServiceResponse
    ) -> AuditedCall? {
        guard let entry = urls[id], region == nil || region == entry.target.key.region else { return nil }
        let isPreflight = entry.url.cors != nil && CORSSettings.isPreflight(request)
        guard !isPreflight || answer.status == .forbidden else { return nil }
        let key = entry.target.key
        var members = [AuditValue.Member("functionName", .text(key.name))]
        if let qualifier = entry.target.qualifier {
            members.append(AuditValue.Member("qualifier", .text(qualifier)))
        }
        var call = AuditedCall(
            "InvokeFunctionUrl", of: signingName, parameters: .object(members), disclosure: AuditDisclosure())
        call.category = .data
        call.isReadOnly = false
        call.tellsAnswer = false
        call.account = key.account
        call.region = key.region
        call.resources = [AuditedCall.Resource(type: "AWS::Lambda::Function", arn: key.arn)]
        return call
    }

    private static func resources(_ parameters: AuditValue, _ caller: Caller) -> [AuditedCall.Resource] {
        if let arn = parameters["resource"]?.text ?? parameters["aRN"]?.text { return [resource(arn)] }
        if let name = parameters["functionName"]?.text, let function = FunctionName(name) {
            let key = FunctionKey(
                account: function.account ?? caller.account.digits, region: function.region ?? caller.region,
                name: function.name)
            return [AuditedCall.Resource(type: "AWS::Lambda::Function", arn: key.arn)]
        }
        guard let name = parameters["layerName"]?.text else { return [] }
        if name.hasPrefix("arn:") { return [resource(name)] }
        let arn = ARN(
            partition: ARN.partition(of: caller.region), service: "lambda", region: caller.region,
            account: caller.account.digits, resource: "layer:\(name)")
        return [AuditedCall.Resource(type: "AWS::Lambda::LayerVersion", arn: arn.description)]
    }

    private static func resource(_ arn: String) -> AuditedCall.Resource {
        let kind = ARN(arn)?.resource.prefix { $0 != ":" } ?? "function"
        let type =
            switch kind {
            case "layer": "AWS::Lambda::LayerVersion"
            case "code-signing-config": "AWS::Lambda::CodeSigningConfig"
            case "event-source-mapping": "AWS::Lambda::EventSourceMapping"
            default: "AWS::Lambda::Function"
            }
        return AuditedCall.Resource(type: type, arn: arn)
    }

    /// What CloudTrail has behind the operations' names: "Logging AWS Lambda API calls using AWS CloudTrail" in the
    /// developer guide; those that are read only by the routes of the API, which have the same dates.
    private static let versions: [Lambda.Operation: String] = [
        .addLayerVersionPermission: "20181031", .addPermission: "20150331v2", .createAlias: "20150331",
        .createEventSourceMapping: "20150331", .createFunction: "20150331", .deleteAlias: "20150331",
        .deleteEventSourceMapping: "20150331", .deleteFunction: "20150331", .deleteFunctionConcurrency: "20171031",
        .deleteLayerVersion: "20181031", .getAccountSettings: "20160819", .getAlias: "20150331",
        .getEventSourceMapping: "20150331", .getFunction: "20150331v2", .getFunctionConfiguration: "20150331v2",
        .getLayerVersion: "20181031", .getLayerVersionByArn: "20181031", .getLayerVersionPolicy: "20181031",
        .getPolicy: "20150331v2", .listAliases: "20150331", .listEventSourceMappings: "20150331",
        .listFunctions: "20150331", .listLayerVersions: "20181031", .listLayers: "20181031", .listTags: "20170331",
        .listVersionsByFunction: "20150331", .publishLayerVersion: "20181031", .publishVersion: "20150331",
        .putFunctionConcurrency: "20171031", .removeLayerVersionPermission: "20181031",
        .removePermission: "20150331v2", .tagResource: "20170331v2", .untagResource: "20170331v2",
        .updateAlias: "20150331", .updateEventSourceMapping: "20150331", .updateFunctionCode: "20150331v2",
        .updateFunctionConfiguration: "20150331v2",
    ]
}
