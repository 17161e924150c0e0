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
        ("DateGreaterThan", ["2026-01-01T00:00:00Z"], ["2026-01-01T00:00:01Z"], true),
        ("DateGreaterThan", ["2026-01-01T00:00:00Z"], ["1767225601"], true),
        ("DateEquals", ["2026-01-01"], ["2026-01-01T02:00:00+02:00"], true),
        ("DateNotEquals", ["2026-01-01"], ["2026-01-02"], true),
        ("DateLessThan", ["2024-02-29T12:00:00.5Z"], ["2024-02-29T12:00:00.4Z"], true),
        ("DateLessThanEquals", ["2024-02-29T12:00Z"], ["2024-02-29T12:00:00Z"], true),
        ("DateGreaterThanEquals", ["soon"], ["2026-01-01"], false),
        ("Bool", ["true"], ["True"], true),
        ("Bool", ["true"], ["false"], false),
        ("Bool", ["false"], nil, false),
        ("BinaryEquals", ["QmFzZTY0"], ["QmFzZTY0"], true),
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

    @Test(arguments: [
        "", "Equals", "stringEquals", "ForSome:StringEquals", "NullIfExists", "StringEqualsIfExistsIfExists",
    ])
    func otherNamesAreNoOperators(_ name: String) {
        #expect(ConditionOperator(name) == nil)
    }
}
