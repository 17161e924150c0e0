import Testing

@testable import Policies

/// The meanings are those of the IAM User Guide, "Condition operators" and "Multi-valued context keys".
@Suite struct ConditionTests {
    private static let rows: [(test: String, wanted: [String], given: [String]?, holds: Bool)] = [
        ("StringEquals", ["a"], ["a"], true),
        ("StringEquals", ["a"], ["A"], false),
        ("StringEquals", ["a", "b"], ["b"], true),
        ("StringEquals", ["a*"], ["ab"], false),
        ("StringEquals", ["a"], nil, false),
        ("StringEqualsIfExists", ["a"], nil, true),
        ("StringEqualsIfExists", ["a"], ["b"], false),
        ("StringNotEquals", ["a", "b"], ["c"], true),
        ("StringNotEquals", ["a", "b"], ["b"], false),
        // A negated operator holds for a request that does not have the key at all.
        ("StringNotEquals", ["a"], nil, true),
        ("StringEqualsIgnoreCase", ["aB"], ["Ab"], true),
        ("StringNotEqualsIgnoreCase", ["aB"], ["Ab"], false),
        ("StringLike", ["a*c?"], ["abbbcd"], true),
        ("StringLike", ["a*c?"], ["abbbc"], false),
        ("StringLike", ["*"], [""], true),
        ("StringNotLike", ["a*"], ["ba"], true),
        ("StringNotLike", ["a*"], ["ab"], false),
        ("NumericEquals", ["10"], ["10.0"], true),
        ("NumericNotEquals", ["10"], ["11"], true),
        ("NumericLessThan", ["10"], ["9"], true),
        ("NumericLessThan", ["10"], ["10"], false),
        ("NumericLessThanEquals", ["10"], ["10"], true),
        ("NumericGreaterThan", ["10"], ["9"], false),
        ("NumericGreaterThanEquals", ["10"], ["10"], true),
        ("NumericEquals", ["ten"], ["ten"], false),
        ("NumericEquals", ["1e3"], ["1000"], true),
        ("NumericEquals", ["-0.5"], ["-.5"], true),
        ("NumericNotEquals", ["ten"], ["10"], true),
        // Beyond what a double tells apart.
        ("NumericEquals", ["9007199254740993"], ["9007199254740992"], false),
        ("NumericGreaterThan", ["9007199254740992"], ["9007199254740993"], true),
        ("NumericLessThan", ["1e30"], ["9223372036854775807"], true),
        // Decimal and finite.
        ("NumericEquals", ["0x10"], ["16"], false),
        ("NumericLessThan", ["inf"], ["1"], false),
        ("NumericLessThan", ["nan"], ["1"], false),
        ("NumericEquals", [" 1"], ["1"], false),
        ("DateGreaterThan", ["2026-01-01T00:00:00Z"], ["2026-01-01T00:00:01Z"], true),
        ("DateGreaterThan", ["2026-01-01T00:00:00Z"], ["1767225601"], true),
        ("DateEquals", ["2026-01-01"], ["2026-01-01T02:00:00+02:00"], true),
        ("DateNotEquals", ["2026-01-01"], ["2026-01-02"], true),
        ("DateLessThan", ["2024-02-29T12:00:00.5Z"], ["2024-02-29T12:00:00.4Z"], true),
        ("DateLessThanEquals", ["2024-02-29T12:00Z"], ["2024-02-29T12:00:00Z"], true),
        ("DateGreaterThanEquals", ["soon"], ["2026-01-01"], false),
        ("DateEquals", ["2026-11"], ["2026-11-01T00:00:00Z"], true),
        ("DateEquals", ["2026-11-27t10:00:00z"], ["2026-11-27T12:00:00+02"], true),
        ("DateEquals", ["2026-11-27T10:00:00Z"], ["2026-11-27T05:00:00-0500"], true),
        ("DateLessThan", ["2026-11-27T10:00:00Z"], ["-1"], true),
        ("DateEquals", ["2026-11-27T10:00:00"], ["2026-11-27T10:00:00"], false),
        ("DateEquals", ["2026-11-27T25:00:00Z"], ["2026-11-27T25:00:00Z"], false),
        ("DateEquals", ["2026-11-2*"], ["2026-11-27"], false),
        ("DateNotEquals", ["soon"], ["2026-11-27"], true),
        ("Bool", ["true"], ["True"], true),
        ("Bool", ["true"], ["false"], false),
        ("Bool", ["false"], nil, false),
        ("Bool", ["yes"], ["yes"], false),
        ("BoolIfExists", ["false"], nil, true),
        ("BinaryEquals", ["QmFzZTY0"], ["QmFzZTY0"], true),
        ("BinaryEquals", ["QQ=="], ["QQ"], true),
        ("BinaryEquals", ["QQ=="], ["qq=="], false),
        ("BinaryEquals", ["no base64!"], ["no base64!"], false),
        ("IpAddress", ["203.0.113.0/24"], ["203.0.113.77"], true),
        ("IpAddress", ["203.0.113.0/24"], ["203.0.114.1"], false),
        ("IpAddress", ["203.0.113.64/26"], ["203.0.113.127"], true),
        ("IpAddress", ["203.0.113.64/26"], ["203.0.113.128"], false),
        ("IpAddress", ["203.0.113.7"], ["203.0.113.7"], true),
        ("IpAddress", ["0.0.0.0/0"], ["8.8.8.8"], true),
        ("IpAddress", ["2001:db8::/32"], ["2001:db8:1::1"], true),
        ("IpAddress", ["2001:db8::/32"], ["2001:db9::1"], false),
        ("IpAddress", ["::/0"], ["8.8.8.8"], false),
        ("IpAddress", ["203.0.113.0/33"], ["203.0.113.0"], false),
        ("IpAddress", ["203.0.113.0/24"], ["::ffff:203.0.113.7"], true),
        ("IpAddress", ["203.0.113.0/24"], ["::203.0.113.7"], false),
        ("IpAddress", ["2001:DB8:1234:5678::/64"], ["2001:db8:1234:5678:ffff::1"], true),
        ("IpAddress", ["2001:db8::1"], ["2001:db8::1"], true),
        ("IpAddress", ["203.0.113.7"], ["203.0.113.7\u{0}.evil"], false),
        ("IpAddress", ["203.0.113.0/-1"], ["203.0.113.0"], false),
        ("IpAddress", ["203.0.113.7"], ["not an address"], false),
        ("NotIpAddress", ["203.0.113.0/24"], ["8.8.8.8"], true),
        ("NotIpAddress", ["203.0.113.0/24"], ["203.0.113.1"], false),
        ("ArnLike", ["arn:aws:s3:::bucket"], ["arn:aws:s3:::bucket"], true),
        ("ArnLike", ["arn:aws:s3:::buck*"], ["arn:aws:s3:::bucket"], true),
        // The six parts are matched one by one: a star does not reach over a colon, but in the last part.
        ("ArnLike", ["arn:aws:*:bucket"], ["arn:aws:s3:::bucket"], false),
        ("ArnLike", ["arn:aws:events:*:*:rule/*"], ["arn:aws:events:us-east-1:111111111111:rule/a:b"], true),
        ("ArnEquals", ["arn:aws:s3:::buck*"], ["arn:aws:s3:::bucket"], true),
        ("ArnNotLike", ["arn:aws:s3:::buck*"], ["arn:aws:s3:::other"], true),
        ("ArnNotEquals", ["arn:aws:s3:::bucket"], ["arn:aws:s3:::bucket"], false),
        ("ArnLike", ["bucket"], ["bucket"], false),
        ("ArnLike", ["arn:aws:s3:::Bucket"], ["arn:aws:s3:::bucket"], false),
        ("ArnLike", ["arn:aws:s?:*:*:buck*t"], ["arn:aws:s3:::bucket"], true),
        ("ArnLike", ["arn:aws:s3:::*"], ["arn:aws:s3:::a:b"], true),
        ("ArnLike", ["arn:aws:s3:::a:*"], ["arn:aws:s3:::a:b"], true),
        // The guide's example of where StringLike matches and ArnLike does not.
        (
            "StringLike", ["arn:aws:svc:*:111122223333:finance/*"],
            ["arn:aws:svc:us-east-2:999999999999:store/abc:111122223333:finance/document.txt"], true
        ),
        (
            "ArnLike", ["arn:aws:svc:*:111122223333:finance/*"],
            ["arn:aws:svc:us-east-2:999999999999:store/abc:111122223333:finance/document.txt"], false
        ),
        ("Null", ["true"], nil, true),
        ("Null", ["true"], ["a"], false),
        ("Null", ["false"], ["a"], true),
        ("Null", ["false"], nil, false),
        ("ForAnyValue:StringEquals", ["a", "b"], ["c", "b"], true),
        ("ForAnyValue:StringEquals", ["a", "b"], ["c"], false),
        ("ForAnyValue:StringEquals", ["a"], nil, false),
        ("ForAnyValue:StringNotEquals", ["a"], ["a", "c"], true),
        ("ForAnyValue:StringNotEquals", ["a"], ["a"], false),
        ("ForAllValues:StringEquals", ["a", "b"], ["a", "b", "a"], true),
        ("ForAllValues:StringEquals", ["a", "b"], ["a", "c"], false),
        ("ForAllValues:StringEquals", ["a"], nil, true),
        ("ForAllValues:StringLike", ["a*"], [], true),
        ("ForAnyValue:StringLikeIfExists", ["a*"], nil, true),
        // "If the key values resolve to a null data set, such as an empty string."
        ("ForAllValues:StringEquals", ["a"], [""], true),
        ("ForAnyValue:StringEquals", [""], [""], false),
        ("ForAllValues:StringNotEquals", ["a"], ["b", "c"], true),
        ("ForAllValues:StringNotEquals", ["a"], ["b", "a"], false),
        ("ForAnyValue:IpAddress", ["10.0.0.0/8"], ["8.8.8.8", "10.1.1.1"], true),
        ("Null", ["TRUE"], nil, true),
        ("Null", ["true"], [], true),
        ("StringEquals", [], ["a"], false),
        ("StringNotEquals", [], ["a"], true),
    ]

