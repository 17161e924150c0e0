import AWSWire
import Archive
import Fleet
import Images
import NIOCore
import NIOHTTP1
import Runtimes
import Storage
import Testing
import TestSupport

@testable import LambdaService

/// Image functions without any image: what is kept, answered and collected. The members and sentences are those that
/// LocalStack recorded of AWS in TestLambdaImages (test_lambda_api.snapshot.json) unless said otherwise.
@Suite struct ImageTests {
    private static let uri = "123456789012.dkr.ecr.us-east-1.amazonaws.com/app:one"
    private static let first = String(repeating: "1a", count: 32)
    private static let second = String(repeating: "2b", count: 32)

    private func harness(_ directory: TemporaryDirectory? = nil, grace: Duration = .seconds(960)) throws -> Harness {
        let apus = try Harness(in: directory, grace: grace)
        apus.images.set(
            Self.uri,
            .success(
                ResolvedImage(
                    digest: Self.first, entryPoint: ["/entry"], command: ["app.handler"],
                    environment: ["AA=1", "PATH=/x", "odd"], workingDirectory: "/work")))
        return apus
    }

    private func create(_ apus: Harness, _ members: String = "", uri: String = Self.uri) async throws -> Harness.Answer
    {
        let body = """
            {"FunctionName":"f","Role":"\(Harness.role)","PackageType":"Image","Code":{"ImageUri":"\(uri)"}\(members)}
            """
        return try await apus.send(.POST, "/2015-03-31/functions", body: body)
    }

    /// The worker, which the caller ends.
    private func work(_ apus: Harness) -> Task<Void, Never> { Task { await apus.service.run() } }

    /// Waits until the function's deployment has ended.
    private func settle(_ apus: Harness) async throws {
        let hasEnded = try await eventually {
            let found = try await apus.configuration("f")
            return found["State"]?.string != "Pending" && found["LastUpdateStatus"]?.string != "InProgress"
        }
        try #require(hasEnded)
    }

