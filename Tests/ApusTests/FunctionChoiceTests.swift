import AWSWire
import NIOCore
import Testing
import TestSupport

@testable import apus

/// The requests of `apus deploy`, by the shapes of CreateFunction and UpdateFunctionConfiguration.
@Suite struct FunctionChoiceTests {
    private let plain = FunctionChoice(
        name: "f", runtime: "python3.13", handler: "app.handler", memory: nil, timeout: nil, variables: [])

    @Test func creationCarriesCodeAndSettings() throws {
        var choice = plain
        choice.memory = 256
        choice.timeout = 9
        choice.variables = [("A", "1"), ("B", "x=y")]
        let body = try JSONValue(parsing: choice.creation(zip: [1, 2, 3], role: "arn:aws:iam::000000000000:role/r"))
        #expect(body["FunctionName"]?.string == "f")
        #expect(body["Runtime"]?.string == "python3.13")
        #expect(body["Handler"]?.string == "app.handler")
        #expect(body["Role"]?.string == "arn:aws:iam::000000000000:role/r")
        // RFC 4648: the bytes 1, 2, 3.
        #expect(body["Code"]?["ZipFile"]?.string == "AQID")
        #expect(body["MemorySize"]?.int == 256)
        #expect(body["Timeout"]?.int == 9)
        #expect(body["Environment"]?["Variables"]?["B"]?.string == "x=y")
    }

    @Test func anImageIsNamedAndNothingElse() throws {
        let image = FunctionChoice(name: "f", runtime: "", handler: "", memory: 256, timeout: nil, variables: [])
        let body = try JSONValue(
            parsing: image.creation(image: "a.b/c:d", role: "arn:aws:iam::000000000000:role/r"))
        #expect(body["PackageType"]?.string == "Image" && body["Code"]?["ImageUri"]?.string == "a.b/c:d")
        #expect(body["Runtime"] == nil && body["Handler"] == nil && body["MemorySize"]?.int == 256)
        #expect(try JSONValue(parsing: FunctionChoice.code(image: "a.b/c:d"))["ImageUri"]?.string == "a.b/c:d")
        let existing = try JSONValue(parsing: .init(string: #"{"PackageType":"Image"}"#))
        let change = try #require(image.change(from: existing))
        #expect(try JSONValue(parsing: change)["Runtime"] == nil)
    }

    @Test func nothingChangesWhereNothingIsAsked() throws {
        let existing = try JSONValue(parsing: .init(string: #"{"Runtime":"python3.13","Handler":"app.handler"}"#))
        #expect(plain.change(from: existing) == nil)
        var choice = plain
        choice.handler = "app.other"
        let change = try #require(choice.change(from: existing))
        let body = try JSONValue(parsing: change)
        #expect(body["Handler"]?.string == "app.other")
        #expect(body["MemorySize"] == nil)
        #expect(body["Environment"] == nil)
    }
}

@Suite struct CredentialsFileTests {
    @Test func whatIsWrittenIsRead() throws {
        let directory = TemporaryDirectory()
        let written = CredentialsFile(
            accessKeyID: "AKIA", secretAccessKey: "a/b+c=d", account: "000000000000", region: "us-east-1",
            endpoint: "http://127.0.0.1:4566")
        try written.write(in: directory.path)
        let read = try CredentialsFile.read(in: directory.path)
        #expect(read.secretAccessKey == "a/b+c=d")
        #expect(read.endpoint == "http://127.0.0.1:4566")
    }

    @Test func aDamagedFileIsRefused() {
        let directory = TemporaryDirectory()
        directory.write("credentials", "access_key_id=AKIA\n")
        #expect(throws: DataDirectoryError.self) { try CredentialsFile.read(in: directory.path) }
    }
}
