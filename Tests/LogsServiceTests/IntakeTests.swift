import Metrics
import TestSupport
import Testing

@testable import LogsService

@Suite struct IntakeTests {
    @Test func whatGroupsAreSentIsCounted() async throws {
        let rig = try Rig()
        let meters = Meters()
        let metrics = MetricRecorder()
        meters.add(metrics)
        rig.service.count(with: meters)
        _ = try await rig.send("CreateLogGroup", #"{"logGroupName":"g"}"#)
        _ = try await rig.send("CreateLogStream", #"{"logGroupName":"g","logStreamName":"t"}"#)
        _ = try await rig.send(
            "PutLogEvents",
            #"{"logGroupName":"g","logStreamName":"t","logEvents":[{"timestamp":\#(Rig.start),"message":"12345"}]}"#)
        rig.append(["123", "1"], group: "h")
        await rig.service.store.flush()
        meters.drain()
        #expect(metrics.sum("IncomingLogEvents", ["LogGroupName": "g"]) == 1)
        #expect(metrics.sum("IncomingBytes", ["LogGroupName": "g"]) == 5)
        #expect(metrics.sum("IncomingLogEvents", ["LogGroupName": "h"]) == 2)
        #expect(metrics.sum("IncomingBytes", ["LogGroupName": "h"]) == 4)
        #expect(metrics.sum("IncomingLogEvents", [:]) == 3)
        #expect(metrics.sum("IncomingBytes", [:]) == 9)
    }
}
