import AWSWire
import NIOCore
import TestSupport
import Testing

@testable import EventPatterns

/// What AWS is recorded to answer (LocalStack's tests/aws/services/events/event_pattern_templates with the snapshot of
/// test_events_patterns), and what the user guide and Event Ruler's README say of arrays and names with dots.
@Suite struct EventPatternTests {
    @Test("A pattern matches what it should", arguments: PatternCase.all)
    func matching(_ example: PatternCase) throws {
        let pattern = try EventPattern(example.pattern)
        if let event = example.fitting { #expect(pattern.matches(try value(event)), "\(event)") }
        if let event = example.other { #expect(!pattern.matches(try value(event)), "\(event)") }
    }

    // MARK: Alternatives

    /// A thousand combinations and an event of a thousand fields: each combination looking at each field would take a
    /// hundred times as long as the rest of this suite.
    @Test func combinationsAreLookedForTogether() throws {
        func or(_ name: String) -> String {
            #""$or":["# + (0..<10).map { #"{"\#(name)":["v\#($0)"]}"# }.joined(separator: ",") + "]"
        }
        let text = #"{"detail":{\#(or("a")),"y":{\#(or("b")),"z":{\#(or("c"))}}}}"#
        let pattern = try EventPattern(text)
        let others = (0..<20_000).map { #""other\#($0)":\#($0)"# }.joined(separator: ",")
        func event(_ a: String, _ b: String, _ c: String) -> String {
            #"{"detail":{\#(others),"a":"\#(a)","y":{"b":"\#(b)","z":{"c":"\#(c)"}}}}"#
        }
        #expect(pattern.matches(try value(event("v0", "v9", "v5"))))
        #expect(!pattern.matches(try value(event("v0", "v9", "v10"))))
        // Each field fits in some element, and no combination in any.
        let rows = (0..<5_000).map { row in
            let member = [#""a":"v\#(row % 10)""#, #""y":{"b":"v\#(row % 10)"}"#, #""y":{"z":{"c":"v\#(row % 10)"}}"#]
            return "{\(member[row % 3])}"
        }
        #expect(!pattern.matches(try value(#"{"detail":[\#(rows.joined(separator: ","))]}"#)))
    }

    /// Texts that Swift takes for equal are not for patterns.
    @Test func combinationsKeepTextsApart() throws {
        let pattern = try EventPattern(#"{"$or":[{"a":["caf\#u{e9}"]},{"a":["cafe\#u{301}"]}]}"#)
        #expect(pattern.matches(try value(#"{"a":"caf\#u{e9}"}"#)))
        #expect(pattern.matches(try value(#"{"a":"cafe\#u{301}"}"#)))
        #expect(!pattern.matches(try value(#"{"a":"cafe"}"#)))
    }

    /// Fields below an array have to fit in one element of it, whichever combination they are of.
    @Test(arguments: [
        (#"[{"x":1,"y":1},{"x":2,"y":2}]"#, true), (#"[{"x":1,"y":2},{"x":2,"y":1}]"#, false),
        (#"[{"x":3,"y":1},{"z":7}]"#, true), (#"[{"x":3},{"y":1}]"#, false), (#"{"x":2,"y":2}"#, true),
        (#"[]"#, false),
    ])
    func alternativesBelowArrays(_ rows: String, _ fits: Bool) throws {
        let pattern = try EventPattern(
            #"{"rows":{"$or":[{"x":[1],"y":[1]},{"x":[2],"y":[2]},{"z":[7]}]}}"#)
        #expect(pattern.matches(try value(#"{"rows":\#(rows)}"#)) == fits)
    }

    /// Together combinations match what each for itself would.
    @Test(arguments: UInt64(0)..<40)
    func togetherIsAsOneByOne(_ seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        let names = ["a", "b", "c", "rows"]
        func conditions() -> String {
            [#"["x"]"#, "[1]", #"["x",2]"#, #"[{"exists":false}]"#, #"[{"prefix":"x"}]"#, #"[{"anything-but":"x"}]"#]
                .randomElement(using: &random)!
        }
        func fields(_ depth: Int) -> String {
            let members = names.shuffled(using: &random).prefix(Int.random(in: 1...2, using: &random)).map { name in
                let isDeep = depth > 0 && Bool.random(using: &random)
                return #""\#(name)":"# + (isDeep ? "{\(fields(depth - 1))}" : conditions())
            }
            return members.joined(separator: ",")
        }
        func value(_ depth: Int) -> String {
            switch Int.random(in: 0..<(depth > 0 ? 6 : 3), using: &random) {
            case 0: return #""x""#
            case 1: return "\(Int.random(in: 1...2, using: &random))"
            case 2: return #""xy""#
            case 3:
                let count = Int.random(in: 0...3, using: &random)
                return "[" + (0..<count).map { _ in value(depth - 1) }.joined(separator: ",") + "]"
            default:
                return "{"
                    + names.filter { _ in Bool.random(using: &random) }
                    .map { #""\#($0)":\#(value(depth - 1))"# }.joined(separator: ",") + "}"
            }
        }
        var fitting = 0
        for _ in 0..<200 {
            let alternatives = (0..<Int.random(in: 2...4, using: &random)).map { _ in "{\(fields(2))}" }
            let pattern = try EventPattern(#"{"$or":[\#(alternatives.joined(separator: ","))]}"#)
            let text = #"{"a":\#(value(3)),"rows":\#(value(4))}"#
            let event = try self.value(text)
            let fitsOne = try alternatives.contains { try EventPattern($0).matches(event) }
            #expect(pattern.matches(event) == fitsOne, "\(alternatives) \(text)")
            if fitsOne { fitting += 1 }
        }
        // It says something of both.
        #expect((1..<200).contains(fitting))
    }

    /// What is absent fits in one combination and not in another.
    @Test(arguments: [(#"{"a":1}"#, true), (#"{"b":2}"#, true), (#"{"a":2,"b":1}"#, false), (#"{}"#, true)])
    func alternativesOfWhatIsAbsent(_ event: String, _ fits: Bool) throws {
        let pattern = try EventPattern(#"{"$or":[{"a":[1]},{"a":[{"exists":false}],"c":[{"exists":false}]}]}"#)
        #expect(pattern.matches(try value(event)) == fits)
    }

    // MARK: Refusals

    /// A pattern with AWS's reason, and the column that it names; nil where it names none.
    private static let refused: [(pattern: String, reason: String, column: Int?)] = [
        (#"{"int": 42}"#, #""int" must be an object or an array"#, 11),
        (#"{"string": "my-value"}"#, #""string" must be an object or an array"#, 13),
        (#"{"resources": []}"#, "Empty arrays are not allowed", 17),
        (#"["not", "a", "dict", "but valid json"]"#, "Filter is not an object", 2),
        (#"{"my_key": [{"EXISTS": true}]}"#, "Unrecognized match type EXISTS", 28),
        (#"{"detail": {"equal": [{"NUMERIC": ["=", 5]}]}}"#, "Unrecognized match type NUMERIC", 36),
        (#"{"detail": {"c-count": [{"numeric": [">", 0, ">", 0]}]}}"#, "Bad numeric range operator: >", 49),
        (#"{"detail": {"c-count": [{"numeric": [">", 0, "<"]}]}}"#, "Value of < must be numeric", 50),
        (#"{"detail": {"c-count": [{"numeric": 10}]}}"#, "Value of numeric must be an array.", 39),
        (
            #"{"EventBusArn": [{"wildcard": "arn:aws:events:us-east-1:**:event-bus/*"}]}"#,
            "Consecutive wildcard characters at pos 26", 72
        ),
        (
            #"{"EventBusArn": [{"wildcard": "*:*:*:*:*:event-bus/*"}]}"#,
            "Rule is too complex - try using fewer wildcard characters or fewer repeating character sequences after a "
                + "wildcard character", nil
        ),
        (#"{"EventBusArn": [{"wildcard": 123}]}"#, "wildcard match pattern must be a string", 34),
        (
            #"{"detail": {"state": [{"anything-but": {"wildcard": [123, "*/dir/*"]}}]}}"#,
            "wildcard match pattern must be a string", 57
        ),
        (
            #"{"detail": {"state": [{"anything-but": {"equals-ignore-case": 123}}]}}"#,
            "Inside anything-but/equals-ignore-case list, number|start|null|boolean is not supported.", 66
        ),
        (
            #"{"detail": {"FileName": [{"anything-but": {"prefix": ""}}]}}"#, "Null prefix/suffix not allowed", 56
        ),
        (
            #"{"detail": {"FileName": [{"anything-but": {"suffix": [null, ".txt"]}}]}}"#,
            "prefix/suffix match pattern must be a string", 59
        ),
        (
            #"{"detail": {"FileName": [{"anything-but": {"prefix": {"equals-ignore-case": "file"}}}]}}"#,
            "Value of anything-but must be an array or single string/number value.", 55
        ),
        (
            #"{"detail": {"state": [{"anything-but": ["stopped", null]}]}}"#,
            "Inside anything but list, start|null|boolean is not supported.", 56
        ),
        (#"{"time": [{"prefix": ["2022-07-13"]}]}"#, "prefix match pattern must be a string", 23),
        (#"{"FileName": [{"suffix": 123}]}"#, "suffix match pattern must be a string", 29),
        (
            #"{"detail-type": [{"equals-ignore-case": {"prefix": "ec2"}}]}"#,
            "equals-ignore-case match pattern must be a string", 42
        ),
        (#"{"a": [{"cidr": "bad-filter"}]}"#, "Malformed CIDR, one '/' required", nil),
        (#"{"a": [{"cidr": "bad-/64filter"}]}"#, "Malformed CIDR, mask bits must be an integer", nil),
        (#"{"a": [{"cidr": "xx.11.xx/8"}]}"#, "Nonstandard IP address: xx.11.xx", nil),
        (#"{"a": [{"cidr": ["bad-type"]}]}"#, "prefix match pattern must be a string", 18),
        ("this is no JSON", "Unrecognized token 'this'", nil),
        ("{}", "Empty objects are not allowed", 3),
        (#"{"$or":[{"a":[1]}]}"#, "There must have at least 2 Objects in $or relationship.", nil),
    ]

    @Test("A pattern that is none is refused in AWS's words", arguments: refused.indices)
    func refusing(_ index: Int) throws {
        let (pattern, reason, column) = Self.refused[index]
        let refusal = #expect(throws: EventPattern.Refusal.self) { try EventPattern(pattern) }
        let description = try #require(refusal?.description)
        #expect(description.hasPrefix(reason), "\(description)")
        if let column {
            let place = "\n at [Source: (String)\"\(pattern)\"; line: 1, column: \(column)]"
            // LocalStack's recordings have it twice of what is in a list of `anything-but`: content_anything_*_EXC.
            let isInList = ["[123, ", "[null, ", "[\"stopped"].contains { pattern.contains($0) }
            #expect(description == reason + place + (isInList ? place : ""))
        }
    }

    @Test("A place is a line and a column, and long patterns are shown in part")
    func places() throws {
        let text = "{\n  \"a\": \"" + String(repeating: "x", count: 600) + "\"}"
        let refusal = #expect(throws: EventPattern.Refusal.self) { try EventPattern(text) }
        let description = try #require(refusal?.description)
        #expect(description.hasSuffix("[truncated 112 chars]; line: 2, column: 9]"), "\(description)")
    }

    @Test("Alternatives have a limit")
    func combinations() {
        let pair = (0..<10).map { #""f\#($0)":{"$or":[{"a":[1]},{"b":[1]}]}"# }
        #expect(throws: EventPattern.Refusal.self) { try EventPattern("{\(pair.joined(separator: ","))}") }
        #expect(throws: Never.self) { try EventPattern("{\(pair.prefix(9).joined(separator: ","))}") }
    }

    @Test("More than 64 fields, some of which come in arrays")
    func manyFields() throws {
        let names = (0..<150).map { "f\($0)" }
        let pattern = try EventPattern("{\"a\":{\(names.map { "\"\($0)\":[1]" }.joined(separator: ","))}}")
        let full = "{\(names.map { "\"\($0)\":1" }.joined(separator: ","))}"
        let short = "{\(names.dropLast().map { "\"\($0)\":1" }.joined(separator: ","))}"
        #expect(pattern.matches(try value("{\"a\":[\(short),\(full)]}")))
        #expect(!pattern.matches(try value("{\"a\":[\(short),{\"f149\":1}]}")))
    }

    @Test("What hostile patterns cost is in proportion")
    func hostility() throws {
        let pattern = try EventPattern(#"{"a":[{"wildcard":"*aaaaaaaaaaaaaaaaaaaab*aaaaaaaaaaaaaaaaaab*c"}]}"#)
        let text = String(repeating: "a", count: 1_000_000)
        #expect(!pattern.matches(try value(#"{"a":"\#(text)"}"#)))
    }

    @Test("A pattern tells the texts that a field may have")
    func texts() throws {
        #expect(try EventPattern(#"{"source":["a","b"]}"#).texts(of: "source") == ["a", "b"])
        #expect(try EventPattern(#"{"$or":[{"source":["a"]},{"source":["b"]}]}"#).texts(of: "source") == ["a", "b"])
        #expect(try EventPattern(#"{"$or":[{"source":["a"]},{"x":["b"]}]}"#).texts(of: "source") == nil)
        #expect(try EventPattern(#"{"source":[{"prefix":"a"}]}"#).texts(of: "source") == nil)
    }

    private func value(_ text: String) throws -> JSONValue { try JSONValue(parsing: ByteBuffer(string: text)) }
}

/// A pattern with an event that it matches, and one that it does not; nil: none is known.
struct PatternCase: Sendable, CustomTestStringConvertible {
    var pattern: String
    var fitting: String?
    var other: String?
    var testDescription: String { pattern }

    init(_ pattern: String, _ fitting: String?, not other: String? = nil) {
        self.pattern = pattern
        self.fitting = fitting
        self.other = other
    }
}

extension PatternCase {
    fileprivate static let all = values + texts + others + shapes + alternatives

    private static let values = [
        PatternCase(#"{"a":["x"]}"#, #"{"a":"x"}"#, not: #"{"a":"X"}"#),
        PatternCase(#"{"a":[""]}"#, #"{"a":""}"#, not: #"{"a":null}"#),
        PatternCase(#"{"A":["x"]}"#, #"{"A":"x"}"#, not: #"{"a":"x"}"#),
        PatternCase(#"{"a":[false]}"#, #"{"a":false}"#, not: #"{"a":true}"#),
        PatternCase(#"{"a":[null]}"#, #"{"a":null}"#, not: #"{"a":"null"}"#),
        PatternCase(#"{"a":[null]}"#, nil, not: #"{"a":[]}"#),
        PatternCase(#"{"a":[null]}"#, nil, not: "{}"),
        PatternCase(#"{"a":[300]}"#, #"{"a":300.0}"#, not: #"{"a":"300"}"#),
        PatternCase(#"{"a":[300,"x"]}"#, #"{"a":3e2}"#, not: #"{"a":301}"#),
        PatternCase(
            #"{"a":[12345678901234567890]}"#, #"{"a":12345678901234567890}"#, not: #"{"a":12345678901234567891}"#),
        PatternCase(#"{"a":{"b":["x"]}}"#, #"{"a":{"b":"x"}}"#, not: #"{"a":"{\"b\":\"x\"}"}"#),
        PatternCase(#"{"a":["x"],"b":["y","z"]}"#, #"{"a":"x","b":"z"}"#, not: #"{"a":"x","b":"x"}"#),
        PatternCase(#"{"a":["é"]}"#, #"{"a":"\u00e9"}"#, not: #"{"a":"e\u0301"}"#),
    ]

    private static let texts = [
        PatternCase(#"{"a":[{"prefix":"2022-07-13"}]}"#, #"{"a":"2022-07-13T1"}"#, not: #"{"a":"2022-07-99"}"#),
        PatternCase(#"{"a":[{"prefix":""}]}"#, #"{"a":"x"}"#, not: #"{"a":1}"#),
        PatternCase(#"{"a":[{"prefix":{"equals-ignore-case":"EventB"}}]}"#, #"{"a":"EvEnTb"}"#, not: #"{"a":"EvEn"}"#),
        PatternCase(#"{"a":[{"suffix":".png"}]}"#, #"{"a":"i.png"}"#, not: #"{"a":"i.PNG"}"#),
        PatternCase(#"{"a":[{"suffix":""}]}"#, #"{"a":"x"}"#, not: #"{"a":false}"#),
        PatternCase(#"{"a":[{"suffix":{"equals-ignore-case":".png"}}]}"#, #"{"a":"i.PNG"}"#, not: #"{"a":"i.jpg"}"#),
        PatternCase(#"{"a":[{"equals-ignore-case":"ec2 INSTANCE"}]}"#, #"{"a":"EC2 instance"}"#, not: #"{"a":"EC2"}"#),
        PatternCase(#"{"a":[{"equals-ignore-case":""}]}"#, #"{"a":""}"#, not: #"{"a":"x"}"#),
        PatternCase(#"{"a":[{"exactly":"x"}]}"#, #"{"a":"x"}"#, not: #"{"a":"y"}"#),
        PatternCase(
            #"{"a":[{"wildcard":"/U/*/doc.txt"}]}"#, #"{"a":"/U/d/d/doc.txt"}"#, not: #"{"a":"/U/d/notdoc.txt"}"#),
        PatternCase(
            #"{"a":[{"wildcard":"/U/*/dir/dir/doc"}]}"#, #"{"a":"/U/x/dir/dir/dir/doc"}"#,
            not: #"{"a":"/U/dir/dir/doc"}"#),
        PatternCase(#"{"a":[{"wildcard":"a*b*c"}]}"#, #"{"a":"abbc"}"#, not: #"{"a":"acb"}"#),
        PatternCase(#"{"a":[{"wildcard":"aa*aa"}]}"#, #"{"a":"aaaa"}"#, not: #"{"a":"aaa"}"#),
        PatternCase(#"{"a":[{"wildcard":""}]}"#, #"{"a":""}"#, not: #"{"a":"x"}"#),
        PatternCase(#"{"a":[{"wildcard":"*"}]}"#, #"{"a":""}"#, not: #"{"a":1}"#),
        PatternCase(#"{"a":[{"wildcard":"\\**\\\\"}]}"#, #"{"a":"*xy\\"}"#, not: #"{"a":"xy\\"}"#),
        PatternCase(#"{"a":["*"]}"#, #"{"a":"*"}"#, not: #"{"a":"x"}"#),
    ]

    private static let others = [
        PatternCase(#"{"a":[{"anything-but":"x"}]}"#, #"{"a":"y"}"#, not: #"{"a":"x"}"#),
        PatternCase(#"{"a":[{"anything-but":"x"}]}"#, #"{"a":null}"#, not: "{}"),
        PatternCase(#"{"a":[{"anything-but":123}]}"#, #"{"a":789}"#, not: #"{"a":123}"#),
        PatternCase(#"{"a":[{"anything-but":0}]}"#, #"{"a":789}"#, not: #"{"a":0.0}"#),
        PatternCase(#"{"a":[{"anything-but":[100,200]}]}"#, #"{"a":999}"#, not: #"{"a":100}"#),
        PatternCase(#"{"a":[{"anything-but":["x","y"]}]}"#, #"{"a":1}"#, not: #"{"a":"y"}"#),
        PatternCase(#"{"a":[{"anything-but":{"equals-ignore-case":"init"}}]}"#, #"{"a":"p"}"#, not: #"{"a":"INIT"}"#),
        PatternCase(#"{"a":[{"anything-but":{"equals-ignore-case":["i","s"]}}]}"#, #"{"a":null}"#, not: #"{"a":"S"}"#),
        PatternCase(#"{"a":[{"anything-but":{"prefix":"init"}}]}"#, #"{"a":12}"#, not: #"{"a":"init-x"}"#),
        PatternCase(#"{"a":[{"anything-but":{"prefix":["i","post"]}}]}"#, #"{"a":"x"}"#, not: #"{"a":"post-init"}"#),
        PatternCase(#"{"a":[{"anything-but":{"suffix":[".txt",".jpg"]}}]}"#, #"{"a":"f.bak"}"#, not: #"{"a":"f.jpg"}"#),
        PatternCase(#"{"a":[{"anything-but":{"wildcard":"*/init/*"}}]}"#, #"{"a":123}"#, not: #"{"a":"d/init/f"}"#),
        PatternCase(
            #"{"a":[{"anything-but":{"wildcard":["*/i/*","*/d/*"]}}]}"#, #"{"a":"d/p/d"}"#, not: #"{"a":"d/i/d"}"#),
        PatternCase(#"{"a":[{"anything-but":{"wildcard":""}}]}"#, #"{"a":"x"}"#, not: #"{"a":""}"#),
        PatternCase(#"{"a":[{"numeric":[">",0,"<=",5]}]}"#, #"{"a":3}"#, not: #"{"a":42}"#),
        PatternCase(#"{"a":[{"numeric":["=",3.018e2]}]}"#, #"{"a":301.8}"#, not: #"{"a":301}"#),
        PatternCase(#"{"a":[{"numeric":[">",100]}]}"#, #"{"a":101.0}"#, not: #"{"a":"300"}"#),
        PatternCase(#"{"a":[{"numeric":[">",100]},{"anything-but":"101"}]}"#, #"{"a":"42"}"#, not: #"{"a":"101"}"#),
        PatternCase(#"{"a":[{"cidr":"10.0.0.0/24"}]}"#, #"{"a":"10.0.0.255"}"#, not: #"{"a":"10.0.0.256"}"#),
        PatternCase(#"{"a":[{"cidr":"10.0.0.0/24"}]}"#, nil, not: #"{"a":123}"#),
        PatternCase(
            #"{"a":[{"cidr":"2001:db8:1234:1a00::/64"}]}"#, #"{"a":"2001:0db8:1234:1a00:0000:0000:0000:0000"}"#,
            not: #"{"a":"2001:0db8:123f:1a01:0000:0000:0000:0000"}"#),
        PatternCase(#"{"a":[{"exists":true}]}"#, #"{"a":null}"#, not: #"{"b":1}"#),
        PatternCase(#"{"a":[{"exists":true}]}"#, nil, not: #"{"a":{"S":"x"}}"#),
        PatternCase(#"{"a":[{"exists":true}]}"#, nil, not: #"{"a":[]}"#),
        PatternCase(#"{"a":{"b":{"c":[{"exists":false}]}}}"#, #"{"a":{"b":"x"}}"#, not: #"{"a":{"b":{"c":1}}}"#),
        PatternCase(
            #"{"a":{"S":[{"anything-but":["r"]},{"exists":false}]}}"#, #"{"b":{"N":"7"}}"#, not: #"{"a":{"S":"r"}}"#),
    ]

    private static let shapes = [
        PatternCase(#"{"a":["x","y"]}"#, #"{"a":["w","y"]}"#, not: #"{"a":["w"]}"#),
        PatternCase(#"{"a":{"id":[{"exists":true}]}}"#, #"{"a":[{"k":1},{"id":2},{"l":3}]}"#, not: #"{"a":[{"k":1}]}"#),
        // Both fields in one element: "Array Consistency" of Event Ruler.
        PatternCase(
            #"{"a":{"first":["A"],"last":["Z"]}}"#, #"{"a":[{"first":"A","last":"Y"},{"first":"A","last":"Z"}]}"#,
            not: #"{"a":[{"first":"A","last":"Y"},{"first":"B","last":"Z"}]}"#),
        PatternCase(
            #"{"a":{"b":{"c":[1],"d":[2]}}}"#, #"{"a":[{"b":[{"c":1},{"c":1,"d":2}]}]}"#,
            not: #"{"a":[{"b":[{"c":1},{"d":2}]},{"b":{"c":1}}]}"#),
        PatternCase(#"{"a":["x"]}"#, #"{"a":[["w"],["x"]]}"#, not: #"{"a":[["w"]]}"#),
        PatternCase(#"{"d":{"s":{"t":["r"]}}}"#, #"{"d":{"s.t":"r"}}"#, not: #"{"d":{"s.t":{"t":"r"}}}"#),
        PatternCase(#"{"d":{"s.t":["r"]}}"#, #"{"d":{"s":{"t":"r"}}}"#, not: #"{"d":{"s":"r"}}"#),
        PatternCase(#"{"d":{"s.t":{"t":["r"]}}}"#, #"{"d":{"s":{"t":{"t":"r"}}}}"#, not: #"{"d":{"s":{"t":"r"}}}"#),
        // Of two fields with one path the last counts.
        PatternCase(#"{"a":["x"],"a":["y"]}"#, #"{"a":"y"}"#, not: #"{"a":"x"}"#),
    ]

    private static let alternatives = [
        PatternCase(#"{"$or":[{"a":[1]},{"b":[2]}]}"#, #"{"a":0,"b":2}"#, not: #"{"a":2,"b":1}"#),
        PatternCase(
            #"{"d":{"$or":[{"c":[{"numeric":[">",0]}]},{"l":[{"numeric":["<",10]}]},{"x":[3.018e2]}]}}"#,
            #"{"d":{"c":0,"l":0,"x":1}}"#, not: #"{"d":{"c":0,"l":10,"x":9.018e2}}"#),
        PatternCase(#"{"z":[1],"$or":[{"a":[1],"b":[1]},{"c":[1]}]}"#, #"{"z":1,"a":1,"b":1}"#, not: #"{"z":1,"a":1}"#),
        PatternCase(
            #"{"$or":[{"a":[1]},{"$or":[{"b":[1]},{"c":[1]}],"d":[1]}]}"#, #"{"c":1,"d":1}"#, not: #"{"c":1,"d":2}"#),
        PatternCase(
            #"{"$or":[{"a":[1]},{"b":[1]}],"c":{"$or":[{"d":[1]},{"e":[1]}]}}"#, #"{"b":1,"c":{"d":1}}"#,
            not: #"{"b":1}"#),
    ]
}
