import AWSWire
import Delivery
import NIOCore
import TestSupport
import Testing

@testable import EventsService

/// Entries of PutEvents, and which rules get them.
@Suite struct PublishTests {
    /// "Total entry size": https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-putevents.html
    @Test func entriesTogetherHaveALimit() async throws {
        let rig = try Rig()
        try await rig.rule("r")
        // Source and detail type have 8 bytes, quotes and braces 8 more.
        let text = String(repeating: "x", count: 524_288 - 8 - 8)
        let half = Rig.entry(#"{"a":"\#(text)"}"#)
        #expect(try await rig.put(half, half)["FailedEntryCount"]?.double == 0)
        #expect(try await rig.arrived(2).count == 2)
        let entries = [half, Rig.entry(#"{"a":"\#(text)y"}"#)].joined(separator: ",")
        #expect(
            await rig.refusal("PutEvents", #"{"Entries":[\#(entries)]}"#)?.hasPrefix("ValidationException: Total")
                == true)
        #expect(rig.sink.parcels(to: Rig.queue).count == 2)
    }

    @Test func eachEntryStandsForItself() async throws {
        let rig = try Rig()
        try await rig.rule("r")
        let answer = try await rig.put(
            Rig.entry(#"{"n":1}"#), Rig.entry("[]"), Rig.entry("{"), Rig.entry(source: "aws.s3"), #"{"Source":"shop"}"#,
            Rig.entry(on: "nowhere"), Rig.entry(#"{"n":2}"#))
        #expect(answer["FailedEntryCount"]?.double == 4)
        let codes = answer["Entries"]?.elements.map { $0["ErrorCode"]?.string ?? "" }
        #expect(
            codes == [
                "", "MalformedDetail", "MalformedDetail", "NotAuthorizedForSourceException", "InvalidArgument", "", "",
            ])
        let arrived = try await rig.arrived(2).compactMap(\.json)
        #expect(arrived.map { $0["detail"]?["n"]?.double } == [1, 2])
        let ids = answer["Entries"]?.elements.compactMap { $0["EventId"]?.string } ?? []
        #expect(ids.count == 3)
        #expect(arrived.allSatisfy { ids.contains($0["id"]?.string ?? "") })
    }

    @Test(arguments: [
        "-1e300", "1e300", "9223372036854775", "-9223372036854775", "9e15", "-62135596801", "-1", "253402300800",
    ])
    func timesThatNoDocumentCanSayAreRefused(_ time: String) async throws {
        let rig = try Rig()
        try await rig.rule("r")
        let answer = try await rig.put(Rig.entry("{}", #""Time":\#(time)"#), Rig.entry("{}", #""Time":253402300799"#))
        #expect(answer["FailedEntryCount"]?.double == 1)
        #expect(answer["Entries"]?.elements.first?["ErrorCode"]?.string == "InvalidArgument")
        #expect(try await rig.arrived(1).first?.json?["time"]?.string == "9999-12-31T23:59:59Z")
    }

    // MARK: Rules

    /// Rules that name sources are found by them, those that do not by looking.
    @Test func rulesAreFoundBySourceAndWithout() async throws {
        let rig = try Rig()
        try await rig.rule("a", #""Input":"\"a\"""#)
        try await rig.rule("b", pattern: #"{"source":["shop","bank"],"detail":{"n":[1]}}"#, #""Input":"\"b\"""#)
        try await rig.rule("c", pattern: #"{"source":[{"prefix":"sh"}]}"#, #""Input":"\"c\"""#)
        try await rig.rule("d", pattern: #"{"detail-type":["sold"]}"#, #""Input":"\"d\"""#)
        try await rig.rule("off", #""Input":"\"off\"""#)
        try await rig.ask("DisableRule", #"{"Name":"off"}"#)
        try await rig.put(Rig.entry(#"{"n":1}"#))
        #expect(try await rig.arrived(4).map(\.text).sorted() == [#""a""#, #""b""#, #""c""#, #""d""#])
        try await rig.put(Rig.entry(#"{"n":1}"#, source: "bank"))
        #expect(try await rig.arrived(6).map(\.text).sorted() == ["a", "b", "b", "c", "d", "d"].map { #""\#($0)""# })
        // What a rule is to be it is at once.
        try await rig.ask("EnableRule", #"{"Name":"off"}"#)
        try await rig.ask(
            "PutRule", #"{"Name":"d","EventPattern":\#(Rig.text(#"{"detail-type":["bought"]}"#))}"#)
        try await rig.put(Rig.entry())
        #expect(try await rig.arrived(9).suffix(3).map(\.text).sorted() == [#""a""#, #""c""#, #""off""#])
        #expect(try await rig.count("outbox_parcels") == 0)
    }

    @Test func anotherAccountNeedsTheBussPolicy() async throws {
        let rig = try Rig()
        try await rig.rule("r")
        let bus = "arn:aws:events:us-east-1:000000000000:event-bus/default"
        let request = #"{"Entries":[\#(Rig.entry(on: bus))]}"#
        #expect(await rig.refusal("PutEvents", request, by: Rig.stranger)?.hasPrefix("AccessDenied") == true)
        try await rig.ask(
            "PutPermission",
            #"{"Action":"events:PutEvents","Principal":"111111111111","StatementId":"s"}"#)
        try await rig.ask("PutEvents", request, by: Rig.stranger)
        #expect(try await rig.arrived(1).first?.json?["account"]?.string == "111111111111")
    }

    // MARK: Inputs

    private static let detail = #"{"name":"Ann \"A\"","n":1.50,"list":[1,"x"],"none":null}"#
    private static let paths =
        #""InputPathsMap":{"name":"$.detail.name","n":"$.detail.n","list":"$.detail.list","gone":"$.detail.gone"}"#

    /// https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-transform-target-input.html
    @Test(arguments: [
        (#"{"a":<n>,"b":<list>}"#, #"{"a":1.50,"b":[1,"x"]}"#),
        (#"{"a":<name>}"#, #"{"a":"Ann \"A\""}"#),
        (#"{"a":"to <name>"}"#, #"{"a":"to Ann \"A\""}"#),
        (#""<name> has <n>""#, #""Ann \"A\" has 1.50""#),
        (#"{"a":<gone>}"#, #"{"a":""}"#),
        (#""<aws.events.rule-name>""#, #""r""#),
        (#"{"at":<aws.events.event.ingestion-time>}"#, #"{"at":"2026-01-01T00:00:00Z"}"#),
    ])
    func templatesAreFilled(_ template: String, _ text: String) async throws {
        let rig = try Rig()
        try await rig.rule("r", #""InputTransformer":{\#(Self.paths),"InputTemplate":\#(Rig.text(template))}"#)
        try await rig.put(Rig.entry(Self.detail))
        #expect(try await rig.arrived(1).map(\.text) == [text])
    }

    @Test(arguments: [#"{"a":"<list>"}"#, #"{"a": }"#, #"<n> <n>"#])
    func whatIsNoJSONIsADeadLetter(_ template: String) async throws {
        let rig = try Rig()
        try await rig.rule(
            "r",
            #""DeadLetterConfig":{"Arn":"\#(Rig.letters)"},"#
                + #""InputTransformer":{\#(Self.paths),"InputTemplate":\#(Rig.text(template))}"#)
        try await rig.put(Rig.entry(Self.detail))
        let letter = try #require(try await rig.arrived(1, at: Rig.letters).first)
        // Of the codes in https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-rule-dlq.html
        #expect(letter.value("ERROR_CODE") == "INVALID_JSON")
        #expect(letter.json?["detail"]?["n"]?.double == 1.5)
        #expect(rig.sink.parcels(to: Rig.queue).isEmpty)
    }

    /// Each variable may be the whole event: without a limit a template makes a thousand times an event's bytes.
    @Test func templatesDoNotExplode() async throws {
        let rig = try Rig()
        let template = "[" + Array(repeating: "<aws.events.event.json>", count: 300).joined(separator: ",") + "]"
        try await rig.rule(
            "r",
            #""DeadLetterConfig":{"Arn":"\#(Rig.letters)"},"InputTransformer":{"InputTemplate":"\#(template)"}"#)
        try await rig.put(Rig.entry(#"{"a":"\#(String(repeating: "x", count: 500_000))"}"#))
        #expect(try await rig.arrived(1, at: Rig.letters).first?.value("ERROR_CODE") == "INVALID_JSON")
    }
}
