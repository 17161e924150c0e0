import AWSWire
import Fleet
import NIOCore
import NIOHTTP1
import TestSupport
import Testing

@testable import LambdaService

/// The operations on function URLs; what they answer is as localstack's tests have recorded it.
@Suite struct FunctionURLTests {
    static let arn = "arn:aws:lambda:us-east-1:111111111111:function:hello"
    private static let path = "/2021-10-31/functions/hello/url"

    static func deployed() async throws -> Harness {
        let apus = try Harness()
        try await apus.deploy("hello")
        let functions = "/2015-03-31/functions/hello"
        #expect(try await apus.send(.POST, "\(functions)/versions", body: "{}").status == 201)
        let alias = #"{"Name":"live","FunctionVersion":"1"}"#
        #expect(try await apus.send(.POST, "\(functions)/aliases", body: alias).status == 201)
        return apus
    }

    @Test func lifecycle() async throws {
        let apus = try await Self.deployed()
        let made = try await apus.send(.POST, Self.path, body: #"{"AuthType":"NONE"}"#)
        #expect(made.status == 201)
        #expect(try made.members == ["FunctionUrl", "FunctionArn", "AuthType", "CreationTime"])
        #expect(try made.json["FunctionArn"]?.string == Self.arn)
        let address = try made.json["FunctionUrl"]?.string ?? ""
        let id = address.dropFirst("http://".count).prefix(32)
        #expect(address == "http://\(id).lambda-url.us-east-1.localhost:4566/")
        #expect(id.utf8.allSatisfy { (0x61...0x7a).contains($0) || (0x30...0x39).contains($0) })
        let again = try await apus.send(.POST, Self.path, body: #"{"AuthType":"NONE"}"#)
        #expect(again.status == 409)
        #expect(
            try again.message
                == "Failed to create function url config for [functionArn = \(Self.arn)]. Error message:  "
                + "FunctionUrlConfig exists for this Lambda function")
        let got = try await apus.send(.GET, Self.path)
        #expect(
            try got.members
                == ["FunctionUrl", "FunctionArn", "AuthType", "CreationTime", "LastModifiedTime", "InvokeMode"])
        #expect(try got.json["InvokeMode"]?.string == "BUFFERED")
        #expect(try got.json["CreationTime"]?.string == got.json["LastModifiedTime"]?.string)
        let updated = try await apus.send(
            .PUT, Self.path, body: #"{"AuthType":"AWS_IAM","Cors":{"AllowOrigins":["*"],"MaxAge":5}}"#)
        #expect(updated.status == 200)
        #expect(
            try updated.members
                == ["FunctionUrl", "FunctionArn", "AuthType", "Cors", "CreationTime", "LastModifiedTime"])
        #expect(try updated.json["FunctionUrl"]?.string == address)
        #expect(try updated.json["AuthType"]?.string == "AWS_IAM")
        let cors = try await apus.send(.PUT, Self.path, body: #"{"Cors":{}}"#)
        #expect(try cors.json["Cors"] == nil)
        #expect(try cors.json["AuthType"]?.string == "AWS_IAM")
        let deleted = try await apus.send(.DELETE, Self.path)
        #expect(deleted.status == 204 && deleted.text.isEmpty)
        #expect(try await apus.send(.GET, Self.path).message == "The resource you requested does not exist.")
        let remade = try await apus.send(.POST, Self.path, body: #"{"AuthType":"NONE"}"#)
        #expect(try remade.json["FunctionUrl"]?.string != address)
    }

    // localstack's recorded test_url_config_list_paging.
    @Test func lists() async throws {
        let apus = try await Self.deployed()
        let list = "/2021-10-31/functions/hello/urls"
        #expect(try await apus.send(.GET, list).text == #"{"FunctionUrlConfigs":[]}"#)
        for query in [nil, "Qualifier=live"] {
            #expect(try await apus.send(.POST, Self.path, query: query, body: #"{"AuthType":"NONE"}"#).status == 201)
        }
        let all = try await apus.send(.GET, list).json["FunctionUrlConfigs"]?.elements ?? []
        #expect(all.map { $0["FunctionArn"]?.string } == [Self.arn, Self.arn + ":live"])
        #expect(Set(all.compactMap { $0["FunctionUrl"]?.string }).count == 2)
        let first = try await apus.send(.GET, list, query: "MaxItems=1").json
        #expect(first["FunctionUrlConfigs"]?.elements.map { $0["FunctionArn"]?.string } == [Self.arn])
        let marker = try #require(first["NextMarker"]?.string)
        let second = try await apus.send(.GET, list, query: "MaxItems=1&Marker=\(PercentEncoding.encode(marker))").json
        #expect(second["FunctionUrlConfigs"]?.elements.map { $0["FunctionArn"]?.string } == [Self.arn + ":live"])
        #expect(second["NextMarker"] == nil)
        #expect(try await apus.send(.GET, list, query: "Marker=x").errorType == "InvalidParameterValueException")
        let missing = try await apus.send(.GET, "/2021-10-31/functions/none/urls")
        #expect(try missing.message == "Function does not exist")
    }

    // localstack's recorded test_url_config_exceptions.
    @Test func refuses() async throws {
        let apus = try await Self.deployed()
        let body = #"{"AuthType":"NONE"}"#
        func url(_ name: String) -> String { "/2021-10-31/functions/\(name)/url" }
        for method in [HTTPMethod.POST, .PUT, .GET, .DELETE] {
            let unknown = try await apus.send(method, url("none"), body: body)
            #expect(unknown.errorType == "ResourceNotFoundException")
            let changes = method == .POST || method == .PUT
            let message = changes ? "Function does not exist" : "The resource you requested does not exist."
            #expect(try unknown.message == message)
            let alias = try await apus.send(method, url("hello"), query: "Qualifier=none", body: body)
            #expect(try alias.message == message)
            for qualifier in ["1", "2", "$LATEST"] {
                let answer = try await apus.send(method, url("hello"), query: "Qualifier=\(qualifier)", body: body)
                #expect(answer.errorType == "ValidationException")
                #expect(
                    try answer.message
                        == "1 validation error detected: Value '\(qualifier)' at 'qualifier' failed to satisfy "
                        + #"constraint: Member must satisfy regular expression pattern: ((?!^\d+$)^[0-9a-zA-Z-_]+$)"#)
            }
            let mismatch = try await apus.send(method, url("hello:live"), query: "Qualifier=other", body: body)
            #expect(mismatch.errorType == "InvalidParameterValueException")
        }
        #expect(try await apus.send(.PUT, Self.path, body: body).errorType == "ResourceNotFoundException")
        let mode = try await apus.send(.POST, Self.path, body: #"{"AuthType":"NONE","InvokeMode":"UNKNOWN"}"#)
        // The recorded message lists the values in another order than the model does.
        #expect(
            try mode.message.hasPrefix(
                "1 validation error detected: Value 'UNKNOWN' at 'invokeMode' failed to satisfy constraint: "
                    + "Member must satisfy enum value set: ["))
        #expect(try await apus.send(.POST, Self.path, body: "{}").errorType == "ValidationException")
        #expect(try await apus.send(.POST, Self.path, body: "{").status == 400)
    }

    @Test(arguments: [
        ("http://127.0.0.1:4566", "http://ID.lambda-url.eu-west-1.localhost:4566/"),
        ("http://localhost", "http://ID.lambda-url.eu-west-1.localhost/"),
        ("http://[::1]:4566", "http://ID.lambda-url.eu-west-1.localhost:4566/"),
        ("http://apus.example.com:80", "http://ID.lambda-url.eu-west-1.apus.example.com:80/"),
        ("http://10.0.0.5:4566", "http://10.0.0.5:4566/_apus/url/ID/"),
        ("http://[fd00::5]:4566", "http://[fd00::5]:4566/_apus/url/ID/"),
    ])
    func addresses(_ endpoint: String, _ address: String) {
        #expect(FunctionURLAddress.text("ID", region: "eu-west-1", endpoint: endpoint) == address)
    }

    @Test func readsAddresses() throws {
        let id = String(repeating: "a1", count: 16)
        let host = try #require(FunctionURLAddress.parse(host: "\(id.uppercased()).lambda-url.eu-west-1.localhost:80"))
        #expect(host.id == id && host.region == "eu-west-1")
        for other in ["localhost:4566", "lambda.eu-west-1.amazonaws.com", "a.lambda-url.b.c", id, "\(id).lambda.b.c"] {
            #expect(FunctionURLAddress.parse(host: other) == nil)
        }
        let path = try #require(FunctionURLAddress.parse(path: "/_apus/url/\(id)/a/b"))
        #expect(path.id == id && path.rest == "/a/b")
        #expect(FunctionURLAddress.parse(path: "/_apus/url/\(id)")?.rest == "/")
        #expect(FunctionURLAddress.parse(path: "/_apus/code/x") == nil)
    }
}
