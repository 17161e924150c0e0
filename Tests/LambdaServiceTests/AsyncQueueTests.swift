import AWSWire
import Delivery
import Dispatch
import Fleet
import Identity
import NIOCore
import NIOHTTP1
import Storage
import Synchronization
import TestSupport
import Testing

@testable import LambdaService

/// https://docs.aws.amazon.com/lambda/latest/dg/invocation-async.html
@Suite struct AsyncQueueTests {
    private static let queue = "arn:aws:sqs:us-east-1:111111111111:queue"
    private static let failure = Result<InvocationOutcome, FleetError>.success(
        InvocationOutcome(
            payload: ByteBuffer(string: #"{"errorMessage":"no","errorType":"E"}"#), functionError: "Unhandled",
            logTail: ByteBuffer()))

    private func put(_ apus: Harness, _ config: String, query: String? = nil) async throws {
        let answer = try await apus.send(
            .PUT, "/2019-09-25/functions/hello/event-invoke-config", query: query, body: config)
        #expect(answer.status == 200, "\(answer.text)")
    }

    @Test func acceptsAndRuns() async throws {
        let apus = try Harness()
        try await apus.deploy("hello")
        try await apus.dispatching { () async throws in
            let answer = try await apus.event("hello", #"{"a":1}"#)
            #expect(answer.status == 202)
            #expect(answer.body.readableBytes == 0)
            #expect(answer.headers.first(name: "X-Amz-Executed-Version") == nil)
            #expect(try await eventually { apus.fleet.invocations.count == 1 })
            let invocation = try #require(apus.fleet.invocations.first?.invocation)
            #expect(String(buffer: invocation.payload) == #"{"a":1}"#)
            #expect(invocation.invokedARN == "arn:aws:lambda:us-east-1:111111111111:function:hello")
            #expect(try await eventually { try await apus.queued() == 0 })
        }
        #expect(apus.fleet.invocations.count == 1)
    }

    // localstack's recorded test_retries: three invocations with one id, and the outcome of the last.
    @Test func triesAgainAndTellsOfTheEnd() async throws {
        let apus = try Harness()
        let target = FakeTarget()
        apus.delivery.register(target, for: "sqs")
        try await apus.deploy("hello", members: #""DeadLetterConfig":{"TargetArn":"\#(Self.queue)-dead"}"#)
        try await put(apus, #"{"DestinationConfig":{"OnFailure":{"Destination":"\#(Self.queue)"}}}"#)
        apus.fleet.answer(Self.failure)
        try await apus.dispatching { () async throws in
            #expect(try await apus.event("hello", #"{"a":1}"#).status == 202)
            for (count, seconds) in [(1, 59), (2, 119), (3, 0)] as [(Int, Int64)] {
                #expect(try await eventually { apus.fleet.invocations.count == count })
                if seconds == 0 { break }
                #expect(
                    try await eventually {
                        try await apus.events.read { connection in
                            try connection.query("SELECT failures FROM lambda_events WHERE node IS NULL", [])
                                .map { try $0.integer("failures") } == [Int64(count)]
                        }
                    })
                apus.advance(seconds: seconds)
                apus.advance(seconds: 1)
            }
            #expect(try await eventually { target.parcels.count == 2 })
            #expect(try await eventually { try await apus.queued() == 0 })
        }
        let ids = Set(apus.fleet.invocations.map(\.invocation.requestID))
        #expect(ids.count == 1)
        let id = try #require(ids.first)
        let told = try #require(target.parcels.first { $0.target == Self.queue })
        let record = try JSONValue(parsing: told.body)
        #expect(record["requestContext"]?["condition"]?.string == "RetriesExhausted")
        #expect(record["requestContext"]?["approximateInvokeCount"]?.int == 3)
        #expect(record["requestContext"]?["requestId"]?.string == id)
        #expect(record["responsePayload"]?["errorMessage"]?.string == "no")
        // localstack's recorded test_dead_letter_queue.
        let dead = try #require(target.parcels.first { $0.target == Self.queue + "-dead" })
        #expect(String(buffer: dead.body) == #"{"a":1}"#)
        #expect(
            dead.attributes == [
                "RequestID": Parcel.Attribute(.text(id)), "ErrorCode": Parcel.Attribute(type: "Number", .text("200")),
                "ErrorMessage": Parcel.Attribute(.text("no")),
            ])
        #expect(dead.sender.role == Harness.role)
        #expect(dead.sender.service == "lambda.amazonaws.com")
        #expect(dead.sender.source == "arn:aws:lambda:us-east-1:111111111111:function:hello")
    }

    @Test func throttledEventsWaitUntilTheyAreTooOld() async throws {
        let apus = try Harness()
        let target = FakeTarget()
        apus.delivery.register(target, for: "sqs")
        try await apus.deploy("hello", members: #""DeadLetterConfig":{"TargetArn":"\#(Self.queue)"}"#)
        try await put(
            apus,
            #"{"MaximumEventAgeInSeconds":60,"DestinationConfig":{"OnFailure":{"Destination":"\#(Self.queue)"}}}"#)
        apus.fleet.answer(.failure(.throttled(reason: "x")))
        try await apus.dispatching { () async throws in
            #expect(try await apus.event("hello").status == 202)
            for (count, pause) in [(1, 1), (2, 2), (3, 4), (4, 8), (5, 16)] as [(Int, Int64)] {
                #expect(try await eventually { apus.fleet.invocations.count == count })
                // Until it rests: time that passes before would be no part of the pause.
                #expect(try await eventually { apus.service.queue.alarm != nil })
                apus.advance(seconds: pause)
            }
            #expect(try await eventually { apus.fleet.invocations.count == 6 })
            #expect(try await eventually { apus.service.queue.alarm != nil })
            #expect(target.parcels.isEmpty)
            apus.advance(seconds: 60)
            #expect(try await eventually { target.parcels.count == 2 })
        }
        #expect(apus.fleet.invocations.count == 6)
        let told = try #require(target.parcels.first { $0.attributes.isEmpty })
        let record = try JSONValue(parsing: told.body)
        #expect(record["requestContext"]?["condition"]?.string == "EventAgeExceeded")
        #expect(record["responseContext"] == nil)
        let dead = try #require(target.parcels.first { !$0.attributes.isEmpty })
        #expect(dead.attributes["ErrorCode"] == Parcel.Attribute(type: "Number", .text("429")))
        #expect(dead.attributes["ErrorMessage"] == Parcel.Attribute(.text("Rate Exceeded.")))
    }

    @Test func throttledEventsRunOnceTheyCan() async throws {
        let apus = try Harness()
        try await apus.deploy("hello")
        apus.fleet.answer(.failure(.outOfCapacity))
        try await apus.dispatching { () async throws in
            for _ in 0..<5 { #expect(try await apus.event("hello").status == 202) }
            #expect(try await eventually { apus.service.queue.alarm != nil })
            apus.fleet.answer(nil)
            #expect(
                try await eventually {
                    apus.advance(seconds: 10)
                    return try await apus.queued() == 0
                })
        }
    }

    @Test func tellsOfSuccess() async throws {
        let apus = try Harness()
        let target = FakeTarget()
        apus.delivery.register(target, for: "sqs")
        try await apus.deploy("hello")
        try await put(apus, #"{"DestinationConfig":{"OnSuccess":{"Destination":"\#(Self.queue)"}}}"#)
        let trace = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1"
        try await apus.dispatching { () async throws in
            _ = try await apus.event("hello", "7", headers: ["X-Amzn-Trace-Id": trace])
            #expect(try await eventually { target.parcels.count == 1 })
        }
        let parcel = try #require(target.parcels.first)
        #expect(try JSONValue(parsing: parcel.body)["requestContext"]?["condition"]?.string == "Success")
        // The chain of requests goes on.
        #expect(parcel.trace?.hasPrefix(trace + ";Lineage=") == true)
    }

    @Test func nothingReservedIsTheEndAtOnce() async throws {
        let apus = try Harness()
        let target = FakeTarget()
        apus.delivery.register(target, for: "sqs")
        try await apus.deploy("hello", members: #""DeadLetterConfig":{"TargetArn":"\#(Self.queue)"}"#)
        let reserve = try await apus.send(
            .PUT, "/2017-10-31/functions/hello/concurrency", body: #"{"ReservedConcurrentExecutions":0}"#)
        #expect(reserve.status == 200)
        try await apus.dispatching { () async throws in
            #expect(try await apus.event("hello").status == 202)
            #expect(try await eventually { target.parcels.count == 1 })
            #expect(try await eventually { try await apus.queued() == 0 })
        }
        #expect(apus.fleet.invocations.isEmpty)
    }

    @Test(arguments: [true, false]) func whatWasAcceptedOutlivesTheProcess(isCrash: Bool) async throws {
        let directory = TemporaryDirectory()
        let first = try Harness(in: directory)
        try await first.deploy("hello")
        first.fleet.hold(true)
        try await first.dispatching { () async throws in
            for _ in 0..<3 { #expect(try await first.event("hello").status == 202) }
            #expect(try await eventually { first.fleet.invocations.count == 3 })
            // The fleet ends, and with it what it runs; or everything does.
            if !isCrash { first.fleet.release(.failure(.shuttingDown)) }
        }
        #expect(try await first.queued() == 3)
        let second = try Harness(in: directory)
        try await second.service.prepare()
        try await second.dispatching { () async throws in
            #expect(try await eventually { try await second.queued() == 0 })
        }
        #expect(
            Set(second.fleet.invocations.map(\.invocation.requestID))
                == Set(first.fleet.invocations.map(\.invocation.requestID)))
        first.fleet.release(.failure(.shuttingDown))
    }

    @Test func acknowledgesNothingThatIsNotWritten() async throws {
        let apus = try Harness()
        try await apus.deploy("hello")
        try await apus.dispatching { () async throws in
            #expect(try await apus.event("hello").status == 202)
            #expect(try await eventually { apus.fleet.invocations.count == 1 })
            // As a full disk does, at the statement itself.
            _ = try await apus.events.write { try $0.execute("ALTER TABLE lambda_events RENAME TO elsewhere", []) }
            for _ in 0..<3 { await #expect(throws: StorageError.self) { try await apus.event("hello") } }
            _ = try await apus.events.write { try $0.execute("ALTER TABLE elsewhere RENAME TO lambda_events", []) }
            for _ in 0..<2 { #expect(try await apus.event("hello").status == 202) }
            // Of those that were refused the first has run, as it had begun by then.
            #expect(try await eventually { apus.fleet.invocations.count >= 4 })
            #expect(try await eventually { try await apus.queued() == 0 })
            #expect(apus.fleet.invocations.count == 4)
        }
    }

    /// What came of an event is not noted before the event is.
    @Test func anEventMayBeOverBeforeItIsWritten() async throws {
        let apus = try Harness()
        try await apus.deploy("hello")
        try await apus.dispatching { () async throws in
            let gate = DispatchSemaphore(value: 0)
            let (holding, isHeld) = AsyncStream.makeStream(of: Void.self)
            async let held: Void = apus.events.write { _ in
                isHeld.finish()
                gate.wait()
            }
            for await _ in holding {}
            let isAnswered = Mutex(false)
            async let status = {
                let answer = try await apus.event("hello")
                isAnswered.withLock { $0 = true }
                return answer.status
            }()
            #expect(try await eventually { apus.fleet.invocations.count == 1 })
            #expect(!isAnswered.withLock { $0 })
            gate.signal()
            try await held
            #expect(try await status == 202)
            #expect(try await eventually { try await apus.queued() == 0 })
        }
        #expect(apus.fleet.invocations.count == 1)
    }

    @Test func aLoopIsStopped() async throws {
        let apus = try Harness()
        let target = FakeTarget()
        apus.delivery.register(target, for: "sqs")
        try await apus.deploy("hello")
        try await put(apus, #"{"DestinationConfig":{"OnFailure":{"Destination":"\#(Self.queue)"}}}"#)
        var header = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=0"
        for _ in 0..<16 {
            header = Lineage.following(header, to: "arn:aws:lambda:us-east-1:111111111111:function:hello")
        }
        try await apus.dispatching { () async throws in
            #expect(try await apus.event("hello", headers: ["X-Amzn-Trace-Id": header]).status == 202)
            #expect(try await eventually { target.parcels.count == 1 })
            #expect(apus.fleet.invocations.isEmpty)
            // A synchronous one is told so.
            let path = "/2015-03-31/functions/hello/invocations"
            let refused = try await apus.send(.POST, path, headers: ["X-Amzn-Trace-Id": header])
            #expect(refused.status == 400)
            #expect(refused.errorType == "RecursiveInvocationException")
            _ = try await apus.send(
                .PUT, "/2024-08-31/functions/hello/recursion-config", body: #"{"RecursiveLoop":"Allow"}"#)
            #expect(try await apus.send(.POST, path, headers: ["X-Amzn-Trace-Id": header]).status == 200)
            #expect(try await apus.event("hello", headers: ["X-Amzn-Trace-Id": header]).status == 202)
            #expect(try await eventually { apus.fleet.invocations.count == 2 })
        }
        let record = try JSONValue(parsing: #require(target.parcels.first).body)
        #expect(record["responseContext"] == nil)
    }

    @Test func aFunctionThatIsGoneTakesItsEventsAlong() async throws {
        let apus = try Harness()
        try await apus.deploy("hello")
        apus.fleet.answer(.failure(.outOfCapacity))
        try await apus.dispatching { () async throws in
            for _ in 0..<3 { #expect(try await apus.event("hello").status == 202) }
            #expect(try await eventually { apus.service.queue.alarm != nil })
            #expect(try await apus.send(.DELETE, "/2015-03-31/functions/hello").status == 204)
            #expect(try await apus.queued() == 0)
            apus.fleet.answer(nil)
            try await apus.deploy("hello")
            let before = apus.fleet.invocations.count
            let request = try await apus.event("hello", "8")
            #expect(request.status == 202)
            #expect(try await eventually { apus.fleet.invocations.count == before + 1 })
            #expect(apus.fleet.invocations.last.map { String(buffer: $0.invocation.payload) } == "8")
        }
    }

    /// The store cannot delete just then: what is left is for nobody.
    @Test func aNewFunctionGetsNoEventsOfAnOlderOne() async throws {
        let apus = try Harness()
        try await apus.deploy("hello")
        apus.fleet.answer(.failure(.outOfCapacity))
        try await apus.dispatching { () async throws in
            for _ in 0..<3 { #expect(try await apus.event("hello", "1").status == 202) }
            #expect(try await eventually { apus.service.queue.alarm != nil })
            try await apus.events.write { connection in
                _ = try connection.execute(
                    "CREATE TRIGGER kept BEFORE DELETE ON lambda_events BEGIN SELECT RAISE(ABORT, 'no'); END", [])
            }
            #expect(try await apus.send(.DELETE, "/2015-03-31/functions/hello").status == 204)
            #expect(try await apus.queued() == 3)
            try await apus.events.write { _ = try $0.execute("DROP TRIGGER kept", []) }
            try await apus.deploy("hello")
            let before = apus.fleet.invocations.count
            apus.fleet.answer(nil)
            #expect(try await apus.event("hello", "2").status == 202)
            // It has its own lease, which is not to end first.
            #expect(
                try await eventually {
                    try await apus.events.read { connection in
                        try connection.query(
                            "SELECT 1 FROM lambda_events WHERE payload = CAST('2' AS BLOB)", []
                        ).isEmpty
                    }
                })
            #expect(
                try await eventually {
                    // Until the leases have ended of what had been claimed.
                    apus.advance(seconds: 60)
                    return try await apus.queued() == 0
                })
            #expect(
                apus.fleet.invocations.dropFirst(before).map { String(buffer: $0.invocation.payload) } == ["2"])
        }
    }

    @Test func boundsThePayload() async throws {
        let apus = try Harness()
        try await apus.deploy("hello")
        let answer = try await apus.event("hello", "\"" + String(repeating: "x", count: 1_048_575) + "\"")
        #expect(answer.status == 413)
        #expect(answer.errorType == "RequestEntityTooLargeException")
        #expect(
            try answer.message
                == "1048577 byte payload is too large for the Event invocation type (limit 1048576 bytes)")
    }
}

@Suite struct LineageTests {
    private static let root = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1"

    @Test func countsEachFunction() {
        var header = Self.root
        for (arn, count) in [("a", 1), ("b", 1), ("a", 2)] {
            header = Lineage.following(header, to: arn)
            #expect(Lineage(of: header).times(arn) == count)
        }
        #expect(header.hasPrefix(Self.root + ";Lineage="))
        #expect(header.split(separator: ";").count == 4)
    }

    @Test func stopsTheSeventeenth() {
        var header = Self.root
        var times = 0
        while !Lineage.isLoop(header, of: "a") {
            header = Lineage.following(header, to: "a")
            times += 1
        }
        #expect(times == 17)
    }

    /// A chain of more functions than a header tells apart is stopped all the same.
    @Test func longLoopsEndToo() {
        var header = Self.root
        var steps = 0
        while steps < 10_000 {
            let arn = "function-\(steps % 40)"
            header = Lineage.following(header, to: arn)
            if Lineage.isLoop(header, of: arn) { break }
            steps += 1
        }
        #expect(steps == 16 * 40)
        #expect(header.utf8.count < 512)
    }

    // From anybody: nonsense counts nothing, and does not get through.
    @Test(arguments: ["x", "1:a87bd80c:0", "a87bd80c:-1", "a87bd80c:99999999999999999999", "|", "a87bd80c:1|x"])
    func nonsenseIsNoLineage(_ value: String) {
        let header = Self.root + ";Lineage=\(value)"
        #expect(Lineage(of: header) == Lineage(of: Self.root))
        #expect(Lineage.following(header, to: "a") == Lineage.following(Self.root, to: "a"))
    }
}
