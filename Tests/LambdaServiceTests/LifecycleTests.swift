import AWSWire
import Archive
import Fleet
import NIOCore
import NIOHTTP1
import Storage
import Testing
import TestSupport

@testable import LambdaService

/// Deletion, garbage collection, and what a new process makes of what an old one left.
@Suite struct LifecycleTests {
    private let other = Zip.archive([(name: "index.py", contents: "def handler(event, context): return 2\n")])

    private func blobs(_ apus: Harness) async throws -> [String] { try await apus.blobs.all().map(\.hex) }

    private func trees(_ apus: Harness) -> [String] { apus.directory.names("code") }

    @Test func theWorkerDeploysAndStops() async throws {
        let apus = try Harness()
        let worker = Task { await apus.service.run() }
        _ = try await apus.create("hello")
        #expect(try await eventually { try await apus.configuration("hello")["State"]?.string == "Active" })
        // Its first environment may be made ready.
        #expect(try await eventually { apus.fleet.expected.map(\.key.name) == ["hello"] })
        worker.cancel()
        await worker.value
    }

    // A process that dies between the acknowledgement and the deployment, with and without the tree that it unpacked.
    @Test(arguments: [true, false])
    func aNewProcessFinishesWhatTheOldBegan(_ keepsTree: Bool) async throws {
        let directory = TemporaryDirectory()
        let first = try Harness(in: directory)
        #expect(try await first.create("hello").status == 201)
        try first.database.close()
        if !keepsTree {
            try CodeTrees(directory: directory.path + "/code", extractor: .init()).remove(directory.names("code")[0])
        }

        let second = try Harness(in: directory)
        try await second.service.prepare()
        let worker = Task { await second.service.run() }
        #expect(try await eventually { try await second.configuration("hello")["State"]?.string == "Active" })
        worker.cancel()
        await worker.value
        let code = try #require(directory.names("code").first)
        #expect(directory.files("code/\(code)") == ["index.py"])
        #expect(try await second.send(.POST, "/2015-03-31/functions/hello/invocations").status == 200)
    }

    // The code directory can be made again from the zip files.
    @Test func aNewProcessRestoresLostTrees() async throws {
        let directory = TemporaryDirectory()
        let first = try Harness(in: directory)
        try await first.deploy("hello")
        try first.database.close()
        try CodeTrees(directory: directory.path + "/code", extractor: .init()).remove(directory.names("code")[0])
        #expect(directory.names("code").isEmpty)

        let second = try Harness(in: directory)
        try await second.service.prepare()
        let worker = Task { await second.service.run() }
        #expect(try await eventually { directory.names("code").count == 1 })
        worker.cancel()
        await worker.value
    }

    // Died after keeping the code and before committing the function.
    @Test func aNewProcessClearsAwayWhatNobodyOwns() async throws {
        let directory = TemporaryDirectory()
        let first = try Harness(in: directory)
        try await first.deploy("hello")
        let orphan = try await first.service.code.accept(other)
        try first.database.close()
        #expect(directory.names("code").count == 2)

        let second = try Harness(in: directory)
        try await second.service.prepare()
        let worker = Task { await second.service.run() }
        #expect(try await eventually { try await trees(second).count + blobs(second).count == 2 })
        worker.cancel()
        await worker.value
        #expect(!directory.names("code").contains(orphan.code))
        #expect(try await second.send(.POST, "/2015-03-31/functions/hello/invocations").status == 200)
    }

    @Test func codeThatCannotBePutInPlaceFailsTheFunction() async throws {
        let apus = try Harness()
        _ = try await apus.create("hello")
        let code = try #require(apus.directory.names("code").first)
        try CodeTrees(directory: apus.directory.path + "/code", extractor: .init()).remove(code)
        try await apus.blobs.delete(#require(BlobID(code)))
        await apus.settle()
        let json = try await apus.configuration("hello")
        #expect(json["State"]?.string == "Failed")
        #expect(json["StateReasonCode"]?.string == "InternalError")
        #expect(json["LastUpdateStatus"]?.string == "Failed")
        let answer = try await apus.send(.POST, "/2015-03-31/functions/hello/invocations")
        #expect(answer.status == 409)
        #expect(try answer.message.hasSuffix("The function is currently in the following state: Failed"))
        // New code mends it.
        let body = #"{"ZipFile":"\#(Base64.encode(other))"}"#
        #expect(try await apus.send(.PUT, "/2015-03-31/functions/hello/code", body: body).status == 200)
        await apus.settle()
        #expect(try await apus.configuration("hello")["State"]?.string == "Active")
    }

    @Test func deletes() async throws {
        let apus = try Harness(grace: .zero)
        try await apus.deploy("hello")
        let answer = try await apus.send(.DELETE, "/2015-03-31/functions/hello")
        #expect(answer.status == 204)
        #expect(answer.body.readableBytes == 0)
        #expect(apus.fleet.retirements.last == .init(name: "hello", revision: nil))
        await apus.settle()
        #expect(apus.directory.names("code").isEmpty)
        #expect(try await blobs(apus).isEmpty)
        // localstack's recorded test_ops_on_nonexisting_fn.
        for request in [
            try apus.request(.GET, "/2015-03-31/functions/hello"),
            try apus.request(.DELETE, "/2015-03-31/functions/hello"),
            try apus.request(.GET, "/2015-03-31/functions/hello/configuration"),
            try apus.request(.GET, "/2020-06-30/functions/hello/code-signing-config"),
            try apus.request(.GET, "/2019-09-30/functions/hello/concurrency"),
        ] {
            let gone = try await apus.send(request)
            #expect(gone.status == 404)
            #expect(
                gone.text
                    == #"{"Type":"User","Message":"Function not found: arn:aws:lambda:us-east-1:111111111111:function:hello"}"#
            )
        }
        #expect(try await apus.send(.POST, "/2015-03-31/functions/hello/invocations").status == 404)
        try await apus.deploy("hello")
        #expect(try await apus.send(.POST, "/2015-03-31/functions/hello/invocations").status == 200)
    }

