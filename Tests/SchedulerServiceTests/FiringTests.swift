import AWSWire
import Delivery
import Identity
import NIOCore
import NIOHTTP1
import Storage
import TestSupport
import Testing

@testable import SchedulerService

/// What schedules send, and when.
@Suite struct FiringTests {
    @Test func aRateBeginsAtOnceAndGoesOn() async throws {
        let rig = try Rig()
        try await rig.create("s", Rig.document("rate(5 minutes)", to: Rig.queue, #""Input":"hello""#))
        #expect(try await rig.arrived(1).map(\.text) == ["hello"])
        #expect(try await rig.comes("s", 300))
        rig.clock.advance(seconds: 299)
        #expect(try await rig.next("s") == 300)
        rig.clock.advance(seconds: 1)
        #expect(try await rig.arrived(2).map(\.text) == ["hello", "hello"])
        #expect(try await rig.comes("s", 600))
        #expect(Set(rig.sink.parcels(to: Rig.queue).map(\.id)).count == 2)
    }

    /// One that a far alarm waits for does not keep an earlier one waiting.
    @Test func theEarliestHasTheAlarm() async throws {
        let rig = try Rig()
        try await rig.create("late", Rig.document("cron(0 0 1 6 ? *)"))
        try await rig.create("early", Rig.document("cron(1 0 * * ? *)", to: Rig.function))
        rig.clock.advance(seconds: 60)
        #expect(try await rig.arrived(1, at: Rig.function).count == 1)
        #expect(rig.sink.parcels(to: Rig.queue).isEmpty)
    }

    @Test func cronComesInItsZone() async throws {
        let rig = try Rig()
        try await rig.create(
            "s", Rig.document("cron(30 9 * * ? *)", to: Rig.queue, "", #""ScheduleExpressionTimezone":"Asia/Kolkata""#))
        // 9:30 there is 4:00 in UTC.
        #expect(try await rig.next("s") == 4 * 3_600)
    }

    @Test func startAndEndBoundIt() async throws {
        let rig = try Rig()
        let (start, end) = (Rig.start / 1_000 + 90, Rig.start / 1_000 + 220)
        try await rig.create(
            "rate", Rig.document("rate(1 minute)", to: Rig.queue, "", #""StartDate":\#(start),"EndDate":\#(end)"#))
        try await rig.create(
            "cron", Rig.document("cron(* * * * ? *)", to: Rig.function, "", #""StartDate":\#(start),"EndDate":\#(end)"#)
        )
        #expect(try await rig.next("rate") == 90)
        #expect(try await rig.next("cron") == 120)
        for _ in 0..<4 {
            rig.clock.advance(seconds: 60)
            #expect(
                try await eventually {
                    try await [rig.next("rate"), rig.next("cron")].allSatisfy { time in
                        (time ?? .max) > (rig.clock.milliseconds() - Rig.start) / 1_000
                    }
                })
        }
        #expect(try await rig.arrived(3).count == 3)
        #expect(try await rig.arrived(2, at: Rig.function).count == 2)
        #expect(try await rig.next("rate") == nil)
        #expect(try await rig.next("cron") == nil)
    }

    @Test func onceIsOnceAndDeletedWhereThatIsAsked() async throws {
        let rig = try Rig()
        try await rig.create("kept", Rig.document("at(2026-01-01T00:02:00)"))
        try await rig.create(
            "deleted",
            Rig.document("at(2026-01-01T00:02:00)", to: Rig.function, "", #""ActionAfterCompletion":"DELETE""#))
        rig.clock.advance(seconds: 120)
        #expect(try await rig.arrived(1).count == 1)
        #expect(try await rig.arrived(1, at: Rig.function).count == 1)
        #expect(try await rig.comes("kept", nil))
        #expect(try await rig.ask(.GET, "/schedules/kept")["ActionAfterCompletion"]?.string == "NONE")
        #expect(
            await rig.refusal(.GET, "/schedules/deleted")
                == "ResourceNotFoundException: Schedule deleted does not exist.")
    }

    /// AWS takes them (LocalStack: tests_create_schedule_with_valid_schedule_expression).
    @Test func whatIsLongPastNeverComes() async throws {
        let rig = try Rig()
        try await rig.create("s", Rig.document("at(2022-12-31T23:59:59)"))
        #expect(try await rig.next("s") == nil)
        // One of this minute does.
        try await rig.create("t", Rig.document("at(2025-12-31T23:59:30)"))
        #expect(try await rig.arrived(1).count == 1)
    }

    @Test func aDisabledOneWaits() async throws {
        let rig = try Rig()
        try await rig.create("s", Rig.document("rate(1 minute)", to: Rig.queue, "", #""State":"DISABLED""#))
        #expect(try await rig.next("s") == nil)
        rig.clock.advance(seconds: 150)
        try await rig.ask(.PUT, "/schedules/s", nil, Rig.document("rate(1 minute)"))
        // As it would have come: it began when it was made.
        #expect(try await rig.next("s") == 180)
        try await rig.ask(.PUT, "/schedules/s", nil, Rig.document("rate(1 minute)", to: Rig.function))
        #expect(try await rig.next("s") == 180)
        // Another rate begins anew.
        try await rig.ask(.PUT, "/schedules/s", nil, Rig.document("rate(2 minutes)", to: Rig.function))
        #expect(try await rig.arrived(1, at: Rig.function).count == 1)
        #expect(try await rig.comes("s", 270))
    }

    @Test func deletingOneEndsIt() async throws {
        let rig = try Rig()
        try await rig.create("s", Rig.document("cron(* * * * ? *)"))
        try await rig.create("t", Rig.document("cron(* * * * ? *)", to: Rig.function))
        try await rig.ask(.DELETE, "/schedules/s")
        #expect(try await rig.next("s") == nil)
        rig.clock.advance(seconds: 60)
        _ = try await rig.arrived(1, at: Rig.function)
        #expect(rig.sink.parcels(to: Rig.queue).isEmpty)
    }

    @Test func aWindowIsUsed() async throws {
        let rig = try Rig(runs: false)
        let window = #""FlexibleTimeWindow":{"Mode":"FLEXIBLE","MaximumWindowInMinutes":10}"#
        var dues: Set<Int64> = []
        for number in 0..<40 {
            try await rig.create("s\(number)", Rig.document("at(2026-01-01T01:00:00)", to: Rig.queue, "", window))
            let key = ScheduleID(
                group: GroupID(account: "000000000000", region: "us-east-1", name: "default"), name: "s\(number)"
            ).key
            let timetable = rig.timetable
            let found = try await rig.database.read { try timetable.appointment(key, in: $0) }
            let appointment = try #require(found)
            #expect(appointment.time == Rig.start + 3_600_000)
            #expect((appointment.time..<appointment.time + 600_000).contains(appointment.due))
            dues.insert(appointment.due)
        }
        #expect(dues.count > 1)
    }

    // MARK: Time without a server

    /// Minutes that were missed: one goes, late, then it goes on from now.
    @Test func whatWasMissedGoesOnce() async throws {
        let rig = try Rig(runs: false)
        try await rig.create(
            "s", Rig.document("rate(1 minute)", to: Rig.queue, #""Input":"<aws.scheduler.scheduled-time>""#))
        rig.clock.advance(seconds: 630)
        rig.run()
        #expect(try await rig.arrived(1).map(\.text) == ["2026-01-01T00:00:00Z"])
        #expect(try await rig.comes("s", 660))
        rig.clock.advance(seconds: 30)
        #expect(try await rig.arrived(2).map(\.text) == ["2026-01-01T00:00:00Z", "2026-01-01T00:11:00Z"])
    }

    /// What is older than the target's maximum age is not worth sending; the first that is younger is.
    @Test func whatIsTooOldIsLeftOut() async throws {
        let rig = try Rig(runs: false)
        let input = #""Input":"<aws.scheduler.scheduled-time>","RetryPolicy":{"MaximumEventAgeInSeconds":100}"#
        try await rig.create("s", Rig.document("rate(1 minute)", to: Rig.queue, input))
        try await rig.create("once", Rig.document("at(2026-01-01T00:01:00)", to: Rig.function, input))
        rig.clock.advance(seconds: 630)
        rig.run()
        #expect(try await rig.arrived(1).map(\.text) == ["2026-01-01T00:09:00Z"])
        #expect(try await rig.comes("s", 660))
        #expect(try await rig.comes("once", nil))
        #expect(rig.sink.parcels(to: Rig.function).isEmpty)
    }

    /// However many look, each time goes once.
    @Test func twoNodesKeepEachTimeOnce() async throws {
        let rig = try Rig()
        rig.run()
        rig.run()
        for number in 0..<20 { try await rig.create("s\(number)", Rig.document("rate(1 minute)")) }
        for minute in 1...5 {
            #expect(try await rig.arrived(20 * minute).count == 20 * minute)
            for number in 0..<20 { #expect(try await rig.comes("s\(number)", Int64(minute) * 60)) }
            rig.clock.advance(seconds: 60)
        }
        #expect(try await rig.arrived(120).count == 120)
    }

    // MARK: What is sent

    @Test func attributesAreFilledIn() async throws {
        let failing = Sink { parcel in
            parcel.text.hasSuffix("3")
                ? nil : DeliveryFailure(code: "Throttled", message: "Later.", isFinal: false)
        }
        let rig = try Rig(failing)
        let input =
            #""Input":"<aws.scheduler.schedule-arn> <aws.scheduler.scheduled-time> <aws.scheduler.attempt-number>""#
        try await rig.create("s", Rig.document("at(2026-01-01T00:00:00)", to: Rig.queue, input))
        // The outbox sleeps by a clock of its own between tries, and looks at this one.
        let arrived = try await eventually {
            rig.clock.advance(seconds: 1)
            return !rig.sink.parcels(to: Rig.queue).isEmpty
        }
        #expect(arrived)
        let arn = "arn:aws:scheduler:us-east-1:000000000000:schedule/default/s"
        #expect(rig.sink.parcels(to: Rig.queue).map(\.text) == ["\(arn) 2026-01-01T00:00:00Z 3"])
    }

    @Test func withoutInputANotificationIsSent() async throws {
        let rig = try Rig()
        try await rig.create("s", Rig.document("at(2026-01-01T00:00:00)", to: Rig.function))
        let parcel = try #require(try await rig.arrived(1, at: Rig.function).first)
        let json = try JSONValue(parsing: parcel.body)
        #expect(json["detail-type"]?.string == "Scheduled Event")
        #expect(json["source"]?.string == "aws.scheduler")
        #expect(json["time"]?.string == "2026-01-01T00:00:00Z")
        #expect(json["detail"]?.string == "{}")
        #expect(
            json["resources"]?.elements.map(\.string)
                == ["arn:aws:scheduler:us-east-1:000000000000:schedule/default/s"])
        #expect(parcel.sender.role == Rig.role)
        #expect(parcel.sender.service == "scheduler.amazonaws.com")
        #expect(parcel.sender.source == "arn:aws:scheduler:us-east-1:000000000000:schedule-group/default")
    }

    @Test func queuesAndBusesGetWhatTheyNeed() async throws {
        let rig = try Rig()
        let fifo = Rig.queue + ".fifo"
        try await rig.create(
            "q",
            Rig.document("at(2026-01-01T00:00:00)", to: fifo, #""SqsParameters":{"MessageGroupId":"g"},"Input":"x""#))
        try await rig.create(
            "e",
            Rig.document(
                "at(2026-01-01T00:00:00)", to: Rig.bus,
                #""EventBridgeParameters":{"DetailType":"t","Source":"my.app"},"Input":"{\"a\":1}""#))
        #expect(try await rig.arrived(1, at: fifo).first?.group == "g")
        let event = try #require(try await rig.arrived(1, at: Rig.bus).first)
        #expect(event.text == #"{"a":1}"#)
        #expect(event.attributes["source"] == Parcel.Attribute(.text("my.app")))
        #expect(event.attributes["detail-type"] == Parcel.Attribute(.text("t")))
    }

    @Test func universalTargetsSend() async throws {
        let rig = try Rig()
        let prefix = "arn:aws:scheduler:::aws-sdk"
        try await rig.create(
            "q",
            Rig.document(
                "at(2026-01-01T00:00:00)", to: "\(prefix):sqs:sendMessage",
                #""Input":"{\"QueueUrl\":\"http://a/000000000000/queue\",\"MessageBody\":\"m\"}""#))
        try await rig.create(
            "f",
            Rig.document(
                "at(2026-01-01T00:00:00)", to: "\(prefix):lambda:invoke",
                #""Input":"{\"FunctionName\":\"f\",\"InvocationType\":\"Event\",\"Payload\":\"{}\"}""#))
        try await rig.create(
            "t",
            Rig.document(
                "at(2026-01-01T00:00:00)", to: "\(prefix):sns:publish",
                #""Input":"{\"TopicArn\":\"arn:aws:sns:us-east-1:000000000000:t\",\"Message\":\"n\"}""#))
        #expect(try await rig.arrived(1).map(\.text) == ["m"])
        #expect(try await rig.arrived(1, at: Rig.function).map(\.text) == ["{}"])
        #expect(try await rig.arrived(1, at: "arn:aws:sns:us-east-1:000000000000:t").map(\.text) == ["n"])
    }

    /// The attributes of https://docs.aws.amazon.com/scheduler/latest/UserGuide/configuring-schedule-dlq.html
    @Test func deadLettersAreSent() async throws {
        let failing = Sink { parcel in
            if parcel.target == Rig.letters { return nil }
            return DeliveryFailure(code: "Gone", message: "It is not there.", isFinal: parcel.target == Rig.function)
        }
        let rig = try Rig(failing)
        let letters =
            #""DeadLetterConfig":{"Arn":"\#(Rig.letters)"},"Input":"x","RetryPolicy":{"MaximumRetryAttempts":0}"#
        try await rig.create("f", Rig.document("at(2026-01-01T00:00:00)", to: Rig.function, letters))
        try await rig.create("q", Rig.document("at(2026-01-01T00:00:00)", to: Rig.queue, letters))
        let arrived = try await rig.arrived(2, at: Rig.letters).sorted {
            $0.value("TARGET_ARN") < $1.value("TARGET_ARN")
        }
        #expect(arrived.map(\.text) == ["x", "x"])
        let first = try #require(arrived.first)
        #expect(first.value("TARGET_ARN") == Rig.function)
        #expect(first.value("ERROR_CODE") == "Gone")
        #expect(first.value("ERROR_MESSAGE") == "It is not there.")
        #expect(first.value("RETRY_ATTEMPTS") == "0")
        #expect(first.value("SCHEDULED_TIME") == "2026-01-01T00:00:00Z")
        #expect(first.value("SCHEDULE_ARN") == "arn:aws:scheduler:us-east-1:000000000000:schedule/default/f")
        #expect(first.value("IS_PAYLOAD_TRUNCATED") == "false")
        #expect(first.value("EXECUTION_ID").count == 16)
        #expect(arrived.map { $0.value("EXHAUSTED_RETRY_CONDITION") } == ["", "MaximumRetryAttempts"])
        #expect(first.sender.role == Rig.role)
    }
}

extension Parcel {
    fileprivate func value(_ name: String) -> String {
        if case .text(let text) = attributes[name]?.value { text } else { "" }
    }
}
