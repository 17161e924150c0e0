import Delivery
import Testing
import TestSupport

@testable import SNSService

/// Matches are those of AWS's documentation; refusals and numbers of combinations are recorded answers of AWS:
/// LocalStack's tests/aws/services/sns/test_sns_filter_policy.snapshot.json, without the places in the text.
@Suite struct FilterPolicyTests {
    private static func matches(_ policy: String, _ attributes: [String: MessageAttribute]) throws -> Bool {
        try FilterPolicy(policy, scope: .messageAttributes).matches(attributes: attributes, body: "")
    }

    private static func matches(_ policy: String, body: String) throws -> Bool {
        try FilterPolicy(policy, scope: .messageBody).matches(attributes: [:], body: body)
    }

    private static func text(_ value: String) -> MessageAttribute { MessageAttribute(.text(value)) }
    private static func number(_ value: String) -> MessageAttribute { MessageAttribute(type: "Number", .text(value)) }
    private static func array(_ value: String) -> MessageAttribute {
        MessageAttribute(type: "String.Array", .text(value))
    }

    /// A policy for the attribute `k`, what it is, and whether the policy wants it.
    static let cases: [(String, MessageAttribute?, Bool)] = [
        (#"{"k":["a","b"]}"#, text("b"), true),
        (#"{"k":["a","b"]}"#, text("c"), false),
        (#"{"k":["a"]}"#, text("A"), false),
        (#"{"k":["a"]}"#, nil, false),
        (#"{"k":["1"]}"#, number("1"), false),
        (#"{"k":[1]}"#, number("1.0"), true),
        (#"{"k":[1]}"#, text("1"), false),
        (#"{"k":["a"]}"#, array(#"["x","a"]"#), true),
        (#"{"k":[true]}"#, array(#"[true,"a"]"#), true),
        (#"{"k":[null]}"#, array("[null]"), true),
        (#"{"k":[null]}"#, array("[]"), false),
        (#"{"k":["a"]}"#, array("not an array"), false),
        (#"{"k":[{"prefix":"ab"}]}"#, text("abc"), true),
        (#"{"k":[{"prefix":"ab"}]}"#, text("cab"), false),
        (#"{"k":[{"suffix":"bc"}]}"#, text("abc"), true),
        (#"{"k":[{"suffix":"bc"}]}"#, text("bcd"), false),
        (#"{"k":[{"equals-ignore-case":"Tennis"}]}"#, text("tEnnis"), true),
        (#"{"k":[{"equals-ignore-case":"Tennis"}]}"#, text("tennis "), false),
        (#"{"k":[{"anything-but":"a"}]}"#, text("b"), true),
        (#"{"k":[{"anything-but":["a","b"]}]}"#, text("b"), false),
        (#"{"k":[{"anything-but":[1]}]}"#, number("2"), true),
        (#"{"k":[{"anything-but":[1]}]}"#, nil, false),
        (#"{"k":[{"anything-but":{"prefix":"or"}}]}"#, text("order"), false),
        (#"{"k":[{"anything-but":{"prefix":"or"}}]}"#, text("border"), true),
        (#"{"k":[{"exists":true}]}"#, text("x"), true),
        (#"{"k":[{"exists":true}]}"#, MessageAttribute(type: "Binary", .binary([1])), true),
        (#"{"k":[{"exists":true}]}"#, nil, false),
        (#"{"k":[{"exists":false}]}"#, nil, true),
        (#"{"k":[{"exists":false}]}"#, text("x"), false),
        (#"{"k":[{"numeric":["=",301.5]}]}"#, number("3.015e2"), true),
        (#"{"k":[{"numeric":[">",0,"<=",150]}]}"#, number("150"), true),
        (#"{"k":[{"numeric":[">",0,"<",150]}]}"#, number("150"), false),
        (#"{"k":[{"numeric":[">=",-1]}]}"#, number("-1"), true),
        (#"{"k":[{"numeric":[">=",-1]}]}"#, text("5"), false),
        (#"{"k":[{"cidr":"10.0.0.0/24"}]}"#, text("10.0.0.255"), true),
        (#"{"k":[{"cidr":"10.0.0.0/24"}]}"#, text("10.1.1.0"), false),
        (#"{"k":[{"cidr":"2001:db8::/32"}]}"#, text("2001:db8::1"), true),
        (#"{"$or":[{"k":["a"]},{"l":["b"]}]}"#, text("a"), true),
        (#"{"$or":[{"j":["a"]},{"l":["b"]}]}"#, text("a"), false),
        (#"{"k":[{"exists":true}],"$or":[{"k":["a"]},{"k":["b"]}]}"#, text("b"), true),
        (#"{"k":[{"exists":true}],"$or":[{"k":["a"]},{"k":["b"]}]}"#, text("c"), false),
    ]

    /// As deep as JSON may be, however its levels are written.
    @Test(.timeLimit(.minutes(10)), arguments: [FilterPolicy.Scope.messageBody, .messageAttributes])
    func pointsInNamesAreNotWithoutEnd(_ scope: FilterPolicy.Scope) throws {
        let deep = String(repeating: "a.", count: 99) + "a"
        _ = try FilterPolicy(#"{"\#(deep)":["x"]}"#, scope: scope)
        let refusal = FilterPolicy.Refusal(reason: "Filter policy is too complex")
        let hostile = String(repeating: ".", count: 200_000)
        for policy in [#"{"\#(hostile)":["x"]}"#, #"{"a":{"\#(deep)":["x"]}}"#, #"{"\#(hostile)":{"b":["x"]}}"#] {
            #expect(throws: refusal) { try FilterPolicy(policy, scope: scope) }
        }
    }

    /// In time in proportion to the body: of repeated names the last counts.
    @Test(.timeLimit(.minutes(10))) func repeatedNamesAreReadOnce() throws {
        let policy = try FilterPolicy(#"{"a":{"b":["x"]}}"#, scope: .messageBody)
        let many = String(repeating: #""a":[1,2,3],"#, count: 20_000)
        #expect(policy.matches(attributes: [:], body: #"{\#(many)"a":[{"b":"x"}]}"#))
        #expect(!policy.matches(attributes: [:], body: #"{"a":[{"b":"x"}],\#(many)"c":1}"#))
    }

    @Test(arguments: cases.indices) func wantsAttributes(_ index: Int) throws {
        let (policy, attribute, wanted) = Self.cases[index]
        #expect(try Self.matches(policy, attribute.map { ["k": $0] } ?? [:]) == wanted)
    }

    static let bodies: [(String, String, Bool)] = [
        (#"{"a":{"b":["x"]}}"#, #"{"a":{"b":"x"}}"#, true),
        (#"{"a":{"b":["x"]}}"#, #"{"a":{"b":"y"}}"#, false),
        // Points are as good as levels: test_filter_policy_on_message_body_dot_attribute.
        (#"{"a":{"b":["x"]}}"#, #"{"a.b":"x"}"#, true),
        (#"{"a.b":["x"]}"#, #"{"a":{"b":"x"}}"#, true),
        (#"{"a.b.c":["x"]}"#, #"{"a.b":{"c":"x"}}"#, true),
        (#"{"a.b.c":["x"]}"#, #"{"a":{"b.c":"x"}}"#, true),
        (#"{"a":{"b.c":["x"]}}"#, #"{"a.b":{"c":"x"}}"#, true),
        (#"{"a":{"b.c":["x"]}}"#, #"{"a.b":[{"c":"y"},{"c":"x"}]}"#, true),
        (#"{"a.b":["x"],"a.c":["y"]}"#, #"{"a":{"b":"x"},"a.c":"y"}"#, true),
        (#"{"a.b":["x"]}"#, #"{"ab":"x"}"#, false),
        (#"{"a.b":["x"]}"#, #"{"a":"x"}"#, false),
        (#"{"a.b":[{"exists":false}]}"#, #"{"a":{"c":1}}"#, true),
        (#"{"a":["x"]}"#, "x", false),
        (#"{"a":["x"]}"#, "[1]", false),
        (#"{"a":["x"]}"#, #"{"a":["y","x"]}"#, true),
        (#"{"a":["x"]}"#, #"{"a":[["y",["x"]]]}"#, true),
        (#"{"a":[null]}"#, #"{"a":null}"#, true),
        (#"{"a":[1]}"#, #"{"a":1.0}"#, true),
        // Of several objects one has to fit as a whole.
        (#"{"a":{"b":["x"],"c":["y"]}}"#, #"{"a":[{"b":"x","c":"z"},{"b":"w","c":"y"}]}"#, false),
        (#"{"a":{"b":["x"],"c":["y"]}}"#, #"{"a":[{"b":"w","c":"z"},{"b":"x","c":"y"}]}"#, true),
        (#"{"a":{"b":[{"exists":false}]}}"#, #"{"z":1}"#, true),
        (#"{"a":{"b":[{"exists":false}]}}"#, #"{"a":{"b":1}}"#, false),
        (#"{"a":[{"exists":true}]}"#, #"{"a":{"b":1}}"#, false),
        (#"{"m":["x"],"d":{"$or":[{"s":["1"]},{"t":["2"]}]}}"#, #"{"m":"x","d":{"t":"2"}}"#, true),
        (#"{"m":["x"],"d":{"$or":[{"s":["1"]},{"t":["2"]}]}}"#, #"{"m":"x","d":{"t":"1"}}"#, false),
    ]

    @Test(arguments: bodies.indices) func wantsBodies(_ index: Int) throws {
        let (policy, body, wanted) = Self.bodies[index]
        #expect(try Self.matches(policy, body: body) == wanted)
    }

    static let refusals: [(String, String)] = [
        (#"{"key":[["value"]]}"#, "Match value must be String, number, true, false, or null"),
        (#"{"key":[{"wrong-operator":true}]}"#, "Unrecognized match type wrong-operator"),
        (#"{"key":[{"suffix":"value","prefix":"value2"}]}"#, "Only one key allowed in match expression"),
        (#"{"key":[]}"#, "Empty arrays are not allowed"),
        (#"{"key":[{"suffix":100}]}"#, "suffix match pattern must be a string"),
        (#"{"key":[{"suffix":null}]}"#, "suffix match pattern must be a string"),
        (#"{"key_a":"value_one"}"#, #""key_a" must be an object or an array"#),
        (#"{"key":[{"cidr":["bad-filter"]}]}"#, "prefix match pattern must be a string"),
        (#"{"key":[{"cidr":"bad-filter"}]}"#, "Malformed CIDR, one '/' required"),
        (#"{"key":[{"cidr":"bad-filter/64"}]}"#, "Nonstandard IP address: bad-filter"),
        (#"{"key":[{"cidr":"bad-/64filter"}]}"#, "Malformed CIDR, mask bits must be an integer"),
        (#"{"key":[{"numeric":[]}]}"#, "Invalid member in numeric match: ]"),
        (#"{"key":[{"numeric":["operator"]}]}"#, "Unrecognized numeric range operator: operator"),
        (#"{"key":[{"numeric":[1,"<="]}]}"#, "Invalid member in numeric match: 1"),
        (#"{"key":[{"numeric":["=","000"]}]}"#, "Value of equals must be numeric"),
        (#"{"key":[{"numeric":[">="]}]}"#, "Value of >= must be numeric"),
        (#"{"key":[{"numeric":["<",100,">",10]}]}"#, "Too many elements in numeric expression"),
        (#"{"key":[{"numeric":[">=",1,">",2]}]}"#, "Bad numeric range operator: >"),
        (#"{"key":[{"numeric":[">",3,"<",1]}]}"#, "Bottom must be less than top"),
        (#"{"key":[{"numeric":[">",20,"<="]}]}"#, "Value of <= must be numeric"),
        (#"{"key":[{"numeric":[">",20,30]}]}"#, "Bad value in numeric range: 30"),
        (#"{"key":[{"numeric":[">",20,"test"]}]}"#, "Bad numeric range operator: test"),
        (#"{"key":[{"numeric":[">",20,"<","30"]}]}"#, "Value of < must be numeric"),
        (#"{"key":[{"numeric":[">",20,"<",30,"<",50]}]}"#, "Too many terms in numeric range expression"),
        (#"{"key":[{"exists":null}]}"#, "exists match pattern must be either true or false."),
        (#"{"key":[{"exists":"no"}]}"#, "exists match pattern must be either true or false."),
        (#"{"key":[{"anything-but":{"wrong-operator":null}}]}"#, "Unsupported anything-but pattern: wrong-operator"),
        (#"{"key":[{"anything-but":{"suffix":"test"}}]}"#, "Unsupported anything-but pattern: suffix"),
        (#"{"key":[{"anything-but":{"prefix":false}}]}"#, "prefix match pattern must be a string"),
        (#"{"key":{"suffix":"value"}}"#, #""suffix" must be an object or an array"#),
        (
            #"{"a":{"b":["c"]}}"#,
            "Filter policy scope MessageAttributes does not support nested filter policy"
        ),
        (
            #"{"a":["1"],"b":["1"],"c":["1"],"d":["1"],"e":["1"],"f":["1"]}"#,
            "Filter policy can not have more than 5 keys"
        ),
    ]

    @Test(arguments: refusals.indices) func saysWhatIsWrong(_ index: Int) {
        let (policy, reason) = Self.refusals[index]
        do {
            _ = try FilterPolicy(policy, scope: .messageAttributes)
            Issue.record("accepted")
        } catch {
            #expect(error.reason == reason)
        }
    }

    private static func list(_ count: Int) -> String { "[\((0..<count).map { "\"v\($0)\"" }.joined(separator: ","))]" }

    @Test func countsCombinations() throws {
        func isTooComplex(_ policy: String, _ scope: FilterPolicy.Scope) -> Bool {
            do {
                _ = try FilterPolicy(policy, scope: scope)
                return false
            } catch {
                return error.reason == "Filter policy is too complex"
            }
        }
        #expect(isTooComplex("{\"key\":\(Self.list(151))}", .messageAttributes))
        #expect(!isTooComplex("{\"key\":\(Self.list(150))}", .messageAttributes))
        #expect(isTooComplex("{\"a\":\(Self.list(100)),\"b\":\(Self.list(51))}", .messageAttributes))
        // test_policy_complexity_with_or: 152 and 160 combinations are too many, 150 are not.
        func alternatives(_ sources: Int, _ spaces: Int) -> String {
            """
            {"source":\(Self.list(sources)),"$or":[{"metricName":\(Self.list(6))},
            {"metricType":\(Self.list(4)),"$or":[{"metricId":\(Self.list(4))},{"spaceId":\(Self.list(spaces))}]}]}
            """
        }
        #expect(isTooComplex(alternatives(4, 4), .messageAttributes))
        #expect(!isTooComplex(alternatives(3, 7), .messageAttributes))
        let nested = """
            {"$or":[{"metricName":\(Self.list(3))},{"namespace":\(Self.list(2))}],
            "detail":{"scope":\(Self.list(2)),"$or":[{"source":\(Self.list(1))},{"type":\(Self.list(3))}]}}
            """
        #expect(isTooComplex(nested, .messageBody))
    }

    // MARK: Laws

    /// What `anything-but` wants is what its list does not, of attributes that are there; `exists` likewise.
    @Test func oppositesDivideWhatIsThere() throws {
        var random = SeededGenerator(seed: 7)
        for _ in 0..<500 {
            let words = (0..<Int.random(in: 1...4, using: &random)).map { _ in
                ["a", "b", "c", "d", "e"].randomElement(using: &random)!
            }
            let list = "[\(words.map { "\"\($0)\"" }.joined(separator: ","))]"
            let value = Self.text(["a", "b", "c", "f", ""].randomElement(using: &random)!)
            let wanted = try Self.matches("{\"k\":\(list)}", ["k": value])
            let unwanted = try Self.matches("{\"k\":[{\"anything-but\":\(list)}]}", ["k": value])
            #expect(wanted != unwanted, "\(list) \(value)")
        }
    }

    /// A range holds as its two halves do, and an alternative as either of its sides.
    @Test func partsMakeTheWhole() throws {
        var random = SeededGenerator(seed: 8)
        for _ in 0..<500 {
            let low = Int.random(in: -50...0, using: &random)
            let high = Int.random(in: 1...50, using: &random)
            let value = ["k": Self.number("\(Int.random(in: -60...60, using: &random))")]
            let above = try Self.matches("{\"k\":[{\"numeric\":[\">\",\(low)]}]}", value)
            let below = try Self.matches("{\"k\":[{\"numeric\":[\"<=\",\(high)]}]}", value)
            let within = try Self.matches("{\"k\":[{\"numeric\":[\">\",\(low),\"<=\",\(high)]}]}", value)
            #expect(within == (above && below))
            let either = try Self.matches(
                "{\"$or\":[{\"k\":[{\"numeric\":[\">\",\(low)]}]},{\"k\":[{\"numeric\":[\"<=\",\(high)]}]}]}", value)
            #expect(either == (above || below))
        }
    }

    /// Whatever is sent as a policy or a body, there is an answer.
    @Test func readsAnything() {
        var random = SeededGenerator(seed: 9)
        let pieces = [
            "{", "}", "[", "]", ":", ",", "\"k\"", "\"$or\"", "\"prefix\"", "\"numeric\"", "\"<\"", "1", "null",
            "{\"exists\":true}", "\"anything-but\"", "\"cidr\"", "\"10.0.0.0/8\"",
        ]
        for _ in 0..<2_000 {
            let text = (0..<Int.random(in: 0...14, using: &random)).map { _ in
                pieces.randomElement(using: &random)!
            }.joined()
            for scope in [FilterPolicy.Scope.messageAttributes, .messageBody] {
                let policy = try? FilterPolicy(text, scope: scope)
                _ = policy?.matches(attributes: ["k": Self.text("1")], body: text)
            }
        }
    }
}

extension FilterPolicy {
    fileprivate func matches(attributes: [String: MessageAttribute], body: String) -> Bool {
        var message = FilteredMessage(Message(id: "", text: body, attributes: attributes, published: 0))
        return matches(&message, for: "sqs")
    }
}