    // localstack's recorded test_ops_with_arn_qualifier_mismatch[delete_function] and
    // test_function_name_and_qualifier_validation.
    @Test(
        arguments: [
            (
                "$LATEST", "InvalidParameterValueException",
                "$LATEST version cannot be deleted without deleting the function."
            ),
            ("alias", "InvalidParameterValueException", "Deletion of aliases is not currently supported."),
            ("1", nil, nil),
        ] as [(String, String?, String?)])
    func deletesNoVersions(_ qualifier: String, _ type: String?, _ message: String?) async throws {
        let apus = try Harness()
        try await apus.deploy("hello")
        let answer = try await apus.send(
            .DELETE, "/2015-03-31/functions/hello", query: "Qualifier=\(PercentEncoding.encode(qualifier))")
        #expect(answer.errorType == type)
        if let message { #expect(try answer.message == message) } else { #expect(answer.status == 204) }
        #expect(try await apus.send(.GET, "/2015-03-31/functions/hello").status == 200)
    }

    // An environment may run on for as long as an invocation lasts, and has its code mounted until then.
    @Test func keepsTreesForRunningEnvironments() async throws {
        let apus = try Harness(grace: .seconds(3600))
        try await apus.deploy("hello")
        let code = try #require(apus.directory.names("code").first)
        _ = try await apus.send(.DELETE, "/2015-03-31/functions/hello")
        guard case .later(let due) = await apus.service.deployer.pass() else {
            Issue.record("nothing is due")
            return
        }
        #expect(due > .seconds(3500))
        #expect(apus.directory.names("code") == [code])
        #expect(try await blobs(apus).isEmpty)
        // The same code comes back before its tree has gone.
        try await apus.deploy("again")
        #expect(await apus.service.deployer.pass() == .done)
        #expect(apus.directory.names("code") == [code])
        #expect(try await blobs(apus) == [code])
    }

    @Test func keepsWhatOthersShare() async throws {
        let apus = try Harness(grace: .zero)
        try await apus.deploy("a")
        try await apus.deploy("b")
        #expect(try await blobs(apus).count == 1)
        _ = try await apus.send(.DELETE, "/2015-03-31/functions/a")
        await apus.settle()
        #expect(apus.directory.names("code").count == 1)
        #expect(try await blobs(apus).count == 1)
        let body = #"{"ZipFile":"\#(Base64.encode(other))"}"#
        _ = try await apus.send(.PUT, "/2015-03-31/functions/b/code", body: body)
        // The old code still serves.
        #expect(apus.directory.names("code").count == 2)
        await apus.settle()
        #expect(apus.directory.names("code").count == 1)
        #expect(try await blobs(apus).count == 1)
    }

    /// Functions that come and go at once, sharing two pieces of code, never lose theirs.
    @Test func neverCollectsWhatIsComing() async throws {
        let apus = try Harness(grace: .zero)
        let worker = Task { await apus.service.run() }
        let zips = [Harness.hello, other]
        try await withThrowingTaskGroup(of: Void.self) { group in
            for task in 0..<4 {
                group.addTask {
                    for round in 0..<15 {
                        let name = "f-\(task)"
                        let answer = try await apus.create(name, zip: zips[(task + round) % 2])
                        try #require(answer.status == 201, "\(answer.text)")
                        let code = try await apus.service.record(
                            FunctionTarget(
                                name, caller: apus.request(.GET, "/").caller, action: "GetFunction")
                        ).settings.code
                        #expect(apus.directory.files("code/\(code)") == ["index.py"])
                        #expect(try await apus.blobs.contains(#require(BlobID(code))))
                        #expect(try await apus.send(.DELETE, "/2015-03-31/functions/\(name)").status == 204)
                    }
                }
            }
            try await group.waitForAll()
        }
        #expect(try await eventually { try await trees(apus).count + blobs(apus).count == 0 })
        worker.cancel()
        await worker.value
    }

    @Test func resetEmptiesEveryAccount() async throws {
        let apus = try Harness(grace: .zero)
        try await apus.deploy("hello")
        _ = try await apus.create("hello", account: "222222222222", region: "eu-west-1")
        _ = try await apus.send(
            .PUT, "/2017-10-31/functions/hello/concurrency", body: #"{"ReservedConcurrentExecutions":5}"#)
        try await apus.service.reset()
        await apus.settle()
        #expect(try await apus.send(.GET, "/2015-03-31/functions").json["Functions"]?.elements.isEmpty == true)
        let other = try await apus.send(
            .GET, "/2015-03-31/functions", account: "222222222222", region: "eu-west-1")
        #expect(try other.json["Functions"]?.elements.isEmpty == true)
        #expect(apus.reservations["hello"] == nil)
        #expect(apus.directory.names("code").isEmpty)
        #expect(try await blobs(apus).isEmpty)
        #expect(apus.fleet.retirements.filter { $0.revision == nil }.count == 2)
        #expect(try await apus.send(.POST, "/2015-03-31/functions/hello/invocations").status == 404)
    }
}
