import AWSWire
import FoundationEssentials
import Glibc
import Storage
import NIOHTTP1
import Fleet
import Testing
import TestSupport

@testable import LambdaService

@Suite struct VariablesAtRestTests {
    private static let secret = "hunter2-correct-horse"
    private static let members = #""Environment":{"Variables":{"PASSWORD":"\#(secret)"}}"#
    private static let invocations = "/2015-03-31/functions/hello/invocations"

    /// The files of the harness whose bytes hold the secret.
    private func leaks(_ apus: Harness) -> [String] {
        apus.directory.files("").filter { name in
            let path = apus.directory.file(name)
            guard let status = status(path), status.st_mode & S_IFMT == S_IFREG else { return false }
            return readFile(path).firstRange(of: Array(Self.secret.utf8)) != nil
        }
    }

    @Test func areNowhereInPlainText() async throws {
        let apus = try Harness()
        try await apus.deploy("hello", members: Self.members)
        _ = try await apus.send(.POST, "/2015-03-31/functions/hello/versions")
        #expect(leaks(apus).isEmpty)
        for query in [nil, "Qualifier=1"] {
            let read = try await apus.send(.GET, "/2015-03-31/functions/hello/configuration", query: query).json
            #expect(read["Environment"]?["Variables"]?["PASSWORD"]?.string == Self.secret)
        }
        let again = try Harness(in: apus.directory)
        _ = try await again.send(.POST, Self.invocations)
        #expect(again.fleet.invocations.last?.version.variables == ["PASSWORD": Self.secret])
        let changed = try await again.send(
            .PUT, "/2015-03-31/functions/hello/configuration", body: #"{"Environment":{"Variables":{"NAME":"b"}}}"#)
        #expect(changed.status == 200, "\(changed.text)")
        #expect(
            try await again.configuration("hello")["Environment"]?["Variables"]?.members.map(\.name) == ["NAME"])
    }

    // A change of something else leaves them alone; an empty set is one, too.
    @Test func outliveOtherChanges() async throws {
        let apus = try Harness()
        try await apus.deploy("hello", members: Self.members)
        let update = "/2015-03-31/functions/hello/configuration"
        let changed = try await apus.send(.PUT, update, body: #"{"Timeout":9}"#).json
        #expect(changed["Environment"]?["Variables"]?["PASSWORD"]?.string == Self.secret)
        await apus.settle()
        let emptied = try await apus.send(.PUT, update, body: #"{"Environment":{"Variables":{}}}"#).json
        #expect(emptied["Environment"]?["Variables"]?.members.isEmpty == true)
    }

    // What a version of this program without encryption has stored.
    @Test func areEncryptedAtTheNextStart() async throws {
        let apus = try Harness()
        try await apus.deploy("hello", members: Self.members)
        _ = try await apus.send(.POST, "/2015-03-31/functions/hello/versions")
        let key = FunctionKey(account: Harness.account, region: Harness.region, name: "hello")
        let plain = #"{"PASSWORD":"\#(Self.secret)"}"#
        try await apus.database.write { connection in
            let record = try #require(try FunctionRepository(connection).find(key))
            var settings = record.settings
            settings.variables = ["PASSWORD": Self.secret]
            settings.sealedVariables = nil
            let text = try FunctionRepository.json(settings)
            #expect(text.contains(#""variables":\#(plain)"#))
            try connection.execute("UPDATE lambda_functions SET settings = ?, serving = ?", [.text(text), .text(text)])
            try connection.execute("UPDATE lambda_versions SET settings = ?", [.text(text)])
        }
        let again = try Harness(in: apus.directory)
        try await again.service.prepare()
        let rows = try await again.database.read { connection in
            try connection.query(
                """
                SELECT settings AS text FROM lambda_functions UNION ALL SELECT serving FROM lambda_functions
                UNION ALL SELECT settings FROM lambda_versions
                """, []
            ).map { try $0.text("text") }
        }
        #expect(rows.count == 3)
        #expect(rows.allSatisfy { !$0.contains(Self.secret) && $0.contains("sealedVariables") })
        let read = try await again.send(.GET, "/2015-03-31/functions/hello/configuration", query: "Qualifier=1").json
        #expect(read["Environment"]?["Variables"]?["PASSWORD"]?.string == Self.secret)
    }

    // EnvironmentResponse.Error of the API model, and KMSInvalidStateException (502) of Invoke.
    @Test func sayWhenTheKeyIsLost() async throws {
        let apus = try Harness()
        try await apus.deploy("hello", members: Self.members)
        try FileManager.default.removeItem(atPath: apus.directory.file("variables.key"))
        let again = try Harness(in: apus.directory)
        let environment = try await again.configuration("hello")["Environment"]
        #expect(environment?.members.map(\.name) == ["Error"])
        #expect(environment?["Error"]?["ErrorCode"]?.string == "InvalidCiphertextException")
        let invoked = try await again.send(.POST, Self.invocations)
        #expect(invoked.status == 502)
        #expect(invoked.errorType == "KMSInvalidStateException")
        #expect(again.fleet.invocations.isEmpty)
    }
}

@Suite struct SealingKeyTests {
    @Test func isMadeOnceAndForItsOwnerAlone() throws {
        let directory = TemporaryDirectory()
        let path = directory.file("variables.key")
        let box = try SealingKey(file: path).seal(Array("text".utf8), context: "a")
        #expect(try SealingKey(file: path).open(box, context: "a") == Array("text".utf8))
        #expect(try #require(status(path)).st_mode & 0o7777 == 0o600)
        #expect(throws: SealingKey.Failure.self) { try SealingKey(file: path).open(box, context: "b") }
        #expect(throws: SealingKey.Failure.self) { try SealingKey.random().open(box, context: "a") }
    }

    @Test func refusesWhatIsNoKey() throws {
        let directory = TemporaryDirectory()
        for bytes in [[], [UInt8](repeating: 1, count: 31), [UInt8](repeating: 1, count: 33)] {
            let path = directory.write("key", bytes)
            #expect(throws: SealingKey.Failure.self) { try SealingKey(file: path) }
        }
    }

    // Any change of the bytes is found, and none brings the reader down.
    @Test func opensNothingThatWasChanged() throws {
        let key = SealingKey.random()
        let box = try key.seal(Array("some variables".utf8), context: "function")
        var generator = SeededGenerator(seed: 7)
        for _ in 0..<2000 {
            var changed = box
            switch Int.random(in: 0..<3, using: &generator) {
            case 0:
                changed[Int.random(in: 0..<box.count, using: &generator)] ^= UInt8.random(
                    in: 1...255, using: &generator)
            case 1: changed.removeLast(Int.random(in: 1...box.count, using: &generator))
            default: changed.append(UInt8.random(in: 0...255, using: &generator))
            }
            #expect(throws: SealingKey.Failure.self) { try key.open(changed, context: "function") }
        }
    }
}