    @Test(arguments: rows.indices)
    func holds(row index: Int) throws {
        let row = Self.rows[index]
        let test = try #require(ConditionOperator(row.test))
        #expect(test.name == row.test)
        for effect in [PolicyStatement.Effect.allow, .deny] {
            var inquiry = Inquiry(
                by: .anonymous, action: "a:b", resource: "*", owner: nil,
                context: AccessContext(row.given.map { ["Key": $0] } ?? [:]))
            let condition = CompiledCondition(PolicyCondition(test, "kEY", row.wanted), .variables)
            #expect(condition.holds(effect, &inquiry) == row.holds, "\(row)")
            #expect(inquiry.keys == ["key"])
        }
    }

    /// Names of condition keys are the same in any case, but a resource may have tags that differ in it alone:
    /// https://docs.aws.amazon.com/IAM/latest/UserGuide/access_tags.html#access_tags_control-tag-keys
    @Test func noTagHidesBehindAnotherOfItsName() throws {
        for tags in [[("Stage", "prod"), ("stage", "test")], [("stage", "test"), ("Stage", "prod")]] {
            let context = AccessContext(settingTags: tags.map { (key: $0.0, value: $0.1) })
            func holds(_ test: String, _ key: String, _ wanted: [String]) throws -> Bool {
                var inquiry = Inquiry(by: .anonymous, action: "a:b", resource: "*", owner: nil, context: context)
                let condition = PolicyCondition(try #require(ConditionOperator(test)), key, wanted)
                return CompiledCondition(condition, .variables).holds(.deny, &inquiry)
            }
            #expect(try holds("StringEquals", "aws:RequestTag/STAGE", ["prod"]))
            #expect(try holds("StringEquals", "aws:RequestTag/stage", ["test"]))
            #expect(try !holds("StringEquals", "aws:RequestTag/stage", ["dev"]))
            #expect(try !holds("ForAllValues:StringEquals", "aws:TagKeys", ["stage"]))
            #expect(try holds("ForAllValues:StringEquals", "aws:TagKeys", ["stage", "Stage"]))
        }
    }

    @Test(arguments: [
        "", "Equals", "stringEquals", "ForSome:StringEquals", "NullIfExists", "StringEqualsIfExistsIfExists",
    ])
    func otherNamesAreNoOperators(_ name: String) {
        #expect(ConditionOperator(name) == nil)
    }
}
