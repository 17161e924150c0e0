import AWSWire
import LambdaModel
import NIOCore
import NIOHTTP1
import Testing

@Suite struct EncodingTests {
    // Members and their order are those of the service model (botocore, lambda/2015-03-31); nil members are left out.
    @Test func configuration() {
        let configuration = Lambda.FunctionConfiguration(
            functionName: "f", runtime: .python3_12, codeSize: 10, description: "", timeout: 3,
            vpcConfig: Lambda.VpcConfigResponse(subnetIds: [], securityGroupIds: ["sg-1"], vpcId: ""),
            environment: Lambda.EnvironmentResponse(variables: ["b": "2", "a": "\"1\""]), state: .pending,
            architectures: [.x86_64],
            ephemeralStorage: Lambda.EphemeralStorage(size: 512))
        let answer = configuration.encode(status: Lambda.Operation.createFunction.successStatus)
        #expect(answer.status == .created)
        #expect(answer.headers["Content-Type"] == ["application/json"])
        #expect(
            String(buffer: answer.bytes)
                == #"{"FunctionName":"f","Runtime":"python3.12","CodeSize":10,"Description":"","Timeout":3,"VpcConfig":"#
                + #"{"SubnetIds":[],"SecurityGroupIds":["sg-1"],"VpcId":""},"Environment":{"Variables":{"a":"\"1\"","b":"2"}},"#
                + #""State":"Pending","Architectures":["x86_64"],"EphemeralStorage":{"Size":512}}"#)
    }

    @Test func nestedStructures() {
        let function = Lambda.GetFunctionResponse(
            configuration: Lambda.FunctionConfiguration(functionName: "f"),
            code: Lambda.FunctionCodeLocation(repositoryType: "S3", location: "http://x"), tags: ["k": "v"])
        #expect(
            String(buffer: function.encode().bytes)
                == #"{"Configuration":{"FunctionName":"f"},"Code":{"RepositoryType":"S3","Location":"http://x"},"Tags":{"k":"v"}}"#
        )
        let list = Lambda.ListFunctionsResponse(functions: [
            Lambda.FunctionConfiguration(), Lambda.FunctionConfiguration(version: "1"),
        ])
        #expect(String(buffer: list.encode().bytes) == #"{"Functions":[{},{"Version":"1"}]}"#)
    }

    @Test func invocationAnswersWithItsPayload() {
        let answer = Lambda.InvocationResponse(
            statusCode: 202, functionError: "Unhandled", logResult: "bG9n", payload: ByteBuffer(string: "raw"),
            executedVersion: "$LATEST"
        ).encode()
        #expect(answer.status == .accepted)
        #expect(answer.headers["X-Amz-Function-Error"] == ["Unhandled"])
        #expect(answer.headers["X-Amz-Log-Result"] == ["bG9n"])
        #expect(answer.headers["X-Amz-Executed-Version"] == ["$LATEST"])
        #expect(answer.headers["X-Amz-Durable-Execution-Arn"].isEmpty)
        #expect(String(buffer: answer.bytes) == "raw")
    }

    @Test func deletionHasNoBody() {
        let answer = Lambda.DeleteFunctionResponse().encode()
        #expect(answer.status == .noContent)
        #expect(answer.bytes.readableBytes == 0)
    }

    // Spelling of each shape's message: the service model. Type and members: LocalStack's recordings of AWS.
    @Test func errorsSpellTheirMembersAsTheirShapesDo() {
        func body(_ error: AWSError) -> String {
            String(buffer: ErrorEncoding.response(for: error, protocol: .restJSON, requestID: "r").bytes)
        }
        #expect(body(LambdaError.resourceNotFound(message: "m")) == #"{"Type":"User","Message":"m"}"#)
        #expect(body(LambdaError.invalidParameterValue(message: "m")) == #"{"Type":"User","message":"m"}"#)
        #expect(body(LambdaError.service(message: "m")) == #"{"Type":"Service","Message":"m"}"#)
        let throttled = LambdaError.tooManyRequests(
            message: "Rate Exceeded.", retryAfterSeconds: "1", reason: "ConcurrentInvocationLimitExceeded")
        #expect(throttled.status == 429)
        #expect(throttled.headers == ["Retry-After": "1"])
        #expect(
            body(throttled)
                == #"{"Reason":"ConcurrentInvocationLimitExceeded","Type":"User","message":"Rate Exceeded."}"#)
        #expect(LambdaError.preconditionFailed(message: "m").status == 412)
        #expect(LambdaError.requestTooLarge(message: "m").status == 413)
        #expect(LambdaError.invalidRuntime(message: "m").status == 502)
    }
}
