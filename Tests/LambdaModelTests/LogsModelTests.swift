import AWSWire
import LogsModel
import NIOCore
import NIOHTTP1
import Testing

@Suite struct LogsModelTests {
    private func logs(_ target: String?, _ body: String) -> ServiceRequest {
        request(.POST, "/", headers: target.map { ["X-Amz-Target": "Logs_20140328.\($0)"] } ?? [:], body: body)
    }

    @Test func routesByTarget() {
        #expect(Logs.route(logs("FilterLogEvents", "{}")) == .filterLogEvents)
        #expect(Logs.route(logs("Nothing", "{}")) == nil)
        #expect(Logs.route(logs(nil, "{}")) == nil)
        #expect(Logs.Operation(rawValue: "StartQuery") == .startQuery)
    }

    @Test func readsInputs() throws {
        let body =
            #"{"logGroupName":"/aws/lambda/f","logStreamNames":["a"],"startTime":1700000000123,"limit":10,"unmask":false}"#
        let input = try Logs.FilterLogEventsRequest(decoding: logs("FilterLogEvents", body))
        #expect(input.logGroupName == "/aws/lambda/f")
        #expect(input.logStreamNames == ["a"])
        #expect(input.startTime == 1_700_000_000_123 && input.limit == 10 && input.unmask == false)
    }

    // Recorded from AWS by LocalStack: tests/aws/services/logs/, test_get_log_events_limit_validation.
    @Test func wordsOfValidation() {
        let error = #expect(throws: AWSError.self) {
            try Logs.GetLogEventsRequest(decoding: logs("GetLogEvents", #"{"logStreamName":"s","limit":10001}"#))
        }
        #expect(error?.code == "InvalidParameterException")
        #expect(
            error?.message == "1 validation error detected: Value '10001' at 'limit' failed to satisfy constraint: "
                + "Member must have value less than or equal to 10000")
        let tags = #expect(throws: AWSError.self) {
            try Logs.CreateLogGroupRequest(
                decoding: logs("CreateLogGroup", #"{"logGroupName":"g","tags":{"a,b":"c"}}"#))
        }
        #expect(
            tags?.message
                == "1 validation error detected: Value '{a,b=c}' at 'tags' failed to satisfy constraint: Map keys must "
                + "satisfy constraint: [Member must have length less than or equal to 128, Member must have length greater than "
                + #"or equal to 1, Member must satisfy regular expression pattern: ^([\p{L}\p{Z}\p{N}_.:/=+\-@]+)$]"#)
    }

    @Test func writesOutputsAndErrors() {
        let answer = Logs.GetLogEventsResponse(
            events: [Logs.OutputLogEvent(timestamp: 1, message: "a\n", ingestionTime: 2)], nextForwardToken: "f/1"
        ).encode()
        #expect(answer.headers["Content-Type"] == ["application/x-amz-json-1.1"])
        #expect(
            String(buffer: answer.bytes)
                == #"{"events":[{"timestamp":1,"message":"a\n","ingestionTime":2}],"nextForwardToken":"f/1"}"#)
        #expect(Logs.empty.status == .ok && Logs.empty.bytes.readableBytes == 0)
        #expect(LogsError.resourceNotFound(message: "m").status == 400)
        #expect(LogsError.serviceUnavailable(message: "m").status == 500)
    }
}
