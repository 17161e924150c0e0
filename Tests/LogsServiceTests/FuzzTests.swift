import AWSWire
import NIOCore
import NIOHTTP1
import NIOPosix
import Testing
import TestSupport

@testable import LogsService

/// Whatever a client sends, it gets an answer or one of AWS's errors.
@Suite struct FuzzTests {
    private static let bodies = [
        ("CreateLogGroup", #"{"logGroupName":"h","tags":{"a":"b"},"logGroupClass":"STANDARD"}"#),
        ("DescribeLogGroups", #"{"logGroupNamePrefix":"g","nextToken":"Zw==","limit":5}"#),
        ("DescribeLogStreams", #"{"logGroupName":"g","orderBy":"LastEventTime","descending":true,"limit":3}"#),
        ("DescribeLogStreams", #"{"logGroupIdentifier":"g","logStreamNamePrefix":"s","nextToken":"YQ=="}"#),
        ("FilterLogEvents", #"{"logGroupName":"g","filterPattern":"a -\"b c\" ?d","startTime":0,"limit":2}"#),
        (
            "FilterLogEvents",
            #"{"logGroupName":"g","logStreamNames":["s"],"nextToken":"\#(EventPosition(time: 1, sequence: 2).id)"}"#
        ),
        (
            "GetLogEvents",
            #"{"logGroupName":"g","logStreamName":"s","nextToken":"f/\#(EventPosition(time: 9, sequence: 2).id)/s"}"#
        ),
        ("GetLogEvents", #"{"logGroupName":"g","logStreamName":"s","startFromHead":false,"endTime":99999}"#),
        ("PutRetentionPolicy", #"{"logGroupName":"g","retentionInDays":30}"#),
        ("DeleteRetentionPolicy", #"{"logGroupName":"g"}"#),
        ("TagResource", #"{"resourceArn":"arn:aws:logs:us-east-1:000000000000:log-group:g","tags":{"k":"v"}}"#),
        ("ListTagsForResource", #"{"resourceArn":"arn:aws:logs:us-east-1:000000000000:log-group:g"}"#),
        ("UntagResource", #"{"resourceArn":"arn:aws:logs:us-east-1:000000000000:log-group:g","tagKeys":["k"]}"#),
        ("DeleteLogStream", #"{"logGroupName":"g","logStreamName":"t"}"#),
        ("DeleteLogGroup", #"{"logGroupName":"h"}"#),
        (
            "PutMetricFilter",
            ##"{"logGroupName":"g","filterName":"f","filterPattern":"{ $.a = * }","metricTransformations":[{"##
                + ##""metricName":"m","metricNamespace":"n","metricValue":"$.a","dimensions":{"D":"$.b[0]"}}]}"##
        ),
        ("DescribeMetricFilters", #"{"filterNamePrefix":"f","limit":2,"nextToken":"Zjpn"}"#),
        ("TestMetricFilter", #"{"filterPattern":"[a, ..., b = 4*]","logEventMessages":["1 2 400","x"]}"#),
        ("DeleteMetricFilter", #"{"logGroupName":"g","filterName":"f"}"#),
        ("PutResourcePolicy", #"{"policyName":"p","policyDocument":"{\"Statement\":[]}"}"#),
        ("DescribeResourcePolicies", #"{"policyScope":"ACCOUNT","limit":3}"#),
        ("DeleteResourcePolicy", #"{"policyName":"p"}"#),
        ("PutQueryDefinition", #"{"name":"q","queryString":"limit 1","logGroupNames":["g"]}"#),
        ("DescribeQueryDefinitions", #"{"queryDefinitionNamePrefix":"q","maxResults":1}"#),
        ("StartLiveTail", #"{"logGroupIdentifiers":["arn:aws:logs:us-east-1:000000000000:log-group:g"]}"#),
    ]

    @Test(arguments: 0..<8 as Range<UInt64>)
    func mutatedRequests(seed: UInt64) async throws {
        let rig = try Rig()
        rig.append(["a", "b c", "d"], group: "g")
        rig.append(["a"], group: "g", stream: "t")
        var random = SeededGenerator(seed: seed)
        for _ in 0..<40 {
            for (operation, body) in Self.bodies {
                let request = try rig.request(operation, ByteBuffer(bytes: mutated(Array(body.utf8), &random)))
                let loop = MultiThreadedEventLoopGroup.singleton.next()
                do {
                    let response = try await rig.service.respond(to: request, on: loop).get()
                    #expect(response.status == .ok)
                } catch {
                    #expect(error is AWSError, "\(operation) \(String(buffer: request.body)): \(error)")
                }
            }
        }
    }

    private func mutated(_ bytes: [UInt8], _ random: inout SeededGenerator) -> [UInt8] {
        var bytes = bytes
        for _ in 0..<Int.random(in: 0...3, using: &random) {
            let at = Int.random(in: 0...bytes.count, using: &random)
            switch Int.random(in: 0..<6, using: &random) {
            case 0: bytes.insert(UInt8.random(in: 0...255, using: &random), at: at)
            case 1 where at < bytes.count: bytes[at] = UInt8.random(in: 0...255, using: &random)
            case 2 where at < bytes.count:
                bytes[at] = Array(#"{}[]",:\0-9eE.tfnu/*%?"#.utf8).randomElement(using: &random) ?? 0
            case 3 where at < bytes.count: bytes.remove(at: at)
            case 4: bytes.insert(contentsOf: Array("\\u0000".utf8), at: at)
            default: bytes.insert(contentsOf: bytes[0..<at].suffix(8), at: at)
            }
        }
        return bytes
    }
}
