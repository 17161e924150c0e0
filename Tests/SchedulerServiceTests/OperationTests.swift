import AWSWire
import NIOHTTP1
import Storage
import TestSupport
import Testing

@testable import SchedulerService

/// What the API answers.
@Suite struct OperationTests {
    private static let arn = "arn:aws:scheduler:us-east-1:000000000000"

    /// The members of LocalStack's recording test_schedule_and_group.
    @Test func aScheduleIsShown() async throws {
        let rig = try Rig()
        try await rig.ask(.POST, "/schedule-groups/g", nil, "{}")
        let window = #""FlexibleTimeWindow":{"Mode":"FLEXIBLE","MaximumWindowInMinutes":60},"GroupName":"g""#
        let made = try await rig.ask(
            .POST, "/schedules/s", nil, Rig.document("cron(0 0 * * ? *)", to: Rig.queue, "", window))
        #expect(made["ScheduleArn"]?.string == "\(Self.arn):schedule/g/s")
        let shown = try await rig.ask(.GET, "/schedules/s", "groupName=g")
        #expect(
            shown.members.map(\.name).sorted() == [
                "ActionAfterCompletion", "Arn", "CreationDate", "FlexibleTimeWindow", "GroupName",
                "LastModificationDate", "Name", "ScheduleExpression", "ScheduleExpressionTimezone", "State", "Target",
            ])
        #expect(shown["FlexibleTimeWindow"]?["MaximumWindowInMinutes"]?.int == 60)
        #expect(shown["ScheduleExpressionTimezone"]?.string == "UTC")
        #expect(shown["State"]?.string == "ENABLED")
        #expect(shown["CreationDate"]?.double == Double(Rig.start) / 1_000)
        let target = try #require(shown["Target"])
        #expect(target.members.map(\.name).sorted() == ["Arn", "RetryPolicy", "RoleArn"])
        #expect(target["RetryPolicy"]?["MaximumEventAgeInSeconds"]?.int == 86_400)
        #expect(target["RetryPolicy"]?["MaximumRetryAttempts"]?.int == 185)
        let group = try await rig.ask(.GET, "/schedule-groups/g")
        #expect(
            group.members.map(\.name).sorted() == ["Arn", "CreationDate", "LastModificationDate", "Name", "State"])
        #expect(group["Arn"]?.string == "\(Self.arn):schedule-group/g")
        #expect(group["State"]?.string == "ACTIVE")
    }

    @Test func listsHavePages() async throws {
        let rig = try Rig(runs: false)
        try await rig.ask(.POST, "/schedule-groups/g", nil, "{}")
        for number in 0..<5 {
            let more = number == 4 ? #""GroupName":"g""# : number == 3 ? #""State":"DISABLED""# : ""
            try await rig.create("s\(number)", Rig.document("rate(1 day)", to: Rig.queue, "", more))
        }
        func all(_ query: String) async throws -> [String] {
            var (names, token) = ([String](), "")
            repeat {
                let answer = try await rig.ask(.GET, "/schedules", "MaxResults=2&\(query)\(token)")
                let page = answer["Schedules"]?.elements ?? []
                #expect(page.count <= 2)
                names += page.compactMap { $0["Name"]?.string }
                token = answer["NextToken"]?.string.map { "&NextToken=\(PercentEncoding.encode($0))" } ?? ""
            } while !token.isEmpty
            return names
        }
        #expect(try await all("") == ["s0", "s1", "s2", "s3", "s4"])
        #expect(try await all("ScheduleGroup=default") == ["s0", "s1", "s2", "s3"])
        #expect(try await all("State=DISABLED") == ["s3"])
        #expect(try await all("NamePrefix=s4") == ["s4"])
        #expect(try await all("NamePrefix=x") == [])
        #expect(
            await rig.refusal(.GET, "/schedules", "ScheduleGroup=h")
                == "ResourceNotFoundException: Schedule group h does not exist.")
        #expect(
            await rig.refusal(.GET, "/schedules", "NextToken=%21") == "ValidationException: Invalid NextToken.")
        let groups = try await rig.ask(.GET, "/schedule-groups")
        #expect(groups["ScheduleGroups"]?.elements.compactMap { $0["Name"]?.string } == ["default", "g"])
        let first = try await rig.ask(.GET, "/schedule-groups", "MaxResults=1")
        #expect(first["NextToken"]?.string != nil)
    }

    @Test func aGroupTakesItsSchedulesWithIt() async throws {
        let rig = try Rig(runs: false)
        try await rig.ask(.POST, "/schedule-groups/g", nil, "{}")
        try await rig.create("s", Rig.document("rate(1 day)", to: Rig.queue, "", #""GroupName":"g""#))
        try await rig.ask(.DELETE, "/schedule-groups/g")
        #expect(
            await rig.refusal(.GET, "/schedules/s", "groupName=g")
                == "ResourceNotFoundException: Schedule group g does not exist.")
        let left = try await rig.database.read { try $0.query("SELECT name FROM timetable", []).count }
        #expect(left == 0)
        #expect(await rig.refusal(.DELETE, "/schedule-groups/default")?.hasPrefix("ValidationException") == true)
    }

    /// What comes again with its token is done once.
    @Test func tokensMakeRequestsOne() async throws {
        let rig = try Rig(runs: false)
        let document = Rig.document("rate(1 day)", to: Rig.queue, "", #""ClientToken":"t""#)
        try await rig.create("s", document)
        try await rig.create("s", document)
        #expect(
            await rig.refusal(.POST, "/schedules/s", nil, Rig.document("rate(1 day)"))
                == "ConflictException: Schedule s already exists.")
        #expect(await rig.refusal(.POST, "/schedules/other", nil, document)?.hasPrefix("ConflictException") == true)
        try await rig.ask(.DELETE, "/schedules/s", "clientToken=u")
        try await rig.ask(.DELETE, "/schedules/s", "clientToken=u")
        #expect(
            await rig.refusal(.DELETE, "/schedules/s", "clientToken=v")
                == "ResourceNotFoundException: Schedule s does not exist.")
        rig.clock.advance(seconds: 8 * 3_600)
        try await rig.create("s", document)
    }

    @Test func groupsHaveTags() async throws {
        let rig = try Rig()
        let path = "/tags/\(PercentEncoding.encode("\(Self.arn):schedule-group/g"))"
        try await rig.ask(.POST, "/schedule-groups/g", nil, #"{"Tags":[{"Key":"a","Value":"1"}]}"#)
        try await rig.ask(.POST, path, nil, #"{"Tags":[{"Key":"b","Value":"2"},{"Key":"a","Value":"3"}]}"#)
        let tags = try await rig.ask(.GET, path)["Tags"]?.elements.map {
            "\($0["Key"]?.string ?? "")=\($0["Value"]?.string ?? "")"
        }
        #expect(tags == ["a=3", "b=2"])
        try await rig.ask(.DELETE, path, "TagKeys=a&TagKeys=c")
        #expect(try await rig.ask(.GET, path)["Tags"]?.elements.count == 1)
    }

    @Test(arguments: [
        (#""ScheduleExpression":"x""#, "Invalid Schedule Expression x."),
        (#""ScheduleExpression":"cron(0 1 * * * *)""#, "Invalid Schedule Expression cron(0 1 * * * *)."),
        (
            #""Target":{"Arn":"x","RoleArn":"arn:aws:iam::000000000000:role/r"}"#,
            "Provided Arn is not in correct format."
        ),
        (
            #""Target":{"Arn":"arn:aws:events:us-east-1:000000000000:api-destination/a/b","RoleArn":"arn:aws:iam::000000000000:role/r"}"#,
            "Provided Arn is not in correct format."
        ),
        (#""StartDate":1767225000"#, "The StartDate you specify cannot be earlier than 5 minutes ago."),
        (
            #""Target":{"Arn":"arn:aws:scheduler:::aws-sdk:sqs:sendMessage","RoleArn":"arn:aws:iam::000000000000:role/r"}"#,
            "Invalid RequestJson provided. Reason Request payload is missing the following field(s): "
                + "MessageBody, QueueUrl."
        ),
    ])
    func whatIsNoScheduleIsRefused(_ member: String, _ message: String) async throws {
        let rig = try Rig()
        var members = [
            #""FlexibleTimeWindow":{"Mode":"OFF"}"#, #""ScheduleExpression":"rate(1 day)""#,
            #""Target":{"Arn":"\#(Rig.queue)","RoleArn":"\#(Rig.role)"}"#,
        ]
        members.removeAll { $0.prefix(while: { $0 != ":" }) == member.prefix(while: { $0 != ":" }) }
        let document = "{\((members + [member]).joined(separator: ","))}"
        #expect(await rig.refusal(.POST, "/schedules/s", nil, document) == "ValidationException: \(message)")
    }

    /// Targets and members that AWS has and that nothing here does: said, not ignored.
    @Test func whatIsMissingIsSaid() async throws {
        let rig = try Rig()
        for target in [
            "arn:aws:states:us-east-1:000000000000:stateMachine:s", "arn:aws:kinesis:us-east-1:000000000000:stream/s",
            "arn:aws:scheduler:::aws-sdk:ec2:stopInstances",
        ] {
            let refusal = await rig.refusal(.POST, "/schedules/s", nil, Rig.document("rate(1 day)", to: target))
            #expect(refusal?.hasPrefix("NotImplementedException") == true, "\(target)")
        }
        let key = #""KmsKeyArn":"arn:aws:kms:us-east-1:000000000000:key/k""#
        let refusal = await rig.refusal(.POST, "/schedules/s", nil, Rig.document("rate(1 day)", to: Rig.queue, "", key))
        #expect(refusal?.hasPrefix("NotImplementedException") == true)
    }
}
