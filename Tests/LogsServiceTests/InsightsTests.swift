import AWSWire
import Storage
import TestSupport
import Testing

@testable import LogsService

/// Expectations are those of the user guide ("CloudWatch Logs Insights language query syntax") and, for shapes and
/// errors, of LocalStack's recordings (test_logs_queries.snapshot.json).
@Suite struct InsightsTests {
    /// What a query comes to over messages, the last of which is the newest.
    private func lines(_ query: String, _ messages: [String], limit: Int = 10_000) throws -> [[String: String]] {
        var run = InsightsRun(try InsightsQuery(query), limit: limit)
        for (index, message) in messages.enumerated().reversed() {
            let event = try EventRecord(
                SQLRow([
                    "time": .integer(Rig.start + Int64(index) * 60_000), "sequence": .integer(Int64(index) + 1),
                    "stream_id": .integer(1), "ingested": .integer(Rig.start), "message": .blob(Array(message.utf8)),
                ]))
            if !run.add(InsightsFields.row(of: event, log: "000000000000:g", stream: "s")) { break }
        }
        return run.result().map { row in
            let names = row.shown.isEmpty ? InsightsQuery.standardFields : row.shown
            return Dictionary(uniqueKeysWithValues: names.compactMap { name in row[name].map { (name, $0.text) } })
        }
    }

