import AWSWire
import NIOHTTP1
import Storage
import Synchronization
import TestSupport
import Testing

@testable import LambdaService

/// Runtimes that need something compiled before a function can use them.
@Suite struct RuntimePreparationTests {
    @Test func aFunctionIsPendingUntilItsRuntimeIsReady() async throws {
        let (gate, opening) = AsyncStream.makeStream(of: Void.self)
        let (asked, asking) = AsyncStream.makeStream(of: String.self)
        let apus = try Harness { runtime in
            asking.yield(runtime)
            for await _ in gate { break }
            return nil
        }
        _ = try await apus.create("hello", runtime: "nodejs22.x")
        async let pass = apus.service.deployer.pass()
        #expect(await asked.first { _ in true } == "nodejs22.x")
        let pending = try await apus.configuration("hello")
        #expect(pending["State"]?.string == "Pending" && pending["StateReasonCode"]?.string == "Creating")
        #expect(try await apus.send(.POST, "/2015-03-31/functions/hello/invocations").status == 409)
        // Nothing remembers that: as soon as a client can hear that the function is active, it can be invoked.
        let target = FunctionTarget(FunctionKey(account: Harness.account, region: Harness.region, name: "hello"))
        #expect(apus.service.cache.lookup(target) == nil)
        opening.finish()
        #expect(await pass == .done)
        #expect(try await apus.configuration("hello")["State"]?.string == "Active")
    }

    /// The reason's code is of the service model's `StateReasonCode`.
    @Test func aRuntimeThatCannotBePreparedFailsTheFunction() async throws {
        let failing = Mutex(false)
        let apus = try Harness { _ in failing.withLock { $0 } ? "No compiler." : nil }
        try await apus.deploy("before")
        failing.withLock { $0 = true }
        _ = try await apus.create("hello")
        #expect(try await apus.send(.PUT, "/2015-03-31/functions/before/configuration", body: "{}").status == 200)
        await apus.settle()
        let failed = try await apus.configuration("hello")
        #expect(failed["State"]?.string == "Failed" && failed["StateReasonCode"]?.string == "InvalidRuntime")
        #expect(failed["StateReason"]?.string == "No compiler.")
        // What served before goes on serving.
        let before = try await apus.configuration("before")
        #expect(before["State"]?.string == "Active" && before["LastUpdateStatus"]?.string == "Failed")
        #expect(before["LastUpdateStatusReasonCode"]?.string == "InvalidRuntime")
        #expect(try await apus.send(.POST, "/2015-03-31/functions/before/invocations").status == 200)
    }

    /// The harness's machine has no PowerShell. What brings an executable does without, as on AWS.
    @Test func aScriptOfPowerShellNeedsItOrABootstrap() async throws {
        let apus = try Harness()
        func state(_ name: String, _ files: [(name: String, contents: String)], _ layer: [UInt8]? = nil) async throws
            -> JSONValue
        {
            var layers = ""
            if let layer {
                let answer = try await apus.send(
                    .POST, "/2018-10-31/layers/\(name)/versions",
                    body: #"{"Content":{"ZipFile":"\#(Base64.encode(layer))"}}"#)
                layers = #","Layers":["\#(try answer.json["LayerVersionArn"]?.string ?? "")"]"#
            }
            let body = """
                {"FunctionName":"\(name)","Runtime":"provided.al2023","Role":"\(Harness.role)","Handler":"app.ps1",\
                "Code":{"ZipFile":"\(Base64.encode(Zip.archive(files)))"}\(layers)}
                """
            try #require(try await apus.send(.POST, "/2015-03-31/functions", body: body).status == 201)
            await apus.settle()
            return try await apus.configuration(name)
        }
        let script = (name: "app.ps1", contents: "1")
        let failed = try await state("bare", [script])
        #expect(failed["State"]?.string == "Failed" && failed["StateReasonCode"]?.string == "InvalidRuntime")
        #expect(
            failed["StateReason"]?.string
                == "The handler app.ps1 needs a bootstrap or PowerShell (pwsh), which is not installed on this machine."
        )
        let own = try await state("own", [script, (name: "bootstrap", contents: "#!/bin/sh")])
        #expect(own["State"]?.string == "Active")
        let layer = Zip.archive([(name: "bootstrap", contents: "#!/bin/sh")])
        #expect(try await state("layered", [script], layer)["State"]?.string == "Active")
    }

    /// A new release may have a new bootstrap: it is compiled before the first request, not in it.
    @Test func aNewProcessPreparesWhatServes() async throws {
        let directory = TemporaryDirectory()
        let first = try Harness(in: directory)
        try await first.deploy("one")
        #expect(try await first.send(.POST, "/2015-03-31/functions/one/versions", body: "{}").status == 201)
        _ = try await first.create("two", runtime: "nodejs22.x")
        await first.settle()
        try first.database.close()
        let prepared = Mutex<[String]>([])
        let second = try Harness(in: directory) { runtime in
            prepared.withLock { $0.append(runtime) }
            return "not today"
        }
        try await second.service.prepare()
        #expect(prepared.withLock { $0.sorted() } == ["nodejs22.x", "python3.13"])
        #expect(try await second.send(.POST, "/2015-03-31/functions/two/invocations").status == 200)
    }
}
