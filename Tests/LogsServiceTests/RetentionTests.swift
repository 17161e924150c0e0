import AWSWire
import LogsModel
import Storage
import Testing
import TestSupport

@testable import LogsService

@Suite struct RetentionTests {
    @Test func groupsHaveTheirOwnOrTheServersRetention() async throws {
        let rig = try Rig(retentionDays: 7)
        for group in ["own", "default"] {
            rig.append((0..<1500).map { "day 0 \($0)" }, group: group, stream: "first")
            rig.append(["day 2"], group: group, stream: "second", at: 2 * Rig.day)
        }
        _ = try await rig.send("PutRetentionPolicy", #"{"logGroupName":"own","retentionInDays":1}"#)
        rig.clock.now = Rig.start + 2 * Rig.day
        try await rig.service.retention.pass()
        #expect(try await rig.messages("FilterLogEvents", #"{"logGroupName":"own"}"#) == ["day 2"])
        #expect(try await rig.messages("FilterLogEvents", #"{"logGroupName":"default"}"#).count == 1501)
        let groups = try await rig.call("DescribeLogGroups", "{}")["logGroups"]?.elements ?? []
        #expect(groups.map { $0["retentionInDays"]?.int } == [nil, 1])
        #expect(groups.last?["storedBytes"]?.int == "day 2".utf8.count + 26)
        // The stream that was emptied went with its events.
        let streams = try await rig.call("DescribeLogStreams", #"{"logGroupName":"own"}"#)
        #expect(streams["logStreams"]?.elements.compactMap { $0["logStreamName"]?.string } == ["second"])

        _ = try await rig.send("DeleteRetentionPolicy", #"{"logGroupName":"own"}"#)
        rig.clock.now = Rig.start + 8 * Rig.day
        try await rig.service.retention.pass()
        for group in ["own", "default"] {
            #expect(try await rig.messages("FilterLogEvents", #"{"logGroupName":"\#(group)"}"#) == ["day 2"])
        }
    }

    @Test func withoutRetentionNothingExpires() async throws {
        let rig = try Rig()
        rig.append(["old"])
        await rig.service.store.flush()
        rig.clock.now = Rig.start + 10_000 * Rig.day
        try await rig.service.retention.pass()
        #expect(try await rig.count("logs_events") == 1)
    }

    /// The run of the service deletes at once what expired while it was down.
    @Test func aStartDeletesWhatHasExpired() async throws {
        let rig = try Rig(retentionDays: 1)
        rig.append(["old"])
        await rig.service.store.flush()
        rig.clock.now = Rig.start + 2 * Rig.day
        let run = Task { try await rig.service.run() }
        #expect(try await eventually { try await rig.count("logs_events") == 0 })
        run.cancel()
        try await run.value
    }

    /// The values are the API reference's, PutRetentionPolicy.
    @Test func onlySomeNumbersOfDaysAreTaken() async throws {
        let rig = try Rig()
        rig.append(["x"], group: "g")
        let refused = await rig.failure("PutRetentionPolicy", #"{"logGroupName":"g","retentionInDays":2}"#)
        #expect(refused?.code == "InvalidParameterException")
        #expect(
            refused?.message.hasPrefix(
                "1 validation error detected: Value '2' at 'retentionInDays' failed to satisfy constraint: "
                    + "Member must satisfy enum value set: [1, 3, 5,") == true)
        _ = try await rig.send("PutRetentionPolicy", #"{"logGroupName":"g","retentionInDays":3653}"#)
        let missing = await rig.failure("PutRetentionPolicy", #"{"logGroupName":"none","retentionInDays":1}"#)
        #expect(missing?.code == "ResourceNotFoundException")
    }

    @Test func theServersRetentionIsChecked() {
        #expect(throws: LogsConfigurationError.retentionDays(0)) { try Rig(retentionDays: 0) }
    }
}
