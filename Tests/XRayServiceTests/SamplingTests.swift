import AWSWire
import Testing

@testable import XRayService

/// What every SDK asks for: the default rule of
/// https://docs.aws.amazon.com/xray/latest/devguide/xray-console-sampling.html
@Suite struct SamplingTests {
    private func statistics(_ rule: String, _ count: Int, client: Character = "0") -> String {
        #"{"RuleName":"\#(rule)","ClientID":"\#(String(repeating: client, count: 24))","Timestamp":1,"RequestCount":\#(count),"#
            + #""SampledCount":2,"BorrowCount":1}"#
    }

    @Test func hasTheDefaultRule() async throws {
        let answer = try await Rig().send("/GetSamplingRules", "{}")
        let rules = answer["SamplingRuleRecords"]?.elements ?? []
        #expect(rules.count == 1)
        let rule = rules.first?["SamplingRule"]
        #expect(rule?["RuleName"]?.string == "Default")
        #expect(rule?["RuleARN"]?.string == "arn:aws:xray:us-east-1:000000000000:sampling-rule/Default")
        #expect(rule?["Priority"]?.int == 10_000 && rule?["Version"]?.int == 1)
        #expect(rule?["FixedRate"]?.double == 0.05 && rule?["ReservoirSize"]?.int == 1)
        for member in ["ResourceARN", "ServiceName", "ServiceType", "Host", "HTTPMethod", "URLPath"] {
            #expect(rule?[member]?.string == "*", "\(member)")
        }
    }

    @Test func givesTargetsAndCounts() async throws {
        let rig = try Rig()
        let none = try await rig.send("/SamplingStatisticSummaries", "{}")
        #expect(none["SamplingStatisticSummaries"]?.elements.isEmpty == true)
        func report(_ count: Int) async throws -> JSONValue {
            let documents = [statistics("Default", count), statistics("mine", 1)].joined(separator: ",")
            return try await rig.send("/SamplingTargets", #"{"SamplingStatisticsDocuments":[\#(documents)]}"#)
        }
        let answer = try await report(5)
        let target = answer["SamplingTargetDocuments"]?.elements.first
        #expect(target?["RuleName"]?.string == "Default" && target?["FixedRate"]?.double == 0.05)
        #expect(target?["ReservoirQuota"]?.int == 1)
        #expect((target?["ReservoirQuotaTTL"]?.int ?? 0) > Rig.start)
        #expect(answer["UnprocessedStatistics"]?.elements.map { $0["RuleName"]?.string } == ["mine"])
        // No sum of what clients send ends the server.
        for _ in 0..<3 { _ = try await report(.max) }
        #expect(
            try await rig.send("/SamplingStatisticSummaries", "{}")["SamplingStatisticSummaries"]?.elements.count == 1)
        rig.clock.now += 601_000
        _ = try await report(5)
        let summaries = try await rig.send("/SamplingStatisticSummaries", "{}")
        #expect(summaries["SamplingStatisticSummaries"]?.elements[0]["RequestCount"]?.int == 5)
    }

    /// Of the reservoir all clients have shares that together are no more than it.
    @Test func oneClientAtATimeHasTheReservoir() async throws {
        let rig = try Rig()
        func quota(_ client: Character) async throws -> Int? {
            let document = statistics("Default", 1, client: client)
            let answer = try await rig.send("/SamplingTargets", #"{"SamplingStatisticsDocuments":[\#(document)]}"#)
            return answer["SamplingTargetDocuments"]?.elements.first?["ReservoirQuota"]?.int
        }
        #expect(try await quota("a") == 1)
        #expect(try await quota("b") == 0)
        rig.clock.now += 20_000
        #expect(try await quota("a") == 1)
        rig.clock.now += 20_000
        #expect(try await quota("b") == 0)
        // It has not reported for as long as its share held.
        rig.clock.now += 11_000
        #expect(try await quota("b") == 1)
        #expect(try await quota("a") == 0)
    }

    @Test func otherOperationsAreNotImplemented() async throws {
        let rig = try Rig()
        #expect(try await rig.send("/TelemetryRecords", #"{"TelemetryRecords":[{"Timestamp":1}]}"#).members.isEmpty)
        #expect(await rig.failure("/Groups", "{}")?.code == "NotImplementedException")
        #expect(await rig.failure("/ServiceGraph", #"{"StartTime":0,"EndTime":1}"#)?.code == "NotImplementedException")
        #expect(await rig.failure("/Nothing", "{}")?.code == "UnknownOperationException")
    }
}
