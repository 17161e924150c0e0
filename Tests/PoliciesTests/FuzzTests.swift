import TestSupport
import Testing

@testable import Policies

@Suite struct FuzzTests {
    private static let samples = [
        #"""
        {"Version":"2012-10-17","Id":"x","Statement":[{"Sid":"a","Effect":"Allow","Principal":"*","Action":"s3:*",\#
        "Resource":"arn:aws:s3:::b/${aws:username, 'x'}","Condition":{"StringEquals":{"k":"${*}","aws:userid":"x"},\#
        "ArnLike":{"aws:SourceArn":"arn:aws:s3:::${aws:PrincipalTag/Team}*"}}},{"Effect":"Deny",\#
        "NotPrincipal":{"AWS":["111111111111","arn:aws:iam::111111111111:role/birds/flyer"],\#
        "Service":"s3.amazonaws.com"},"NotAction":["s3:Get*","?:*"],"NotResource":["arn:aws:s3:::b/${k}","*"]}]}
        """#,
        #"""
        {"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":["s3:GetObject","lambda:*"],\#
        "Resource":["*",null],\#
        "Condition":{"IpAddress":{"aws:SourceIp":["10.0.0.0/8","2001:db8::/32"]},"NumericLessThan":{"n":[9,"1e3"]},\#
        "DateGreaterThan":{"aws:CurrentTime":"2026-01-01T00:00:00+01:00"},"Null":{"q":true},"Bool":{"k":"true"},\#
        "ForAllValues:StringLikeIfExists":{"n":["?","${aws:userid}"]},"BinaryEquals":{"k":"QQ=="}}}}
        """#,
        #"""
        {"Version":"2008-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":["arn:aws:iam::111111111111:root",\#
        "AROAFLYER"],"Federated":"accounts.google.com"},"Action":["sts:AssumeRole","sts:TagSession"],\#
        "Condition":{"StringNotEquals":{"sts:ExternalId":"${aws:username}"}}}]}
        """#,
    ]

    @Test(arguments: samples)
    func samplesHold(_ sample: String) throws { try Exercise.run(Array(sample.utf8)) }

    // Whatever the bytes, they are refused, or make a policy that comes back from its own text and can be asked.
    @Test(arguments: 0..<8 as Range<UInt64>)
    func mutatedTexts(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        let pieces = ["*", "?", "${", "}", "\"", "[]", "{}", "null", ":", ",", "Not", "IfExists", "\\u0000", "/", "'"]
        for _ in 0..<150 {
            for sample in Self.samples {
                var bytes = Array(sample.utf8)
                for _ in 0..<Int.random(in: 1...3, using: &random) {
                    let at = Int.random(in: 0..<bytes.count, using: &random)
                    switch Int.random(in: 0..<5, using: &random) {
                    case 0: bytes[at] = UInt8.random(in: 0...255, using: &random)
                    case 1: bytes.remove(at: at)
                    case 2: bytes.insert(contentsOf: (pieces.randomElement(using: &random) ?? "").utf8, at: at)
                    case 3: bytes[at] = bytes[Int.random(in: 0..<bytes.count, using: &random)]
                    default:
                        let from = Int.random(in: 0..<bytes.count, using: &random)
                        bytes.insert(contentsOf: bytes[from..<min(bytes.count, from + 12)], at: at)
                    }
                }
                do throws(Exercise.Violation) {
                    try Exercise.run(bytes)
                } catch {
                    Issue.record("\(error.description): \(String(decoding: bytes, as: UTF8.self))")
                }
            }
        }
    }
}
