import AWSWire
import Testing
import TestSupport

@testable import XRayService

/// GetTraceSummaries. The members are the API model's, the filters those of
/// https://docs.aws.amazon.com/xray/latest/devguide/xray-console-filters.html
@Suite struct SummaryTests {
    private static let trace = Rig.trace()
    private static let web = Rig.segment(
        trace,
        members: """
            "http":{"request":{"url":"http://a.example/x","method":"GET","user_agent":"curl","client_ip":"1.2.3.4"},\
            "response":{"status":200}},"user":"ann","resource_arn":"arn:r","annotations":{"color":"blue","size":7},\
            "aws":{"ec2":{"instance_id":"i-1","availability_zone":"us-east-1a"}},\
            "subsegments":[{"id":"00000000000000cc","name":"part","annotations":{"paid":true}}]
            """)
    private static let database = Rig.segment(
        trace, id: "00000000000000bb", name: "db",
        members: #""parent_id":"00000000000000aa","origin":"AWS::RDS::DB","fault":true,"annotations":{"color":"red"}"#)

    private func rig() async throws -> Rig {
        let rig = try Rig()
        #expect(try await rig.put([Self.web, Self.database]).isEmpty)
        return rig
    }

    @Test func tellWhatTheSegmentsSay() async throws {
        let summary = try #require(try await rig().summaries().answer["TraceSummaries"]?.elements.first)
        #expect(summary["Id"]?.string == Self.trace)
        #expect(summary["StartTime"]?.double == Double(Rig.start) + 0.25)
        #expect(summary["Duration"]?.double == 0.5)
        #expect(summary["ResponseTime"]?.double == 0.5)
        // Of the root, as AWS has it: what fails behind it need not fail it.
        #expect(summary["HasFault"]?.bool == false && summary["HasError"]?.bool == false)
        #expect(summary["Http"]?["HttpURL"]?.string == "http://a.example/x")
        #expect(summary["Http"]?["ClientIp"]?.string == "1.2.3.4")
        #expect(summary["EntryPoint"]?["Name"]?.string == "web")
        #expect(summary["ServiceIds"]?.elements.map { $0["Name"]?.string } == ["web", "db"])
        #expect(summary["ServiceIds"]?.elements[1]["Type"]?.string == "AWS::RDS::DB")
        #expect(summary["ResourceARNs"]?.elements.map { $0["ARN"]?.string } == ["arn:r"])
        #expect(summary["InstanceIds"]?.elements.map { $0["Id"]?.string } == ["i-1"])
        #expect(summary["AvailabilityZones"]?.elements.map { $0["Name"]?.string } == ["us-east-1a"])
        #expect(summary["Users"]?.elements.map { $0["UserName"]?.string } == ["ann"])
        let color = summary["Annotations"]?["color"]?.elements ?? []
        #expect(color.map { $0["AnnotationValue"]?["StringValue"]?.string } == ["blue", "red"])
        #expect(summary["Annotations"]?["size"]?.elements[0]["AnnotationValue"]?["NumberValue"]?.int == 7)
        #expect(summary["Annotations"]?["paid"]?.elements[0]["AnnotationValue"]?["BooleanValue"]?.bool == true)
    }

    @Test(arguments: [
        ("", true), ("  ", true), ("ok", true), ("fault", false), ("!fault", true), ("NOT fault", true),
        ("fault = false", true), ("ok != true", false), ("error OR ok", true), ("error AND ok", false),
        ("error AND ok OR ok", true), ("error AND (ok OR ok)", false), ("partial", false), ("throttle", false),
        ("responsetime > 0.4", true), ("responsetime >= 0.5", true), ("responsetime < 0.5", false),
        ("duration = 0.5", true), ("http.status = 200", true), ("http.status != 200", false),
        (#"http.url CONTAINS "example""#, true), (#"http.url BEGINSWITH "https""#, false),
        (#"http.url ENDSWITH '/x'"#, true), (#"http.method = "GET""#, true), (#"http.useragent = "curl""#, true),
        (#"http.clientip != "1.2.3.4""#, false), (#"user = "ann""#, true), (#"name = "db""#, true),
        ("annotation.color", true), ("annotation.other", false), (#"annotation.color = "red""#, true),
        (#"annotation[color] = "green""#, false), (#"annotation["size"] = 7"#, true), ("annotation.size > 7", false),
        (#"annotation.size = "7""#, false), ("annotation.paid = true", true), ("annotation.paid != true", false),
        (#"service("db")"#, true), (#"service("nobody")"#, false), ("service()", true),
        (#"service("db") { fault }"#, true), (#"service("web") { fault }"#, false), ("service() { fault }", true),
        (#"service(id(name: "db", type: "AWS::RDS::DB"))"#, true), (#"service(id(type: "other"))"#, false),
        (#"service("db") { annotation.color = "blue" }"#, false),
        (#"service("web") { annotation.color = "blue" AND responsetime > 0.1 }"#, true),
    ])
    func areFiltered(expression: String, isFound: Bool) async throws {
        let found = try await rig().summaries(#""FilterExpression":\#(expression.json)"#)
        #expect(found.ids.isEmpty != isFound)
        #expect(found.answer["TracesProcessedCount"]?.int == 1)
    }

    @Test(arguments: [
        "=", "ok ok", "ok AND", "(ok", "ok)", "http.status", "http.status = x", "http.url = 3", #"http.url < "a""#,
        "responsetime CONTAINS 3", #"user = "unfinished"#, "annotation[", "annotation.a <", "annotation.a < true",
        "service(", #"service("a"#, #"service("a") {"#, #"service(id(shape: "x"))"#, "ok & ok", "fault = maybe",
        String(repeating: "(", count: 100), String(repeating: "ok OR ", count: 2000) + "ok",
    ])
    func refuseWhatIsNoExpression(expression: String) async throws {
        let body = #"{"StartTime":0,"EndTime":1,"FilterExpression":\#(expression.json)}"#
        #expect(try await rig().failure("/TraceSummaries", body)?.code == "InvalidRequestException")
    }

    @Test(arguments: [
        #""FilterExpression":"edge()""#, #""FilterExpression":"group.name = \"x\"""#, #""TimeRangeType":"Service""#,
    ])
    func sayWhatIsMissing(members: String) async throws {
        let body = #"{"StartTime":0,"EndTime":1,\#(members)}"#
        #expect(try await rig().failure("/TraceSummaries", body)?.code == "NotImplementedException")
    }

    @Test func areOfARangeOfTime() async throws {
        let rig = try Rig()
        _ = try await rig.put((0..<5).map { Rig.segment(Rig.trace($0, at: Int64($0) * 3)) })
        // Ten seconds of the times in the ids; the segments all began in the first second.
        #expect(try await rig.summaries().ids == (0..<4).map { Rig.trace($0, at: Int64($0) * 3) })
        #expect(try await rig.summaries(#""TimeRangeType":"Event""#).ids.count == 5)
        let body = #"{"StartTime":\#(Rig.start + 1),"EndTime":\#(Rig.start + 10),"TimeRangeType":"Event"}"#
        #expect(try await rig.send("/TraceSummaries", body)["TraceSummaries"]?.elements.isEmpty == true)
        #expect(
            await rig.failure("/TraceSummaries", #"{"StartTime":5,"EndTime":4}"#)?.code == "InvalidRequestException")
        #expect(await rig.failure("/TraceSummaries", #"{"StartTime":5}"#)?.code == "InvalidRequestException")
        #expect(
            await rig.failure("/TraceSummaries", #"{"StartTime":5,"EndTime":1e300}"#)?.code
                == "InvalidRequestException")
    }

    @Test func comeInPages() async throws {
        let rig = try Rig()
        let all = (0..<250).map { Rig.trace($0) }
        for first in stride(from: 0, to: 250, by: 50) {
            _ = try await rig.put(all[first..<first + 50].map { Rig.segment($0) })
        }
        var (ids, token): ([String], String?) = ([], nil)
        var pages = 0
        repeat {
            let page = try await rig.summaries(token.map { #""NextToken":\#($0.json)"# } ?? "")
            ids += page.ids
            token = page.answer["NextToken"]?.string
            pages += 1
        } while token != nil && pages < 10
        #expect(pages == 3 && ids == all)
        for token in ["", "x", "1", "a/b"] {
            let body = #"{"StartTime":0,"EndTime":1,"NextToken":\#(token.json)}"#
            #expect(await rig.failure("/TraceSummaries", body)?.code == "InvalidRequestException")
        }
    }

    // https://github.com/boto/boto3/issues/3924
    @Test func ofWholeTracesThereAreNoPages() async throws {
        let rig = try Rig()
        let all = (0..<6).map { Rig.trace($0) }
        _ = try await rig.put(all.map { Rig.segment($0) })
        let ids = all.map(\.json)
        let answer = try await rig.send("/Traces", "{\"TraceIds\":[\(ids[..<5].joined(separator: ","))]}")
        #expect(answer["Traces"]?.elements.map { $0["Id"]?.string } == Array(all[..<5]))
        #expect(answer["NextToken"] == nil)
        let many = await rig.failure("/Traces", "{\"TraceIds\":[\(ids.joined(separator: ","))]}")
        #expect(many?.code == "InvalidRequestException" && many?.message == "Exceeding maximum query size: 5")
        let paged = await rig.failure("/Traces", #"{"TraceIds":[\#(ids[0])],"NextToken":"1"}"#)
        #expect(paged?.code == "InvalidRequestException" && paged?.message == "NextToken is currently not supported")
    }

    /// Clients write these.
    @Test func surviveDamagedExpressions() {
        var generator = SeededGenerator(seed: 12)
        let seeds = [
            #"service(id(name: "db", type: "x")) { fault = true OR !ok }"#,
            #"annotation["a"] >= 7.5 AND (http.url CONTAINS "\"x" OR responsetime < 3)"#,
        ]
        let parts = ["(", ")", "{", "}", "\"", "[", "]", "AND", "OR", "!", "=", "é", "\\", "9e999", "service"]
        var understood = 0
        for round in 0..<5000 {
            var text = Array(seeds[round % 2])
            for _ in 0...Int.random(in: 0...3, using: &generator) where !text.isEmpty {
                let index = Int.random(in: text.indices, using: &generator)
                if Bool.random(using: &generator) {
                    text.remove(at: index)
                } else {
                    text.insert(contentsOf: parts.randomElement(using: &generator) ?? "", at: index)
                }
            }
            if let expression = try? FilterParser.parse(String(text)) {
                understood += 1
                _ = expression.matches(Trace(id: "t", documents: [Self.web, Self.database], account: "0"))
            }
        }
        #expect(understood > 50)
    }
}
