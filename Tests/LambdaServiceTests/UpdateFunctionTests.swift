import AWSWire
import Fleet
import NIOHTTP1
import Testing

@testable import LambdaService

@Suite struct UpdateFunctionTests {
    private let code = "/2015-03-31/functions/hello/code"
    private let configuration = "/2015-03-31/functions/hello/configuration"
    private let other = Zip.archive([(name: "index.py", contents: "def handler(event, context): return 2\n")])

    private func codeBody(_ zip: [UInt8], _ members: String = "") -> String {
        #"{"ZipFile":"\#(Base64.encode(zip))"\#(members.isEmpty ? "" : ",")\#(members)}"#
    }

    // localstack's recorded test_function_lifecycle: update_func_conf_response and what follows.
    @Test func changesTheConfiguration() async throws {
        let apus = try Harness()
        try await apus.deploy("hello")
        let before = try await apus.configuration("hello")
        let answer = try await apus.send(
            .PUT, configuration,
            body: """
                {"Description":"Changed-Description","Environment":{"Variables":{"ENV_A":"a"}},"MemorySize":512,\
                "Runtime":"python3.11","Timeout":10,"Handler":"other.handler","EphemeralStorage":{"Size":1024}}
                """)
        #expect(answer.status == 200, "\(answer.text)")
        let json = try answer.json
        #expect(json["State"]?.string == "Active")
        #expect(json["LastUpdateStatus"]?.string == "InProgress")
        #expect(json["LastUpdateStatusReason"]?.string == "The function is being created.")
        #expect(json["LastUpdateStatusReasonCode"]?.string == "Creating")
        #expect(json["Description"]?.string == "Changed-Description")
        #expect(json["Environment"]?["Variables"]?["ENV_A"]?.string == "a")
        #expect(json["MemorySize"]?.int == 512)
        #expect(json["Timeout"]?.int == 10)
        #expect(json["Runtime"]?.string == "python3.11")
        #expect(json["Handler"]?.string == "other.handler")
        #expect(json["EphemeralStorage"]?["Size"]?.int == 1024)
        #expect(json["RevisionId"]?.string != before["RevisionId"]?.string)
        #expect(json["CodeSha256"]?.string == before["CodeSha256"]?.string)
        await apus.settle()
        let after = try await apus.configuration("hello")
        #expect(after["LastUpdateStatus"]?.string == "Successful")
        #expect(after["LastUpdateStatusReason"] == nil)
        #expect(after["RevisionId"]?.string != json["RevisionId"]?.string)
        #expect(after["MemorySize"]?.int == 512)
    }

    @Test func changesTheCode() async throws {
        let apus = try Harness()
        try await apus.deploy("hello")
        let before = try await apus.configuration("hello")
        let answer = try await apus.send(.PUT, code, body: codeBody(other))
        #expect(answer.status == 200, "\(answer.text)")
        let json = try answer.json
        #expect(json["LastUpdateStatus"]?.string == "InProgress")
        #expect(json["CodeSha256"]?.string != before["CodeSha256"]?.string)
        #expect(json["CodeSize"]?.int == other.count)
        await apus.settle()
        #expect(try await apus.configuration("hello")["LastUpdateStatus"]?.string == "Successful")
    }

    // While an update is in progress AWS runs the function as it was: functions-states.html.
    @Test func servesTheOldUntilTheNewIsInPlace() async throws {
        let apus = try Harness()
        try await apus.deploy("hello")
        let invocations = "/2015-03-31/functions/hello/invocations"
        _ = try await apus.send(.POST, invocations)
        _ = try await apus.send(.PUT, code, body: codeBody(other))
        _ = try await apus.send(.POST, invocations)
        await apus.settle()
        _ = try await apus.send(.POST, invocations)
        let versions = apus.fleet.invocations.map(\.version)
        #expect(versions.count == 3)
        #expect(versions[0].code == versions[1].code)
        #expect(versions[0].key.revision == versions[1].key.revision)
        #expect(versions[2].code != versions[0].code)
        #expect(versions[2].key.revision != versions[0].key.revision)
        #expect(apus.fleet.retirements.last == .init(name: "hello", revision: versions[2].key.revision))
    }

    // localstack's recorded test_lambda_concurrent_code_updates and …_config_updates.
    @Test func refusesUpdatesDuringUpdates() async throws {
        let apus = try Harness()
        try await apus.deploy("hello")
        #expect(try await apus.send(.PUT, code, body: codeBody(other)).status == 200)
        for (path, body) in [(code, codeBody(other)), (configuration, #"{"Timeout":9}"#)] {
            let answer = try await apus.send(.PUT, path, body: body)
            #expect(answer.status == 409)
            #expect(answer.errorType == "ResourceConflictException")
            #expect(
                try answer.message == "The operation cannot be performed at this time. An update is in progress for "
                    + "resource: arn:aws:lambda:us-east-1:111111111111:function:hello")
        }
    }

