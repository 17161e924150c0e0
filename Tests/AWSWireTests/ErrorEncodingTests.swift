import AWSWire
import NIOCore
import NIOHTTP1
import Testing

@Suite struct ErrorEncodingTests {
    private func encode(_ error: AWSError, _ wire: WireProtocol = .restJSON) -> ServiceResponse {
        ErrorEncoding.response(for: error, protocol: wire, requestID: "5f0c1c3e-8b0a-4f6e-9d0a-2b9a5c1d7e42")
    }

    // The body as clients have printed it: https://github.com/aarondfrancis/sidecar/issues/154
    @Test func typedErrorsOfLambda() {
        let answer = encode(
            AWSError(
                code: "ResourceNotFoundException", message: "Function not found: arn", status: 404,
                spelling: .typed(message: "Message")))
        #expect(answer.status == .notFound)
        #expect(answer.headers["x-amzn-ErrorType"] == ["ResourceNotFoundException"])
        #expect(answer.headers["Content-Type"] == ["application/json"])
        #expect(answer.bytes.text == #"{"Type":"User","Message":"Function not found: arn"}"#)
    }

    // Members recorded from AWS by LocalStack (test_lambda.snapshot.json, test_lambda_concurrency_block): Reason, Type,
    // message.
    @Test func furtherMembersAndHeaders() {
        let answer = encode(
            AWSError(
                code: "TooManyRequestsException", message: "Rate Exceeded.", status: 429,
                spelling: .typed(message: "message"),
                members: [("Reason", "ReservedFunctionConcurrentInvocationLimitExceeded")],
                headers: ["Retry-After": "1"]))
        #expect(answer.status == .tooManyRequests)
        #expect(answer.headers["Retry-After"] == ["1"])
        #expect(
            answer.bytes.text
                == #"{"Reason":"ReservedFunctionConcurrentInvocationLimitExceeded","Type":"User","message":"Rate Exceeded."}"#
        )
    }

    // Recorded from AWS by LocalStack: a ValidationException has no Type (test_lambda_api.snapshot.json,
    // test_list_functions).
    @Test func plainErrors() {
        let answer = encode(AWSError(code: "ValidationException", message: "1 \"x\"", status: 400))
        #expect(answer.status == .badRequest)
        #expect(answer.bytes.text == #"{"message":"1 \"x\""}"#)
    }

    @Test func internalErrorsBlameTheService() {
        let answer = encode(
            AWSError(code: "ServiceException", message: "An error occurred.", status: 500, fault: .server))
        #expect(answer.bytes.text == #"{"Type":"Service","Message":"An error occurred."}"#)
    }

    // https://smithy.io/2.0/aws/protocols/aws-json-1_1-protocol.html#operation-error-serialization
    @Test func jsonErrorsNameTheirTypeInTheBody() {
        let error = AWSError(
            code: "ResourceNotFoundException", message: "The specified log group does not exist.", status: 400)
        let answer = encode(error, .awsJSON(version: "1.1"))
        #expect(answer.status == .badRequest)
        #expect(answer.headers["Content-Type"] == ["application/x-amz-json-1.1"])
        #expect(answer.headers["x-amzn-ErrorType"].isEmpty)
        #expect(
            answer.bytes.text
                == #"{"__type":"ResourceNotFoundException","message":"The specified log group does not exist."}"#)
        #expect(encode(error, .awsJSON(version: "1.0")).headers["Content-Type"] == ["application/x-amz-json-1.0"])
    }

    // The body of UnknownOperationException is its type alone.
    @Test func errorsWithoutMessage() {
        let answer = encode(.unknownTarget, .awsJSON(version: "1.1"))
        #expect(answer.status == .badRequest)
        #expect(answer.bytes.text == #"{"__type":"UnknownOperationException"}"#)
    }

    // https://smithy.io/2.0/aws/protocols/aws-query-protocol.html#operation-error-serialization
    @Test func queryErrorsAreXML() {
        let error = AWSError(code: "Unknown", message: "a < b & \u{1}c", status: 404, headers: ["Retry-After": "1"])
        let answer = encode(error, .query(namespace: ""))
        #expect(answer.status == .notFound)
        #expect(answer.headers["Content-Type"] == ["text/xml"])
        #expect(answer.headers["Retry-After"] == ["1"])
        #expect(
            answer.bytes.text
                == "<ErrorResponse><Error><Type>Sender</Type><Code>Unknown</Code><Message>a &lt; b &amp; \u{fffd}c"
                + "</Message></Error><RequestId>5f0c1c3e-8b0a-4f6e-9d0a-2b9a5c1d7e42</RequestId></ErrorResponse>")
        let internalError = AWSError(code: "S", message: "", status: 500, fault: .server)
        #expect(encode(internalError, .query(namespace: "")).bytes.text.contains("<Type>Receiver</Type>"))
    }
}
