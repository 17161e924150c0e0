import AWSWire
import Testing
import TestSupport

@testable import LogsService

/// Expectations are those of "Filter pattern syntax" in the CloudWatch Logs user guide, section on unstructured log
/// events.
@Suite struct FilterPatternTests {
    private func matches(_ pattern: String, _ message: String) throws -> Bool {
        try FilterPattern(pattern).matches(Array(message.utf8))
    }

    @Test(arguments: [
        ("", "anything", true),
        ("   ", "anything", true),
        ("ERROR", "[ERROR 400] BAD REQUEST", true),
        ("ERROR", "[WARN] fine", false),
        ("error", "ERROR", false),
        ("ERROR ARGUMENTS", "[ERROR 419] MISSING ARGUMENTS", true),
        ("ERROR ARGUMENTS", "[ERROR 401] UNAUTHORIZED", false),
        ("?ERROR ?ARGUMENTS", "INVALID ARGUMENTS", true),
        ("?ERROR ?ARGUMENTS", "fine", false),
        ("\"INTERNAL SERVER ERROR\"", "[ERROR 500] INTERNAL SERVER ERROR", true),
        ("\"INTERNAL SERVER ERROR\"", "ERROR SERVER INTERNAL", false),
        ("ERROR -ARGUMENTS", "[ERROR 400] BAD REQUEST", true),
        ("ERROR -ARGUMENTS", "[ERROR 419] MISSING ARGUMENTS", false),
        ("-\"BAD REQUEST\"", "[ERROR 400] BAD REQUEST", false),
        ("?\"a b\" ?c", "a b", true),
        // Optional terms are ignored beside others.
        ("ERROR ?WARN", "only ERROR", true),
        ("ERROR ?WARN", "only WARN", false),
        (#""say \"hi\"""#, #"say "hi""#, true),
        ("größe", "die größe", true),
        ("abcd", "abc", false),
        ("aab", "aaab", true),
    ])
    func matches(pattern: String, message: String, expected: Bool) throws {
        #expect(try matches(pattern, message) == expected)
    }

    @Test func refusals() {
        #expect(throws: FilterPattern.Failure.regularExpression("a(")) { try FilterPattern("%a(%") }
        #expect(throws: FilterPattern.Failure.regularExpression("a")) { try FilterPattern("%a") }
        for text in [
            "{", "{}", "{ a = 1 }", "{ $.a }", "{ $.a = }", "{ $.a < b }", "{ $.a = 1 } x", "{ ($.a = 1 }",
            "{ $. = 1 }",
            "{ $.a[x] = 1 }", "[a", "[a = ]", "[..., a, ...]", "[a > b]", "[a b]",
            "{ " + String(repeating: "(", count: 40) + "$.a = 1" + String(repeating: ")", count: 40) + " }",
        ] {
            #expect(throws: FilterPattern.Failure.malformed, "\(text)") { try FilterPattern(text) }
        }
        #expect(throws: FilterPattern.Failure.unterminatedQuote) { try FilterPattern("\"a") }
        // AWS: Invalid character(s) in term '…'.
        #expect(throws: FilterPattern.Failure.characters(term: "a:b")) { try FilterPattern("x a:b") }
        #expect(throws: FilterPattern.Failure.characters(term: "\"\"")) { try FilterPattern("\"\"") }
        #expect(throws: FilterPattern.Failure.characters(term: "-")) { try FilterPattern("- a") }
        #expect(throws: FilterPattern.Failure.characters(term: "\"a\"b")) { try FilterPattern("\"a\"b") }
    }

    /// "Using regular expressions" and the examples for terms.
    @Test(arguments: [
        ("%ERR.R%", "an ERROR here", true),
        ("%ERR.R%", "an ERR", false),
        (#"%[4-5]\d{2}%"#, "status 503", true),
        (#"%[4-5]\d{2}%"#, "status 203", false),
        ("%^abc$%", "abc", true),
        ("%^abc$%", "xabc", false),
        (#"%\x41%"#, "xAx", true),
        ("%a|b%", "xxb", true),
        ("%(ab)+c%", "ababc", true),
        ("%colou?r%", "color", true),
        (#"%[^a-z ]%"#, "only letters", false),
        (#"ERROR %\s+50[0-9]% -debug"#, "ERROR   505", true),
        (#"%\.%"#, "a.b", true),
        (#"%\.%"#, "ab", false),
    ])
    func expressions(pattern: String, message: String, expected: Bool) throws {
        #expect(try matches(pattern, message) == expected)
    }

    /// API reference, PutMetricFilter: two in a pattern, five filters of a group that have any.
    @Test func expressionsAreCounted() async throws {
        #expect(try FilterPattern("{ $.a = %x% || $.b = %y% }").expressions == 2)
        #expect(try FilterPattern("a -\"%b%\"").expressions == 0)
        for text in ["%a% %b% -%c%", "{ $.a = %x% && ($.b = %y% || $.c != %z%) }", "[a = %x%, b = %y%, c = %z%]"] {
            #expect(throws: FilterPattern.Failure.tooManyExpressions, "\(text)") { try FilterPattern(text) }
        }
        let rig = try Rig()
        _ = try await rig.send("CreateLogGroup", #"{"logGroupName":"g"}"#)
        func put(_ name: String, _ pattern: String) -> (operation: String, body: String) {
            (
                "PutMetricFilter",
                #"{"logGroupName":"g","filterName":"\#(name)","filterPattern":"\#(pattern)","metricTransformations":"#
                    + #"[{"metricName":"m","metricNamespace":"n","metricValue":"1"}]}"#
            )
        }
        for number in 0..<4 { _ = try await rig.send(put("\(number)", "%a%").operation, put("\(number)", "%a%").body) }
        let subscription =
            #"{"logGroupName":"g","filterName":"s","filterPattern":"%a%","destinationArn":"#
            + #""arn:aws:lambda:us-east-1:000000000000:function:f"}"#
        _ = try await rig.send("PutSubscriptionFilter", subscription)
        #expect(await rig.failure(put("4", "%a%").operation, put("4", "%a%").body)?.code == "LimitExceededException")
        _ = try await rig.send(put("4", "a").operation, put("4", "a").body)
        // Those that are there may change.
        _ = try await rig.send(put("3", "%b%").operation, put("3", "%b%").body)
        _ = try await rig.send("PutSubscriptionFilter", subscription)
    }

    /// Fields that begin with a quote or a bracket and do not end: each must not look for the end anew.
    @Test(.timeLimit(.minutes(10))) func fieldsWithoutAnEndTakeOnePass() throws {
        for begin in ["[", "\""] {
            let message = String(repeating: begin + "a ", count: begin == "[" ? 100_000 : 100_001)
            #expect(try !matches("[a, b]", message))
        }
        #expect(try matches("[a = x, b = \"y z\", c = u]", "x [y z] u"))
        #expect(try matches("[a = \"[x*\", b = y]", "[x y"))
        #expect(try matches("[a = \"x y\", b = \"[z\"]", "\"x y\" [z"))
    }

    /// What makes a backtracking search take years, and what would make a large program.
    @Test(.timeLimit(.minutes(10))) func expressionsTakeOnePass() throws {
        let message = String(repeating: "a", count: 100_000)
        #expect(try !matches("%(a*)*b%", message))
        #expect(try !matches("%(a|a)*(a|a)*b$%", message))
        #expect(throws: FilterPattern.Failure.self) { try FilterPattern("%((a{100}){100}){100}%") }
    }

    /// The examples of "Matching terms in JSON log events".
    @Test(arguments: [
        (#"{ $.eventType = "UpdateTrail" }"#, true),
        (#"{ $.eventType = UpdateTrail }"#, true),
        (#"{ $.eventType = Update* }"#, true),
        (#"{ $.eventType = "*date*ail" }"#, true),
        (#"{ $.eventType = "*dote*ail" }"#, false),
        (#"{ $.eventType != "UpdateTrail" }"#, false),
        (#"{ $.missing != "x" }"#, false),
        (#"{ $.sourceIPAddress = 111.111.* }"#, true),
        (#"{ $.sourceIPAddress != 123.123.* }"#, true),
        (#"{ $.arrayKey[0] = "value" }"#, true),
        (#"{ $.arrayKey[1] = "value" }"#, false),
        (#"{ $.arrayKey[*] = "another value" }"#, true),
        (#"{ $.objectList[1].id = 2 }"#, true),
        (#"{ $.objectList[*].id = 2 }"#, true),
        (#"{ $.objectList[*].id = 3 }"#, false),
        (#"{ $.SomeObject IS NULL }"#, true),
        (#"{ $.SomeOtherObject NOT EXISTS }"#, true),
        (#"{ $.eventType NOT EXISTS }"#, false),
        (#"{ $.ThisFlag IS TRUE }"#, true),
        (#"{ $.ThisFlag IS FALSE }"#, false),
        (#"{ $.errorCode = 400 }"#, true),
        (#"{ $.errorCode = 4e2 }"#, true),
        (#"{ $.errorCode >= 400 }"#, true),
        (#"{ $.errorCode > 400 }"#, false),
        (#"{ $.errorCode < 4.01e2 }"#, true),
        (#"{ $.eventType > 1 }"#, false),
        (#"{ $.eventType = %^Update% }"#, true),
        (#"{ ($.eventType = "x" || $.errorCode = 400) && $.ThisFlag IS TRUE }"#, true),
        (#"{ $.eventType = "x" || $.errorCode = 400 && $.ThisFlag IS FALSE }"#, false),
        (#"{ $.["event Type"] = 1 }"#, true),
        (#"{ $['event Type'] = 1 }"#, true),
        (#"{ $.errorCode = * }"#, true),
        (#"{ $.missing = * }"#, false),
        (#"{ $.user.id = 1 }"#, true),
        (#"{ $.user = 1 }"#, false),
    ])
    func json(pattern: String, expected: Bool) throws {
        let message =
            #"{"eventType":"UpdateTrail","sourceIPAddress":"111.111.111.111","arrayKey":["value","another value"],"#
            + #""objectList":[{"name":"a","id":1},{"name":"b","id":2}],"SomeObject":null,"ThisFlag":true,"#
            + #""errorCode":400,"event Type":1,"user":{"id":1}}"#
        #expect(try matches(pattern, message) == expected)
        #expect(try !matches(pattern, "no JSON"))
        #expect(try !matches(pattern, "[1]"))
    }

    /// The examples of "Matching terms in space-delimited log events".
    @Test(arguments: [
        ("[ip, user, username, timestamp, request, status_code, bytes]", true),
        ("[ip, user, username, timestamp, request, status_code]", false),
        ("[ip, user, username, timestamp, request = *.html*, status_code = 4*, bytes]", true),
        ("[ip, user, username, timestamp, request, status_code = 5*, bytes]", false),
        ("[..., bytes > 1000]", true),
        ("[..., status_code = 404, bytes]", true),
        ("[..., status_code = 404 || status_code = 410, bytes]", true),
        ("[ip != 127.0.0.1 && ip != 127.0.0.2, ...]", false),
        (#"[ip = "127*", ...]"#, true),
        ("[ip = %127\\.0\\.0\\.[0-9]%, ...]", true),
        ("[...]", true),
        ("[ip, ..., bytes]", true),
        ("[a, b, c, d, e, f, g, ..., h]", false),
    ])
    func fields(pattern: String, expected: Bool) throws {
        let message = #"127.0.0.1 Prod frank [10/Oct/2000:13:25:15 -0700] "GET /index.html HTTP/1.0" 404 1534"#
        #expect(try matches(pattern, message) == expected)
    }

    /// A search that begins anew at each place would take minutes for this, on the thread of a reader.
    @Test func repetitiveTextsAreSearchedInOnePass() throws {
        let repeated = String(repeating: "a", count: 1000)
        let message = String(repeating: "a", count: 8 << 20) + "b"
        #expect(try matches("\(repeated)b", message))
        #expect(try !matches("\(repeated)c", message))
        #expect(try !matches("b\(repeated)", message))
    }

    /// Against the plain definition, on texts that nearly match in many places.
    @Test func phrasesAreFoundWhereTheyAre() {
        var random = SeededGenerator(seed: 11)
        for _ in 0..<3000 {
            let bytes = (0..<Int.random(in: 0...40, using: &random)).map { _ in UInt8.random(in: 1...2, using: &random)
            }
            let term = (0..<Int.random(in: 0...7, using: &random)).map { _ in UInt8.random(in: 1...2, using: &random) }
            let isThere = bytes.indices.contains { bytes[$0...].starts(with: term) } || term.isEmpty
            #expect(bytes.withUnsafeBytes { Phrase(term).occurs(in: $0) } == isThere, "\(term) in \(bytes)")
        }
    }

    /// Whatever the bytes, a pattern is read or refused, and what is read can be asked.
    @Test func anyTextIsReadOrRefused() {
        var random = SeededGenerator(seed: 7)
        let alphabet = Array(#"ab -?"\{[% $.=&|()*],]}<1"#)
        var read = 0
        for _ in 0..<5000 {
            let text = String(
                (0..<Int.random(in: 0...12, using: &random)).map { _ in
                    alphabet.randomElement(using: &random) ?? "a"
                })
            guard let pattern = try? FilterPattern(text) else { continue }
            read += 1
            let message = Array("ab a b".utf8)
            if pattern.isEmpty { #expect(pattern.matches(message)) }
            _ = pattern.matches(message)
            _ = pattern.matches([])
        }
        #expect(read > 20)
    }
}