    /// User guide, "parse": its example, and what else an expression may do.
    @Test func parseTakesNamedGroups() throws {
        let message = "latency := 12 user=ann, method:GET"
        let query =
            #"parse @message /latency := (?<latency>\d+) user=(?<user>.*?), method:(?<method>.*)/ "#
            + "| display latency, user, method"
        #expect(try lines(query, [message, "other"]) == [[:], ["latency": "12", "user": "ann", "method": "GET"]])
        #expect(
            try lines(
                #"parse /(?i)(?<level>error|warn)/ | stats count(*) as n by level | sort n desc"#,
                [
                    "an ERROR", "a warn", "an ERROR",
                ]) == [["level": "ERROR", "n": "2"], ["level": "warn", "n": "1"]])
        #expect(
            try lines(#"fields @message | parse kind /(?<digit>\d)/ | display digit"#, [#"{"kind":"a7"}"#])
                == [["digit": "7"]])
        for query in ["parse @message /no group/", "parse @message /(?<n>a/", "parse @message /(?<n>a)(?=b)/"] {
            #expect(throws: InsightsFailure.self, "\(query)") { try InsightsQuery(query) }
        }
    }

    @Test func whatIsLeftOutIsCounted() throws {
        func run(_ query: String) throws -> InsightsRun {
            var run = InsightsRun(try InsightsQuery(query), limit: 10_000)
            for number in 0..<10_005 {
                var row = InsightsRow()
                row.fields = ["@message": .text("abc"), "n": .number(Double(number))]
                _ = run.add(row)
            }
            return run
        }
        let groups = try run("stats count(*) by n")
        #expect(groups.skipped.events == 5 && groups.skipped.bytes == 15)
        #expect(groups.result().count == 10_000)
        #expect(try run("dedup n | stats count(*)").skipped.events == 5)
        #expect(try run("stats count(*)").skipped.events == 0)
    }

    private static let requests = [
        #"{"level":"info","ms":10,"user":{"id":"a"},"tags":["x","y"]}"#,
        #"{"level":"error","ms":30,"user":{"id":"b"}}"#,
        #"{"level":"info","ms":20,"user":{"id":"a"}}"#,
        "plain text",
    ]

    @Test func theNewestComesFirst() throws {
        let found = try lines("fields @timestamp, @message | limit 2", ["a", "b", "c"])
        #expect(found.map { $0["@message"] } == ["c", "b"])
        #expect(found[0]["@timestamp"] == "2026-01-01 00:02:00.000")
        #expect(
            try lines("filter @message like 'b'", ["a", "b"]) == [
                ["@timestamp": "2026-01-01 00:01:00.000", "@message": "b"]
            ])
    }

    @Test(arguments: [
        ("level = 'info'", 2), ("level != 'info'", 2), ("ms > 10", 2), ("ms >= 10 and ms < 30", 2),
        ("user.id in ['a', 'c']", 2), ("user.id not in ['a']", 2), ("not (level = 'info')", 2), ("tags.1 = 'y'", 1),
        ("@message like /pl[a-z]+/", 1), ("@message =~ /(?i)PLAIN/", 1), ("@message not like 'plain'", 3),
        ("ispresent(ms)", 3), ("ms * 2 + 1 = 41", 1), ("ms / 10 = 3", 1), ("2 ^ 3 = 8", 4), ("-ms < 0", 3),
        ("strlen(level) = 5", 1), ("level = 'error' or ms = 10", 2), ("ms % 20 = 10", 2),
        ("strcontains(@message, 'text')", 1), ("`user.id` = \"b\"", 1), ("missing = 1", 0), ("missing != 1", 4),
        ("coalesce(missing, level) = 'error'", 1), ("ms = 10 # a comment", 1),
    ])
    func filters(condition: String, count: Int) throws {
        #expect(try lines("filter \(condition)", Self.requests).count == count)
    }

    @Test func statistics() throws {
        let found = try lines(
            "filter ispresent(ms) | stats count(*) as n, sum(ms), avg(ms) as mean, max(ms), min(ms), pct(ms, 50) "
                + "by level | sort level desc",
            Self.requests)
        #expect(
            found == [
                [
                    "level": "info", "n": "2", "sum(ms)": "30", "mean": "15", "max(ms)": "20", "min(ms)": "10",
                    "pct(ms, 50)": "15",
                ],
                [
                    "level": "error", "n": "1", "sum(ms)": "30", "mean": "30", "max(ms)": "30", "min(ms)": "30",
                    "pct(ms, 50)": "30",
                ],
            ])
        #expect(try lines("stats count(*)", []) == [["count(*)": "0"]])
        #expect(try lines("stats count_distinct(user.id) as users", Self.requests) == [["users": "2"]])
        #expect(
            try lines("stats count(*) by bin(2m)", ["a", "b", "c"]) == [
                ["bin(2m)": "2026-01-01 00:02:00.000", "count(*)": "1"],
                ["bin(2m)": "2026-01-01 00:00:00.000", "count(*)": "2"],
            ])
        #expect(
            try lines("stats earliest(@message) as e, latest(@message) as l", ["a", "b"]) == [["e": "a", "l": "b"]])
    }

    @Test func sortingTakesTheRightOnes() throws {
        let numbers = [5, 100, 20, 3].map { #"{"n":\#($0)}"# }
        #expect(try lines("fields n | sort n | limit 2", numbers) == [["n": "3"], ["n": "5"]])
        #expect(try lines("fields n | sort n desc | limit 2", numbers) == [["n": "100"], ["n": "20"]])
        #expect(try lines("fields n | sort n desc | limit 3 | sort n asc | limit 1", numbers) == [["n": "5"]])
        // More than twice as many as are wanted: what cannot be among them goes on the way.
        let many = (0..<1_000).map { #"{"n":\#($0 * 7 % 1_000)}"# }
        #expect(try lines("fields n | sort n | limit 3", many) == [["n": "0"], ["n": "1"], ["n": "2"]])
    }

    @Test func parsingAndOtherCommands() throws {
        let messages = ["user=ann, method:GET, latency := 12", "user=bob, method:PUT, latency := 30"]
        #expect(
            try lines(
                #"parse @message "user=*, method:*, latency := *" as user, method, ms | filter ms > 20"#, messages)
                == [["user": "bob", "method": "PUT", "ms": "30"]])
        #expect(
            try lines("fields toupper(user.id) as u, ms | filter ispresent(u) | dedup u | display u", Self.requests)
                == [
                    ["u": "A"], ["u": "B"],
                ])
        let report =
            "REPORT RequestId: 8f507cfc-xmpl-4697-b07a-ac58fc914c95\tDuration: 15.74 ms\tBilled Duration: 16 ms\t"
            + "Memory Size: 128 MB\tMax Memory Used: 56 MB\tInit Duration: 130.49 ms\t"
        #expect(
            try lines(
                "filter @type = 'REPORT' | fields @requestId, @duration, @maxMemoryUsed / 1000000 as mb", [report])
                == [["@requestId": "8f507cfc-xmpl-4697-b07a-ac58fc914c95", "@duration": "15.74", "mb": "56"]])
    }

    @Test(arguments: [
        "", "nonsense", "filter", "filter (a = 1", "fields a,", "limit 0", "limit x", "stats sum(*)", "stats nope(a)",
        "fields nope(a)", "fields abs()", "filter a like 5", "filter a in 5", "parse @message 'a*' as x, y",
        "parse @message /(?<x>.*/", "fields 'open", "filter a =~ /(/", "fields a | ", "fields a b", "fields ~a",
        "stats pct(a)",
        "filter a = 5x", "fields " + String(repeating: "(", count: 100) + "a" + String(repeating: ")", count: 100),
    ])
    func malformed(query: String) {
        #expect(throws: InsightsFailure.self) { try InsightsQuery(query) }
    }

    /// Whatever the text, it is read or refused.
    @Test func anyTextIsReadOrRefused() {
        var random = SeededGenerator(seed: 5)
        let words = [
            "fields", "filter", "stats", "sort", "limit", "parse", "by", "as", "like", "in", "not", "and", "(", ")",
            "[",
            "]", ",", "|", "=", "@message", "a.b", "5", "5m", "'x'", "/x/", "*", "count", "-", "`q`", "\"", "/",
        ]
        var read = 0
        for _ in 0..<5_000 {
            let text = (0..<Int.random(in: 1...8, using: &random)).map { _ in
                words.randomElement(using: &random) ?? ""
            }.joined(separator: " ")
            if (try? lines(text, Self.requests)) != nil { read += 1 }
        }
        #expect(read > 20)
    }

    // MARK: The operations

    private func query(_ rig: Rig, _ text: String, groups: String = #""logGroupName":"g""#) async throws -> JSONValue {
        let body =
            #"{\#(groups),"startTime":\#(Rig.start / 1000),"endTime":\#(Rig.start / 1000 + 60),"queryString":\#(text.json)}"#
        let id = try #require(try await rig.call("StartQuery", body)["queryId"]?.string)
        var results: JSONValue?
        #expect(
            try await eventually {
                results = try await rig.call("GetQueryResults", #"{"queryId":"\#(id)"}"#)
                return results?["status"]?.string == "Complete"
            })
        return try #require(results)
    }

    @Test func queriesRunOverGroups() async throws {
        let rig = try Rig()
        rig.append(["old"], group: "g", at: -1)
        rig.append(["one", "two"], group: "g", at: 0)
        rig.append(["three"], group: "h", stream: "t", at: 60_999)
        rig.append(["late"], group: "h", at: 61_000)
        let results = try await query(
            rig, "fields @message, @logStream, @log", groups: #""logGroupNames":["g","h"]"#)
        let lines = results["results"]?.elements.map { line in
            line.elements.map { "\($0["field"]?.string ?? "")=\($0["value"]?.string ?? "")" }.filter {
                !$0.hasPrefix("@ptr")
            }
        }
        #expect(
            lines == [
                ["@message=three", "@logStream=t", "@log=000000000000:h"],
                ["@message=two", "@logStream=s", "@log=000000000000:g"],
                ["@message=one", "@logStream=s", "@log=000000000000:g"],
            ])
        #expect(results["results"]?.elements.first?.elements.last?["field"]?.string == "@ptr")
        #expect(results["statistics"]?["recordsMatched"]?.double == 3)
        #expect(results["queryLanguage"]?.string == "CWLI")
        let described = try await rig.call("DescribeQueries", #"{"logGroupName":"g","status":"Complete"}"#)
        let one = try #require(described["queries"]?.elements.first)
        let (start, end) = (Rig.start / 1000, Rig.start / 1000 + 60)
        #expect(
            one["queryString"]?.string
                == "SOURCE \"g\", \"h\" START=\(start)000 END=\(end)999 | fields @message, @logStream, @log")
        #expect(try await rig.call("DescribeQueries", #"{"status":"Scheduled"}"#)["queries"]?.elements.isEmpty == true)
    }

    @Test func whatIsNoGoodIsRefused() async throws {
        let rig = try Rig()
        rig.append(["x"], group: "g")
        func start(_ body: String) async -> AWSError? {
            await rig.failure("StartQuery", #"{"startTime":0,"endTime":1,\#(body)}"#)
        }
        let missing = await start(#""logGroupName":"none","queryString":"fields a""#)
        #expect(missing?.code == "ResourceNotFoundException")
        #expect(missing?.message.hasPrefix("Log group 'none' does not exist for account ID '000000000000'") == true)
        #expect(await start(#""logGroupName":"g","queryString":"nope""#)?.code == "MalformedQueryException")
        #expect(await start(#""queryString":"fields a""#)?.code == "InvalidParameterException")
        #expect(
            await start(#""logGroupName":"g","logGroupNames":["g"],"queryString":"fields a""#)?.code
                == "InvalidParameterException")
        let unknown = #"{"queryId":"5f0c1c3e-8b0a-4f6e-9d0a-2b9a5c1d7e42"}"#
        for operation in ["GetQueryResults", "StopQuery"] {
            #expect(await rig.failure(operation, unknown)?.code == "ResourceNotFoundException")
        }
        // Of another account's queries nobody knows.
        let id = try #require(
            try await rig.call(
                "StartQuery", #"{"startTime":0,"endTime":1,"logGroupName":"g","queryString":"fields a"}"#)[
                    "queryId"]?.string)
        await #expect(throws: AWSError.self) {
            try await rig.send("GetQueryResults", #"{"queryId":"\#(id)"}"#, account: "222222222222")
        }
    }
}
