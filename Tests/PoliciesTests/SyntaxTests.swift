import NIOCore
import TestSupport
import Testing

@testable import Policies

@Suite struct SyntaxTests {
    // What AWS shows of a function's policy, from localstack's recorded test_add_lambda_permission_fields.
    private static let samples = [
        #"""
        {"Version":"2012-10-17","Id":"default","Statement":[{"Sid":"urlPermission","Effect":"Allow","Principal":"*",\#
        "Action":"lambda:InvokeFunctionUrl","Resource":"arn:aws:lambda:us-east-1:111111111111:function:f",\#
        "Condition":{"StringEquals":{"AWS:SourceAccount":"111111111111","lambda:FunctionUrlAuthType":"NONE"},\#
        "ArnLike":{"AWS:SourceArn":"arn:aws:s3:::b"}}},{"Sid":"s3","Effect":"Allow",\#
        "Principal":{"Service":"s3.amazonaws.com"},"Action":"lambda:InvokeFunction",\#
        "Resource":"arn:aws:lambda:us-east-1:111111111111:function:f"}]}
        """#,
        #"""
        {"Version":"2008-10-17","Statement":[{"Effect":"Deny","NotPrincipal":{"AWS":["1","2"],"Service":"a"},\#
        "NotAction":["a:b","c:*"],"NotResource":["x","y"],"Condition":{"Bool":{"k":["true","false"]},\#
        "ForAnyValue:StringLikeIfExists":{"l":"*"}}}]}
        """#,
        #"{"Statement":[]}"#,
    ]

    @Test(arguments: samples)
    func readsWhatItWrites(_ text: String) throws {
        let document = try PolicyDocument(parsing: ByteBuffer(string: text))
        #expect(String(buffer: document.json) == text)
    }

    @Test func readsLooserForms() throws {
        let text = """
            {"Statement":{"Effect":"Allow","Principal":{"AWS":"*"},"Action":["a:b"],"Resource":["*"],
             "Condition":{"Bool":{"k":true},"NumericLessThan":{"n":[1,2.5]}}}}
            """
        let statement = try #require(PolicyDocument(parsing: ByteBuffer(string: text)).statements.first)
        #expect(statement.principals == PolicyElement([.aws("*")]))
        #expect(statement.actions == PolicyElement(["a:b"]))
        #expect(statement.conditions.map(\.values) == [["true"], ["1", "2.5"]])
    }

    @Test(arguments: [
        ("{", "not valid JSON"), ("[]", "must be an object"), ("{}", "Statement"),
        (#"{"Version":"2020-01-01","Statement":[]}"#, "2020-01-01"), (#"{"Statement":[1]}"#, "must be an object"),
        (#"{"Statement":[],"Extra":1}"#, "Extra"), (#"{"Statement":[],"Statement":[]}"#, "Duplicate"),
        (#"{"Statement":[{"Action":"a:b"}]}"#, "Effect"),
        (#"{"Statement":[{"Effect":"Maybe","Action":"a:b"}]}"#, "Maybe"),
        (#"{"Statement":[{"Effect":"Allow"}]}"#, "Action"),
        (#"{"Statement":[{"Effect":"Allow","Action":"a","NotAction":"b"}]}"#, "not both"),
        (#"{"Statement":[{"Effect":"Allow","Action":1}]}"#, "must be a string"),
        (#"{"Statement":[{"Effect":"Allow","Action":"a","Principal":"you"}]}"#, "principal"),
        (#"{"Statement":[{"Effect":"Allow","Action":"a","Principal":{"Bird":"x"}}]}"#, "Bird"),
        (#"{"Statement":[{"Effect":"Allow","Action":"a","Condition":{"Like":{"k":"v"}}}]}"#, "Like"),
        (#"{"Statement":[{"Effect":"Allow","Action":"a","Condition":{"Bool":1}}]}"#, "Bool"),
        (#"{"Statement":[{"Effect":"Allow","Action":"a","Condition":{"Bool":{"k":null}}}]}"#, "k"),
    ])
    func refusesOtherTexts(_ text: String, _ word: String) {
        let error = #expect(throws: PolicySyntaxError.self) { try PolicyDocument(parsing: ByteBuffer(string: text)) }
        #expect(error?.message.contains(word) == true, "\(error?.message ?? "")")
    }

    // Whatever the bytes, they are refused or make a policy that comes back from its own text and can be asked.
    @Test(arguments: 0..<8 as Range<UInt64>)
    func mutatedTexts(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        for _ in 0..<400 {
            for sample in Self.samples {
                var bytes = Array(sample.utf8)
                for _ in 0..<Int.random(in: 1...3, using: &random) {
                    let at = Int.random(in: 0..<bytes.count, using: &random)
                    switch Int.random(in: 0..<4, using: &random) {
                    case 0: bytes[at] = UInt8.random(in: 0...255, using: &random)
                    case 1: bytes.remove(at: at)
                    case 2: bytes.insert(bytes[Int.random(in: 0..<bytes.count, using: &random)], at: at)
                    default: bytes[at] = bytes[Int.random(in: 0..<bytes.count, using: &random)]
                    }
                }
                guard let document = try? PolicyDocument(parsing: ByteBuffer(bytes: bytes)) else { continue }
                #expect(try PolicyDocument(parsing: document.json) == document)
                _ = document.decide(
                    AccessRequest(
                        .service("s3.amazonaws.com"), action: "lambda:InvokeFunction", resource: "x",
                        context: ["k": ["true"], "aws:SourceArn": ["arn:aws:s3:::b"]]))
            }
        }
    }
}