    /// What the fleet would start.
    private func version(_ apus: Harness) async throws -> FunctionVersion {
        let function = try #require(
            try await apus.service.cache.load(
                FunctionTarget(FunctionKey(account: Harness.account, region: Harness.region, name: "f"))))
        return try function.choose().ready()
    }

    @Test func becomesActiveWithItsDigest() async throws {
        let apus = try harness()
        let worker = work(apus)
        defer { worker.cancel() }
        let made = try await create(apus)
        #expect(made.status == 201)
        #expect(try made.json["CodeSha256"]?.string == Self.first && made.json["CodeSize"]?.int == 0)
        #expect(try made.json["State"]?.string == "Pending" && made.json["PackageType"]?.string == "Image")
        let missing: Set = ["Runtime", "Handler", "RuntimeVersionConfig", "ImageConfigResponse", "Layers"]
        #expect(try made.members.isDisjoint(with: missing))
        try await settle(apus)
        #expect(try await apus.configuration("f")["State"]?.string == "Active")
        #expect(apus.directory.names("code") == ["image-" + Self.first] && apus.images.unpacked == [Self.first])
        let code = try await apus.send(.GET, "/2015-03-31/functions/f").json["Code"]
        #expect(Set(code?.members.map(\.name) ?? []) == ["RepositoryType", "ImageUri", "ResolvedImageUri"])
        #expect(code?["RepositoryType"]?.string == "ECR" && code?["ImageUri"]?.string == Self.uri)
        #expect(
            code?["ResolvedImageUri"]?.string
                == "123456789012.dkr.ecr.us-east-1.amazonaws.com/app@sha256:\(Self.first)")
    }

    @Test func startsWhatTheImageSays() async throws {
        let apus = try harness()
        let worker = work(apus)
        defer { worker.cancel() }
        _ = try await create(apus)
        try await settle(apus)
        let version = try await version(apus)
        #expect(version.runtime.isImage && !version.runtime.isManaged && version.code == "image-" + Self.first)
        #expect(version.runtime.arguments == ["/entry", "app.handler"] && version.runtime.workingDirectory == "/work")
        let variables = Dictionary(version.runtime.environment.map { ($0.name, $0.value) }) { $1 }
        #expect(variables["AA"] == "1" && variables["PATH"] == "/x" && variables["odd"] == nil)
    }

    /// As with other tools, a new entry point is not given the image's command.
    @Test(arguments: [
        (#"{"Command":["other"]}"#, ["/entry", "other"], "/work"),
        (#"{"EntryPoint":["sh"]}"#, ["sh"], "/work"),
        (#"{"EntryPoint":["sh"],"Command":["-c"],"WorkingDirectory":"/app1"}"#, ["sh", "-c"], "/app1"),
        (#"{"EntryPoint":[],"Command":[],"WorkingDirectory":""}"#, ["/entry", "app.handler"], "/work"),
    ])
    func imageConfigTakesThePlaceOfTheImages(config: String, arguments: [String], directory: String) async throws {
        let apus = try harness()
        let worker = work(apus)
        defer { worker.cancel() }
        let made = try await create(apus, #","ImageConfig":\#(config)"#)
        #expect(made.text.contains(#""ImageConfigResponse":{"ImageConfig":"#))
        try await settle(apus)
        let version = try await version(apus)
        #expect(version.runtime.arguments == arguments && version.runtime.workingDirectory == directory)
        let updated = try await apus.send(
            .PUT, "/2015-03-31/functions/f/configuration", body: #"{"ImageConfig":{}}"#)
        #expect(try updated.status == 200 && !updated.members.contains("ImageConfigResponse"))
    }

    @Test func anUpdateOfTheCodeKeepsTheImageConfig() async throws {
        let apus = try harness(grace: .zero)
        let worker = work(apus)
        defer { worker.cancel() }
        _ = try await create(apus, #","ImageConfig":{"Command":["other"]}"#)
        try await settle(apus)
        apus.images.set(Self.uri, .success(ResolvedImage(digest: Self.second, command: ["x"])))
        let updated = try await apus.send(
            .PUT, "/2015-03-31/functions/f/code", body: #"{"ImageUri":"\#(Self.uri)"}"#)
        #expect(try updated.status == 200 && updated.json["CodeSha256"]?.string == Self.second)
        #expect(try updated.json["LastUpdateStatus"]?.string == "InProgress")
        try await settle(apus)
        #expect(try await version(apus).runtime.arguments == ["other"])
        // The old tree goes when nothing refers to it any more.
        #expect(try await eventually { apus.directory.names("code") == ["image-" + Self.second] })
        #expect(try await apus.send(.DELETE, "/2015-03-31/functions/f").status == 204)
        #expect(try await eventually { apus.directory.names("code").isEmpty })
    }

    @Test(arguments: [
        (ImageError.denied, "ImageAccessDenied"), (.notFound, "ImageDeleted"), (.invalid(reason: "x"), "InvalidImage"),
        (.tooLarge(limit: 1), "InvalidImage"), (.tooManyFiles(limit: 1), "InvalidImage"),
        (.unavailable(reason: "x"), "InternalError"),
    ])
    func failsWithAReason(error: ImageError, code: String) async throws {
        let apus = try harness()
        let worker = work(apus)
        defer { worker.cancel() }
        apus.images.failUnpacking(with: error)
        _ = try await create(apus)
        try await settle(apus)
        let found = try await apus.configuration("f")
        #expect(found["State"]?.string == "Failed" && found["StateReasonCode"]?.string == code)
        #expect(found["LastUpdateStatus"]?.string == "Failed")
        // A better image mends it.
        apus.images.failUnpacking(with: nil)
        #expect(
            try await apus.send(.PUT, "/2015-03-31/functions/f/code", body: #"{"ImageUri":"\#(Self.uri)"}"#).status
                == 200)
        try await settle(apus)
        #expect(try await apus.configuration("f")["State"]?.string == "Active")
    }

    /// A worker that is told to stop leaves the function to the next process.
    @Test func anInterruptedDeploymentIsFinishedByTheNextProcess() async throws {
        let directory = TemporaryDirectory()
        let first = try harness(directory)
        first.images.failUnpacking(with: .cancelled)
        _ = try await create(first)
        _ = await first.service.deployer.pass()
        let worker = Task { await first.service.run() }
        worker.cancel()
        await worker.value
        #expect(try await first.configuration("f")["State"]?.string == "Pending")
        try first.database.close()

        let second = try harness(directory)
        try await second.service.prepare()
        let after = work(second)
        defer { after.cancel() }
        try await settle(second)
        #expect(try await second.configuration("f")["State"]?.string == "Active")
    }

    @Test func aLostTreeIsFetchedAgain() async throws {
        let directory = TemporaryDirectory()
        let first = try harness(directory)
        let before = work(first)
        _ = try await create(first)
        try await settle(first)
        before.cancel()
        await before.value
        try first.database.close()
        try CodeTrees(directory: directory.path + "/code", extractor: .init()).remove("image-" + Self.first)

        let second = try harness(directory)
        try await second.service.prepare()
        let worker = Task { await second.service.run() }
        #expect(try await eventually { second.images.unpacked == [Self.first] })
        worker.cancel()
        await worker.value
        #expect(try await version(second).code == "image-" + Self.first)
    }

    /// The first two sentences are recorded in issues of other projects (see LambdaService+Images.swift).
    @Test(arguments: [
        (ImageError.notFound, 400, "Source image \(uri) does not exist. Provide a valid source image."),
        (
            .unsupportedMediaType, 400,
            "The image manifest, config or layer media type for the source image \(uri) is not supported."
        ),
        (.denied, 403, "Lambda does not have permission to access the ECR image. Check the ECR permissions."),
        (.missing(program: "umoci"), 501, "Container images need umoci, which is not installed on this host."),
    ])
    func refusesWhatCannotBeResolved(error: ImageError, status: Int, message: String) async throws {
        let apus = try harness()
        apus.images.set(Self.uri, .failure(error))
        let answer = try await create(apus)
        #expect(try answer.status == status && answer.message == message)
        #expect(try await apus.send(.GET, "/2015-03-31/functions/f").status == 404)
    }

    @Test func knowsZipFunctionsFromImages() async throws {
        let apus = try harness()
        let worker = work(apus)
        defer { worker.cancel() }
        _ = try await create(apus)
        try await settle(apus)
        try await apus.deploy("zip")
        for (path, body, message) in [
            (
                "f/code", #"{"ZipFile":"eA=="}"#,
                "Please provide ImageUri when updating a function with packageType Image."
            ),
            (
                "zip/code", #"{"ImageUri":"\#(Self.uri)"}"#,
                "Please don't provide ImageUri when updating a function with packageType Zip."
            ),
            (
                "f/configuration", #"{"Layers":["arn:aws:lambda:us-east-1:111111111111:layer:a:1"]}"#,
                "Lambda layers are not supported for functions created with container images."
            ),
            (
                "zip/configuration", #"{"ImageConfig":{"Command":["x"]}}"#,
                "Please don't provide ImageConfig when updating a function with packageType Zip."
            ),
        ] {
            let answer = try await apus.send(.PUT, "/2015-03-31/functions/\(path)", body: body)
            #expect(try answer.errorType == "InvalidParameterValueException" && answer.message == message)
        }
        // No zip file downloads by an image's name.
        #expect(try await apus.service.zipFile("image-" + Self.first, account: .standard) == nil)
    }
}
