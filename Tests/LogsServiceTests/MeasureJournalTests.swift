import AWSWire
import Delivery
import Identity
import Logging
import Metrics
import Storage
import Testing

@testable import LogsService

/// Samples of stored events count once, whenever the server dies between the commit of the ones and that of the others.
@Suite struct MeasureJournalTests {
    private static let embedded =
        #"{"_aws":{"Timestamp":\#(Rig.start),"CloudWatchMetrics":[{"Namespace":"app","Dimensions":[[]],"Metrics":"#
        + #"[{"Name":"e"}]}]},"e":7}"#

    private func rig() async throws -> Rig {
        let rig = try Rig()
        _ = try await rig.send("CreateLogGroup", #"{"logGroupName":"g"}"#)
        _ = try await rig.send("CreateLogStream", #"{"logGroupName":"g","logStreamName":"t"}"#)
        _ = try await rig.send(
            "PutMetricFilter",
            #"{"logGroupName":"g","filterName":"f","filterPattern":"ERROR","metricTransformations":"#
                + #"[{"metricName":"m","metricNamespace":"n","metricValue":"1"}]}"#)
        return rig
    }

    private func put(_ rig: Rig, _ messages: [String], at offset: Int64 = 0) async throws {
        let events = messages.map { #"{"timestamp":\#(Rig.start + offset),"message":\#($0.json)}"# }
        _ = try await rig.send(
            "PutLogEvents",
            #"{"logGroupName":"g","logStreamName":"t","logEvents":[\#(events.joined(separator: ","))]}"#)
    }

    /// The meters of the process that comes after one that died.
    private func next(_ rig: Rig, _ recorder: Recorder) throws -> EventMeters {
        let service = try LogsService(
            database: rig.database, delivery: Delivery(), retentionDays: nil, bufferCapacity: LogStore.capacity,
            clock: { rig.clock.now }, authorizer: rig.service.authorizer,
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
        service.measure(into: recorder)
        return service.meters
    }

    private func resume(_ meters: EventMeters, _ recorder: Recorder) async throws {
        try await meters.journal.resume(from: recorder) { meters.measure($0) }
    }

    @Test func whatADeadProcessLeftIsMeasured() async throws {
        let rig = try await rig()
        let dying = rig.recording(by: Recorder(keeps: false))
        rig.append(["ERROR 1", "fine", "ERROR 2", Self.embedded], group: "g")
        rig.append([Self.embedded], group: "h", at: 60_000)
        rig.append(["ERROR"], group: "h", at: 60_000)
        await rig.service.store.flush()
        // Between the first's times, yet of another transaction.
        try await put(rig, ["ERROR 3"], at: 1)
        #expect(dying.sums("m").sorted() == ["1.0", "2.0"])

        let recorder = Recorder()
        let meters = try next(rig, recorder)
        try await resume(meters, recorder)
        #expect(recorder.sums("m").sorted() == ["1.0", "2.0"])
        #expect(recorder.sums("e") == ["7.0", "7.0"])
        #expect(recorder.samples.count == dying.samples.count)
        // Nor is it measured again by the one that comes then.
        let last = Recorder(receipts: recorder.receipts)
        try await resume(try next(rig, last), last)
        #expect(last.samples.isEmpty)
        #expect(try await rig.count("logs_unmeasured") == 0)
    }

    @Test func whatHasAReceiptIsNotMeasuredAgain() async throws {
        let rig = try await rig()
        let dying = rig.recording()
        try await put(rig, ["ERROR"])
        #expect(try await rig.count("logs_unmeasured") == 1)
        let recorder = Recorder(receipts: dying.receipts)
        try await resume(try next(rig, recorder), recorder)
        #expect(recorder.samples.isEmpty)
        #expect(try await rig.count("logs_unmeasured") == 0)
        #expect(recorder.receipts.isEmpty)
    }

    @Test func notesAreForgottenByTheNextTransaction() async throws {
        let rig = try await rig()
        let recorder = rig.recording()
        for number in 0..<5 {
            try await put(rig, [number == 2 ? "no match" : "ERROR"])
            #expect(try await rig.count("logs_unmeasured") == 1)
        }
        rig.append(["of a group without filters"], group: "h")
        await rig.service.store.flush()
        #expect(try await rig.count("logs_unmeasured") == 0)
        #expect(recorder.receipts.count == 4)
        try await put(rig, ["ERROR"])
        try await rig.service.meters.journal.forgetReceipts(of: recorder)
        #expect(recorder.receipts.isEmpty)
        #expect(try await rig.count("logs_unmeasured") == 0)
        #expect(recorder.sums("m").count == 5)
    }

    /// What is on its way keeps its receipt, and what this process notes is not what another left.
    @Test func whatIsOnItsWayStays() async throws {
        let rig = try await rig()
        let recorder = rig.recording(by: Recorder(receipts: [1], keeps: false))
        try await put(rig, ["ERROR"])
        let meters = rig.service.meters
        try await meters.journal.forgetReceipts(of: recorder)
        #expect(try await rig.count("logs_unmeasured") == 1)
        try await resume(meters, recorder)
        #expect(recorder.sums("m") == ["1.0"])
        #expect(recorder.receipts.isEmpty)
    }

    @Test func filtersThatCameLaterDoNotMeasureWhatWasThere() async throws {
        let rig = try await rig()
        _ = rig.recording(by: Recorder(keeps: false))
        try await put(rig, ["ERROR"])
        rig.clock.now += 1
        _ = try await rig.send(
            "PutMetricFilter",
            #"{"logGroupName":"g","filterName":"late","filterPattern":"","metricTransformations":"#
                + #"[{"metricName":"late","metricNamespace":"n","metricValue":"1"}]}"#)
        let recorder = Recorder()
        try await resume(try next(rig, recorder), recorder)
        #expect(recorder.sums("m") == ["1.0"])
        #expect(recorder.sums("late").isEmpty)
        // A group that is gone is measured no more.
        try await put(rig, ["ERROR"])
        _ = try await rig.send("DeleteLogGroup", #"{"logGroupName":"g"}"#)
        let last = Recorder()
        try await resume(try next(rig, last), last)
        #expect(last.samples.isEmpty)
    }

    /// What was given is not given again when something fails then: the sink would bring both together.
    @Test func samplesAreGivenOnceThoughReceiptsCannotBeForgotten() async throws {
        let rig = try await rig()
        _ = rig.recording(by: Recorder(keeps: false))
        try await put(rig, ["ERROR"])
        let sink = Stuck()
        let meters = try next(rig, sink.recorder)
        for _ in 0..<2 {
            await #expect(throws: Stuck.Failure.self) {
                try await meters.journal.resume(from: sink) { meters.measure($0) }
            }
        }
        #expect(sink.recorder.sums("m") == ["1.0"])
    }

    @Test func aNoteThatCannotBeReadKeepsNoOther() async throws {
        let rig = try await rig()
        _ = rig.recording(by: Recorder(keeps: false))
        for offset in 0..<3 { try await put(rig, ["ERROR"], at: Int64(offset)) }
        _ = try await rig.database.write { connection in
            try connection.execute(
                """
                UPDATE logs_unmeasured SET first_time = 'x'
                WHERE number = (SELECT MIN(number) FROM logs_unmeasured)
                """, [])
        }
        let recorder = Recorder(keeps: false)
        let meters = try next(rig, recorder)
        for _ in 0..<2 { await #expect(throws: (any Error).self) { try await resume(meters, recorder) } }
        #expect(recorder.sums("m") == ["1.0", "1.0"])
    }

    /// A sink whose disk is full.
    private struct Stuck: ReceiptSink {
        struct Failure: Error {}

        let recorder = Recorder(keeps: false)

        func record(_ samples: [MetricSample]) { recorder.record(samples) }
        func record(_ samples: [MetricSample], as receipt: SampleReceipt, kept: @escaping @Sendable () -> Void) {
            recorder.record(samples, as: receipt, kept: kept)
        }
        func receipts(of source: String) async throws -> Set<Int64> { try await recorder.receipts(of: source) }
        func forgetReceipts(of _: String, below _: Int64) async throws { throw Failure() }
    }
}
