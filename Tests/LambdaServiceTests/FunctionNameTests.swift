import AWSWire
import Testing
import TestSupport

@testable import LambdaService

@Suite struct FunctionNameTests {
    private static let account = "111111111111"
    private static let arn = "arn:aws:lambda:us-east-1:111111111111:function"

    private var caller: Caller {
        get throws {
            Caller(.root(try #require(AccountID(Self.account)), accessKeyID: "AKIA"), region: "us-east-1")
        }
    }

    // The accepted forms: https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html#API_Invoke_RequestParameters
    @Test(
        arguments: [
            ("my-function", nil, nil, "my-function", nil),
            ("my-function:v1", nil, nil, "my-function", "v1"),
            ("my-function:$LATEST", nil, nil, "my-function", "$LATEST"),
            ("111111111111:function:my-function", nil, "111111111111", "my-function", nil),
            ("111111111111:my-function:1", nil, "111111111111", "my-function", "1"),
            ("function:my-function", nil, nil, "my-function", nil),
            ("us-east-1:111111111111:function:f", "us-east-1", "111111111111", "f", nil),
            ("arn:aws:lambda:us-east-1:111111111111:function:f", "us-east-1", "111111111111", "f", nil),
            (
                "arn:aws:lambda:us-gov-west-1:111111111111:function:f:alias", "us-gov-west-1", "111111111111", "f",
                "alias"
            ),
            // An ARN that ends early names a function called "function"
            // (test_function_name_and_qualifier_validation[incomplete_arn]).
            ("arn:aws:lambda:us-east-1:111111111111:function", "us-east-1", "111111111111", "function", nil),
            ("function", nil, nil, "function", nil),
            ("us-east-1", nil, nil, "us-east-1", nil),
            ("111111111111", nil, nil, "111111111111", nil),
        ] as [(String, String?, String?, String, String?)])
    func reads(_ text: String, _ region: String?, _ account: String?, _ name: String, _ qualifier: String?) {
        #expect(
            FunctionName(text) == FunctionName(region: region, account: account, name: name, qualifier: qualifier))
    }

    // Names of localstack's recorded test_function_name_and_qualifier_validation, all of which AWS refused.
    @Test(arguments: [
        "", "*", "my-function!", "my-function:invalid!", "invalid-account:function:my-function",
        "arn:aws:lambda:invalid-region:111111111111:function:my-function",
        "arn:aws:ec2:us-east-1:111111111111:instance:i-1234567890abcdef0",
        "arn:aws:lambda:us-east-1:111111111111:function:my-function:1:2",
        "function:my-function:$LATEST:extra", "arn:aws:lambda::111111111111:function:my-function",
        "arn:aws:lambda:us-east-1::function:my-function",
        "arn:aws:lambda:us-east-1:111111111111:function:my-function:$LATES", "invalid:function:name",
    ])
    func refuses(_ text: String) {
        #expect(FunctionName(text) == nil)
    }

    /// Random texts made of the words of ARNs, right and wrong, against the pattern itself.
    @Test func acceptsWhatThePatternAccepts() throws {
        let pattern = try Regex(FunctionName.pattern)
        let words = [
            "arn", "aws", "aws-cn", "awz", "lambda", "us-east-1", "us-gov-west-1", "us-iso-east-1", "eusc-de-east-1",
            "us-east-12", "US-east-1", "111111111111", "11111111111", "function", "name", "na.me", "a_b", "", "$LATEST",
            "$LATEST.PUBLISHED", "$latest", "ü", "7",
        ]
        var generator = SeededGenerator(seed: 1)
        var accepted = 0
        for _ in 0..<20_000 {
            let count = Int.random(in: 1...9, using: &generator)
            let text = (0..<count).map { _ in words.randomElement(using: &generator) ?? "" }.joined(separator: ":")
            let matches = try pattern.wholeMatch(in: text) != nil
            #expect((FunctionName(text) != nil) == matches, "\(text)")
            if matches { accepted += 1 }
        }
        #expect(accepted > 100)
    }

    @Test func putsTogetherWhatItTookApart() throws {
        var generator = SeededGenerator(seed: 2)
        let characters = Array("abcXYZ019-_")
        for _ in 0..<2000 {
            func word(_ range: ClosedRange<Int>) -> String {
                String(
                    (0..<Int.random(in: range, using: &generator)).map { _ in
                        characters.randomElement(using: &generator)!
                    })
            }
            let name = word(1...64)
            let qualifier = Bool.random(using: &generator) ? word(1...128) : nil
            let target = try FunctionTarget(
                "\(Self.arn):\(name)\(qualifier.map { ":\($0)" } ?? "")", caller: caller, action: "X")
            #expect(target.key == FunctionKey(account: Self.account, region: "us-east-1", name: name))
            #expect(target.qualifier == qualifier)
            #expect(FunctionName(target.arn) != nil)
        }
    }

    // localstack's recorded test_get_function_wrong_region.
    @Test func refusesOtherRegions() throws {
        let error = try #require(throws: AWSError.self) {
            try FunctionTarget(
                "arn:aws:lambda:eu-west-1:111111111111:function:f", caller: caller, action: "GetFunction")
        }
        #expect(error.code == "ResourceNotFoundException")
        #expect(error.message == "Functions from 'eu-west-1' are not reachable in this region ('us-east-1')")
        #expect(error.status == 404)
    }

    @Test func refusesOtherAccounts() throws {
        let error = try #require(throws: AWSError.self) {
            try FunctionTarget("222222222222:function:f", caller: caller, action: "GetFunction")
        }
        #expect(error.code == "AccessDeniedException")
        #expect(error.status == 403)
    }

    // localstack's recorded test_ops_with_arn_qualifier_mismatch.
    @Test func refusesTwoQualifiers() throws {
        let error = try #require(throws: AWSError.self) {
            try FunctionTarget("f:1", qualifier: "$LATEST", caller: caller, action: "GetFunction")
        }
        #expect(error.code == "InvalidParameterValueException")
        #expect(
            error.message == "The derived qualifier from the function name does not match the specified qualifier.")
        #expect(try FunctionTarget("f:1", qualifier: "1", caller: caller, action: "GetFunction").qualifier == "1")
    }
}