    @Test func ofManyUpdatesOneWins() async throws {
        let apus = try Harness()
        try await apus.deploy("hello")
        let statuses = try await withThrowingTaskGroup(of: Int.self) { group in
            for timeout in 1...8 {
                group.addTask { try await apus.send(.PUT, configuration, body: #"{"Timeout":\#(timeout)}"#).status }
            }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        #expect(statuses.filter { $0 == 200 }.count == 1)
        #expect(statuses.filter { $0 == 409 }.count == 7)
    }

    @Test func refusesUpdatesOfPendingFunctions() async throws {
        let apus = try Harness()
        _ = try await apus.create("hello")
        let answer = try await apus.send(.PUT, configuration, body: #"{"Timeout":9}"#)
        #expect(answer.status == 409)
        #expect(
            try answer.message == "The operation cannot be performed at this time. "
                + "The function is currently in the following state: Pending")
    }

    // localstack's recorded test_function_revisions_basic.
    @Test func checksTheRevision() async throws {
        let apus = try Harness()
        try await apus.deploy("hello")
        for (path, body) in [
            (code, codeBody(other, #""RevisionId":"wrong""#)), (configuration, #"{"Timeout":9,"RevisionId":"wrong"}"#),
        ] {
            let answer = try await apus.send(.PUT, path, body: body)
            #expect(answer.status == 412)
            #expect(answer.errorType == "PreconditionFailedException")
            #expect(
                try answer.message == "The Revision Id provided does not match the latest Revision Id. "
                    + "Call the GetFunction/GetAlias API to retrieve the latest Revision Id")
        }
        let revision = try #require(try await apus.configuration("hello")["RevisionId"]?.string)
        let answer = try await apus.send(.PUT, configuration, body: #"{"Timeout":9,"RevisionId":"\#(revision)"}"#)
        #expect(answer.status == 200)
    }

    @Test func dryRunsChangeNothing() async throws {
        let apus = try Harness()
        try await apus.deploy("hello")
        let before = try await apus.send(.GET, configuration).text
        let answer = try await apus.send(.PUT, code, body: codeBody(other, #""DryRun":true"#))
        #expect(answer.status == 200)
        #expect(try answer.json["LastUpdateStatus"]?.string == "Successful")
        #expect(try await apus.send(.GET, configuration).text == before)
        await apus.settle()
        #expect(try await apus.send(.GET, configuration).text == before)
        let bad = try await apus.send(.PUT, code, body: codeBody([1, 2, 3], #""DryRun":true"#))
        #expect(bad.errorType == "InvalidParameterValueException")
    }

    @Test(
        arguments: [
            (
                #"{"ImageUri":"x"}"#, "InvalidParameterValueException",
                "Please don't provide ImageUri when updating a function with packageType Zip."
            ),
            (#"{}"#, "InvalidParameterValueException", "Please provide a source for function code."),
            (#"{"S3Bucket":"bucket","S3Key":"k"}"#, "NotImplementedException", nil),
            (#"{"ZipFile":"UEsD","Publish":true}"#, "InvalidParameterValueException", nil),
        ] as [(String, String, String?)])
    func refusesCode(_ body: String, _ type: String, _ message: String?) async throws {
        let apus = try Harness()
        try await apus.deploy("hello")
        let answer = try await apus.send(.PUT, code, body: body)
        #expect(answer.errorType == type)
        if let message { #expect(try answer.message == message) }
    }

    // localstack's recorded test_update_lambda_exceptions, and the checks of CreateFunction.
    @Test(arguments: [
        #"{"Role":"r1"}"#, #"{"Runtime":"PYTHON3.9"}"#, #"{"Runtime":"python3.7"}"#, #"{"MemorySize":10241}"#,
        #"{"Timeout":0}"#, #"{"Environment":{"Variables":{"AWS_REGION":"x"}}}"#, #"{"Layers":["a"]}"#,
        #"{"TracingConfig":{"Mode":"Never"}}"#, #"{"Timeout":"x"}"#, "[]", "{", "nonsense",
    ])
    func refusesConfigurations(_ body: String) async throws {
        let apus = try Harness()
        try await apus.deploy("hello")
        let before = try await apus.send(.GET, configuration).text
        let answer = try await apus.send(.PUT, configuration, body: body)
        #expect(answer.status == 400 || answer.status == 501, "\(answer.text)")
        #expect(try await apus.send(.GET, configuration).text == before)
    }

    @Test(arguments: ["code", "configuration"])
    func findsNothing(_ kind: String) async throws {
        let apus = try Harness()
        let body = kind == "code" ? codeBody(other) : "{}"
        let answer = try await apus.send(.PUT, "/2015-03-31/functions/none/\(kind)", body: body)
        #expect(answer.status == 404)
        #expect(try answer.message == "Function not found: arn:aws:lambda:us-east-1:111111111111:function:none")
        let version = try await apus.send(.PUT, "/2015-03-31/functions/none:1/\(kind)", body: body)
        #expect(version.errorType == "InvalidParameterValueException")
    }
}
