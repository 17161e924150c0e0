import AWSWire
import Testing

@testable import LambdaService

@Suite struct StatesTests {
    private enum Event: CaseIterable { case update, deployed, notDeployed }

    private func settings(_ deployment: String) -> FunctionSettings {
        FunctionSettings(
            runtime: "python3.13", handler: "a.b", roleARN: "arn:aws:iam::111111111111:role/r", description: "",
            timeoutSeconds: 3, memoryMiB: 128, ephemeralStorageMiB: 512, variables: nil, architecture: "x86_64",
            code: "00", codeSize: 1, logGroup: "/aws/lambda/f", deployment: deployment)
    }

    private func newFunction() -> FunctionRecord {
        FunctionRecord(
            creating: FunctionKey(account: "111111111111", region: "us-east-1", name: "f"), settings: settings("d0"),
            tags: [:], revisionID: "r0", now: 0)
    }

    /// Every sequence of up to six events, against what the states' documentation says:
    /// https://docs.aws.amazon.com/lambda/latest/dg/functions-states.html
    @Test func followsTheDocumentedTransitions() {
        var sequences: [[Event]] = [[]]
        for _ in 0..<6 { sequences += sequences.flatMap { s in Event.allCases.map { s + [$0] } } }
        for sequence in Set(sequences.map { $0.map { "\($0)" }.joined(separator: " ") }) {
            var function = newFunction()
            var everDeployed = false
            var count = 0
            for word in sequence.split(separator: " ") {
                count += 1
                let before = function
                switch word {
                case "update":
                    guard (try? function.requireUpdatable()) != nil else { continue }
                    function.beginUpdate(settings("d\(count)"), revisionID: "r\(count)", now: Int64(count))
                    #expect(function.updateStatus == .inProgress)
                    #expect(function.state == before.state)
                    #expect(function.serving == before.serving)
                case "deployed" where function.isUnfinished:
                    function.deployed(revisionID: "r\(count)")
                    everDeployed = true
                    #expect(function.state == .active)
                    #expect(function.updateStatus == .successful)
                    #expect(function.serving == function.settings)
                case "notDeployed" where function.isUnfinished:
                    function.notDeployed(StateReason(code: "InternalError", text: "x"), revisionID: "r\(count)")
                    #expect(function.serving == before.serving)
                default: continue
                }
                #expect(function.revisionID != before.revisionID)
                #expect((function.serving != nil) == everDeployed)
                #expect((function.state == .active) == everDeployed, "\(sequence)")
            }
        }
    }

    // localstack's recorded test_lambda_concurrent_code_updates.
    @Test func refusesASecondUpdate() throws {
        var function = newFunction()
        function.deployed(revisionID: "r1")
        function.beginUpdate(settings("d2"), revisionID: "r2", now: 1)
        let error = try #require(throws: AWSError.self) { try function.requireUpdatable() }
        #expect(error.code == "ResourceConflictException")
        #expect(error.status == 409)
        #expect(
            error.message == "The operation cannot be performed at this time. An update is in progress for resource: "
                + "arn:aws:lambda:us-east-1:111111111111:function:f")
    }

    // localstack's recorded test_function_revisions_basic.
    @Test func checksTheRevision() throws {
        let function = newFunction()
        try function.requireRevision(nil)
        try function.requireRevision("r0")
        let error = try #require(throws: AWSError.self) { try function.requireRevision("wrong") }
        #expect(error.code == "PreconditionFailedException")
        #expect(error.status == 412)
    }

    // `date -u -d @1700000000.123 +%FT%T.%3N%z` and its like.
    @Test(
        arguments: [
            (0, "1970-01-01T00:00:00.000+0000"), (1_700_000_000_123, "2023-11-14T22:13:20.123+0000"),
            (951_782_400_000, "2000-02-29T00:00:00.000+0000"), (4_107_542_399_999, "2100-02-28T23:59:59.999+0000"),
            (-1, "1969-12-31T23:59:59.999+0000"),
        ] as [(Int64, String)])
    func writesInstants(_ milliseconds: Int64, _ text: String) {
        #expect(Timestamp.text(milliseconds: milliseconds) == text)
    }
}
