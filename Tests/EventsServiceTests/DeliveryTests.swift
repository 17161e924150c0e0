import AWSWire
import Delivery
import Identity
import NIOCore
import TestSupport
import Testing

@testable import EventsService

/// Tries, dead letters, and buses as targets.
@Suite struct DeliveryTests {
    private static func failing(_ code: String = "InternalError", isFinal: Bool = false) -> Sink {
        Sink { parcel in
            parcel.target == Rig.letters ? nil : DeliveryFailure(code: code, message: "It is not.", isFinal: isFinal)
        }
    }

    private static let withLetters = #""DeadLetterConfig":{"Arn":"\#(Rig.letters)"}"#

    // MARK: Retries

    /// https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-rule-retry-policy.html
    @Test func aTargetIsTriedUntilTheEventIsTooOld() async throws {
        let rig = try Rig(Self.failing())
        try await rig.rule("r", #"\#(Self.withLetters),"RetryPolicy":{"MaximumEventAgeInSeconds":60}"#)
        try await rig.put(Rig.entry())
        for (attempts, pause) in zip(Int64(1)..., [1, 2, 4, 8, 16]) as Zip2Sequence<PartialRangeFrom<Int64>, [Int64]> {
            #expect(try await rig.pause(after: attempts) == pause)
            rig.advance(seconds: pause)
        }
        // After 31 seconds; the next try would be after 63.
        let letter = try #require(try await rig.arrived(1, at: Rig.letters).first)
        #expect(letter.value("EXHAUSTED_RETRY_CONDITION") == "MaximumEventAgeInSeconds")
        #expect(letter.value("RETRY_ATTEMPTS") == "5")
    }

    @Test func aTargetIsTriedAsOftenAsItSays() async throws {
        let rig = try Rig(Self.failing())
        try await rig.rule("r", #"\#(Self.withLetters),"RetryPolicy":{"MaximumRetryAttempts":2},"Input":"7""#)
        try await rig.put(Rig.entry(#"{"n":1}"#))
        for attempts in Int64(1)...2 {
            let pause = try await rig.pause(after: attempts)
            rig.advance(seconds: pause)
        }
        let letter = try #require(try await rig.arrived(1, at: Rig.letters).first)
        #expect(letter.value("EXHAUSTED_RETRY_CONDITION") == "MaximumRetryAttempts")
        #expect(letter.value("RETRY_ATTEMPTS") == "2")
        #expect(letter.value("RULE_ARN") == "arn:aws:events:us-east-1:000000000000:rule/r")
        #expect(letter.value("TARGET_ARN") == Rig.queue)
        #expect(letter.value("ERROR_MESSAGE") == "It is not.")
        // The event, not what the target would have had.
        #expect(letter.json?["detail"]?["n"]?.double == 1)
    }

    /// https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-rule-dlq.html
    @Test(arguments: [
        ("AccessDeniedException", "NO_PERMISSIONS"), ("AWS.SimpleQueueService.NonExistentQueue", "NO_RESOURCE"),
        ("ResourceNotFoundException", "NO_RESOURCE"), ("TooManyRequestsException", "THROTTLING"),
        ("InvalidParameterValue", "SDK_CLIENT_ERROR"),
    ])
    func errorsHaveTheirKind(_ code: String, _ kind: String) async throws {
        let rig = try Rig(Self.failing(code, isFinal: true))
        try await rig.rule("r", Self.withLetters)
        try await rig.put(Rig.entry())
        let letter = try #require(try await rig.arrived(1, at: Rig.letters).first)
        #expect(letter.value("ERROR_CODE") == kind)
        #expect(letter.value("RETRY_ATTEMPTS") == "0")
        #expect(letter.value("EXHAUSTED_RETRY_CONDITION").isEmpty)
    }

    // MARK: Buses

    private static func bus(_ name: String, _ account: String = "000000000000", _ region: String = "us-east-1")
        -> String
    {
        "arn:aws:events:\(region):\(account):event-bus/\(name)"
    }

    /// A bus that lets EventBridge in, whose rule has the queue as its target.
    private static func receiver(_ name: String, in rig: Rig, to target: String = Rig.queue) async throws {
        try await rig.rule(name, on: name, to: target, withLetters)
        let policy = #"""
            {"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"events.amazonaws.com"},
            "Action":"events:PutEvents","Resource":"\#(bus(name))"}]}
            """#
        try await rig.ask("PutPermission", #"{"EventBusName":"\#(name)","Policy":\#(Rig.text(policy))}"#)
    }

    @Test func anEventGoesOnAsItIs() async throws {
        let rig = try Rig()
        try await Self.receiver("second", in: rig)
        try await rig.rule("first", to: Self.bus("second"))
        let time = Rig.start / 1_000 - 3_600
        let answer = try await rig.put(Rig.entry(#"{"n":1}"#, #""Time":\#(time),"Resources":["a"]"#))
        let event = try #require(try await rig.arrived(1).first?.json)
        #expect(event["detail"]?["n"]?.double == 1)
        #expect(event["resources"]?.elements.map(\.string) == ["a"])
        #expect(event["time"]?.string == "2025-12-31T23:00:00Z")
        #expect(event["id"]?.string == answer["Entries"]?.elements.first?["EventId"]?.string)
    }

    /// "EventBridge can't route events received from a sender event bus to a third event bus":
    /// https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-bus-to-bus.html
    @Test func anEventIsPassedOnOnce() async throws {
        let rig = try Rig()
        try await Self.receiver("third", in: rig)
        try await Self.receiver("second", in: rig, to: Self.bus("third"))
        try await rig.rule("first", to: Self.bus("second"))
        try await rig.put(Rig.entry())
        let letter = try #require(try await rig.arrived(1, at: Rig.letters).first)
        #expect(letter.value("ERROR_CODE") == "THIRD_ACCOUNT_HOP_DETECTED")
        let id = try #require(letter.json?["id"]?.string)
        #expect(
            letter.value("ERROR_MESSAGE")
                == "Event ingestion rejected for event \(id) because an event can be sent to an event bus target only "
                + "once. This event was previously delivered to an event bus target.")
        #expect(letter.value("RULE_ARN") == "arn:aws:events:us-east-1:000000000000:rule/second/second")
        #expect(rig.sink.parcels(to: Rig.queue).isEmpty)
    }

    /// Two buses that pass everything to each other.
    @Test func aLoopEnds() async throws {
        let rig = try Rig()
        try await Self.receiver("second", in: rig, to: Self.bus("first"))
        try await Self.receiver("first", in: rig, to: Self.bus("second"))
        try await rig.put(Rig.entry(on: "first"))
        #expect(try await rig.arrived(1, at: Rig.letters).count == 1)
        #expect(try await eventually { try await rig.count("outbox_parcels") == 0 })
        #expect(rig.sink.parcels(to: Rig.letters).count == 1)
    }

    /// PutPermission of an account's number lets its rules in, without a role.
    @Test func anotherAccountsBusDecides() async throws {
        let rig = try Rig()
        let target = Self.bus("theirs", "111111111111", "eu-west-1")
        try await rig.ask("CreateEventBus", #"{"Name":"theirs"}"#, by: Rig.stranger, region: "eu-west-1")
        try await rig.ask(
            "PutRule", #"{"Name":"r","EventBusName":"theirs","EventPattern":\#(Rig.text(#"{"source":["shop"]}"#))}"#,
            by: Rig.stranger, region: "eu-west-1")
        try await rig.ask(
            "PutTargets", #"{"Rule":"r","EventBusName":"theirs","Targets":[{"Id":"t","Arn":"\#(Rig.queue)"}]}"#,
            by: Rig.stranger, region: "eu-west-1")
        try await rig.rule("mine", to: target, Self.withLetters)
        try await rig.put(Rig.entry())
        let letter = try #require(try await rig.arrived(1, at: Rig.letters).first)
        #expect(letter.value("ERROR_CODE") == "NO_PERMISSIONS")
        try await rig.ask(
            "PutPermission",
            #"{"EventBusName":"theirs","Action":"events:PutEvents","Principal":"000000000000","StatementId":"s"}"#,
            by: Rig.stranger, region: "eu-west-1")
        try await rig.put(Rig.entry(#"{"n":2}"#))
        let parcel = try #require(try await rig.arrived(1).first)
        // It is still the sender's event, told by the receiver's rule.
        #expect(parcel.json?["account"]?.string == "000000000000")
        #expect(parcel.json?["region"]?.string == "us-east-1")
        #expect(parcel.sender.source == "arn:aws:events:eu-west-1:111111111111:rule/theirs/r")
        #expect(parcel.sender.account.digits == "111111111111")
    }

    /// An account's number in the policy of its own bus gives its rules nothing that they need a role for.
    @Test func theOwnersNumberIsNoPermission() async throws {
        let rig = try Rig()
        try await rig.rule("second", on: "second")
        try await rig.rule("first", to: Self.bus("second"), Self.withLetters)
        try await rig.ask(
            "PutPermission",
            #"{"EventBusName":"second","Action":"events:PutEvents","Principal":"000000000000","StatementId":"s"}"#)
        try await rig.put(Rig.entry())
        #expect(try await rig.arrived(1, at: Rig.letters).first?.value("ERROR_CODE") == "NO_PERMISSIONS")
    }

    /// "Modifying the input for target … is not supported": AWS's words.
    @Test(arguments: [
        #""Input":"{}""#, #""InputPath":"$.detail""#, #""InputTransformer":{"InputTemplate":"\"x\""}"#,
    ])
    func busesGetEventsAsTheyAre(_ input: String) async throws {
        let rig = try Rig()
        try await rig.rule("r")
        let target = #"{"Id":"b","Arn":"\#(Self.bus("default"))",\#(input)}"#
        #expect(
            await rig.refusal("PutTargets", #"{"Rule":"r","Targets":[\#(target)]}"#)
                == "ValidationException: Modifying the input for target b is not supported.")
    }

    /// The rule's role is for targets that need one and name none.
    @Test(arguments: [
        (Rig.queue, nil, nil), (Rig.queue, "own", "own"), (bus("b"), nil, "rule"), (bus("b"), "own", "own"),
    ])
    func rolesAreTheTargetsOrTheRules(_ arn: String, _ role: String?, _ expected: String?) throws {
        var record = TargetRecord(id: "t", arn: arn)
        record.role = role
        let content = Event.Content(
            id: "1", source: "shop", detailType: "sold", account: "000000000000", region: "us-east-1",
            time: "2026-01-01T00:00:00Z", detail: ByteBuffer(string: "{}"))
        let key = RuleKey("r", on: BusKey(account: "000000000000", region: "us-east-1", name: "default"))
        let invocation = LiveTarget(record, roleOfRule: "rule")
            .invocation(try Event(content, milliseconds: 0, ingested: 0), of: key)
        guard case .made(let entry) = invocation else {
            Issue.record("Nothing was made.")
            return
        }
        #expect(entry.parcel.sender.role == expected)
    }
}
