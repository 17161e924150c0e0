import AWSWire
import LambdaModel
import NIOHTTP1
import Testing

@Suite struct OperationTests {
    // The URIs are those that boto3 1.43 and the older SDKs (with the slash at the end) send.
    @Test(
        arguments: [
            ("POST", "/2015-03-31/functions", .createFunction), ("GET", "/2015-03-31/functions/", .listFunctions),
            ("POST", "/2015-03-31/functions/hello/invocations", .invoke),
            ("GET", "/2015-03-31/functions/hello", .getFunction),
            ("GET", "/2015-03-31/functions/hello/configuration", .getFunctionConfiguration),
            ("PUT", "/2015-03-31/functions/hello/configuration", .updateFunctionConfiguration),
            ("PUT", "/2015-03-31/functions/hello/code", .updateFunctionCode),
            ("DELETE", "/2015-03-31/functions/hello", .deleteFunction),
            ("GET", "/2017-03-31/tags/arn%3Aaws%3Alambda", .listTags),
            ("GET", "/2016-08-19/account-settings/", .getAccountSettings),
            ("GET", "/2020-06-30/functions/hello/code-signing-config", .getFunctionCodeSigningConfig),
            ("GET", "/2015-03-31/functions/hello/versions", .listVersionsByFunction),
            ("POST", "/2014-11-13/functions/hello/invoke-async", .invokeAsync),
            ("POST", "/2021-11-15/functions/hello/response-streaming-invocations", .invokeWithResponseStream),
        ] as [(String, String, Lambda.Operation)])
    func routes(method: String, path: String, operation: Lambda.Operation) {
        #expect(Lambda.route(request(HTTPMethod(rawValue: method), path))?.operation == operation)
    }

    @Test func routesNothingElse() {
        #expect(Lambda.route(request(.GET, "/")) == nil)
        #expect(Lambda.route(request(.PATCH, "/2015-03-31/functions")) == nil)
    }

    @Test func labelsHoldDecodedNames() {
        let path = "/2015-03-31/functions/arn%3Aaws%3Alambda%3Aus-east-1%3A123456789012%3Afunction%3Ahello/invocations"
        let found = Lambda.route(request(.POST, path))
        #expect(found?.labels["FunctionName"] == "arn:aws:lambda:us-east-1:123456789012:function:hello")
    }

    @Test func statusesOfSuccess() {
        #expect(Lambda.Operation.createFunction.successStatus == 201)
        #expect(Lambda.Operation.tagResource.successStatus == 204)
        #expect(Lambda.Operation.getFunction.successStatus == 200)
        #expect(Lambda.Operation.deleteFunction.successStatus == 204)
    }

    @Test func everyOperationHasANameOfAWS() {
        #expect(Lambda.Operation.allCases.count > 80)
        #expect(Lambda.Operation(rawValue: "PublishLayerVersion") == .publishLayerVersion)
    }
}
