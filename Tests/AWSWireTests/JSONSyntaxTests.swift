import AWSWire
import NIOCore
import Testing

@Suite struct JSONSyntaxTests {
    private func validate(_ bytes: [UInt8]) -> JSONSyntaxError? { JSONSyntax.validate(ByteBuffer(bytes: bytes)) }
    private func validate(_ text: String) -> JSONSyntaxError? { validate(Array(text.utf8)) }

    @Test(arguments: [
        "null", "true", " false\n", "0", "-0", "1.5e+10", "1E5", "-12.25", #""""#, #""a\u00e9\\\/\"\b""#, "[]", "{}",
        "[[],{}]",
        #"{"a":[1,{"b":null}],"a":2}"#, "\t[ 1 ,\r\n2 ]", #""\ud83d""#, "\"😀é\"", #"{"":""}"#,
    ])
    func accepts(text: String) {
        #expect(validate(text) == nil)
    }

    @Test(arguments: [
        "", " ", "nul", "nulll", "True", "01", "-", "1.", ".5", "1e", "+1", "NaN", "[1,]", "[,1]", "{,}", #"{"a"}"#,
        #"{"a":}"#,
        #"{"a":1,}"#, "{a:1}", "{'a':1}", "[1 2]", #"{"a":1 "b":2}"#, "[", "{", "]", "}", "[}", "{]", #"""#, #""a"#,
        #""\x""#,
        #""\u12g4""#, #""\"#, "\"\n\"", "\"\t\"", "{} {}", "1 2", "[1]]", "// c\n1", "\u{feff}1", "--1", "1a",
        "truefalse",
    ])
    func refuses(text: String) {
        #expect(validate(text) != nil)
    }

    // Unicode 15, table 3-7: the well-formed byte sequences.
    @Test(
        arguments: [
            [0x80], [0xc0, 0x80], [0xc1, 0xbf], [0xc3], [0xe0, 0x80, 0x80], [0xe2, 0x82], [0xed, 0xa0, 0x80],
            [0xf0, 0x80, 0x80, 0x80],
            [0xf4, 0x90, 0x80, 0x80], [0xf5, 0x80, 0x80, 0x80], [0xff], [0xe2, 0x28, 0xa1],
        ] as [[UInt8]])
    func refusesIllFormedUTF8(bytes: [UInt8]) {
        #expect(validate([0x22] + bytes + [0x22]) != nil)
    }

    // Recorded from AWS by LocalStack: tests/aws/services/lambda_/test_lambda.snapshot.json,
    // test_lambda_invoke_payload_encoding_error.
    @Test func saysWhatAWSSaysOfBinaryPayloads() {
        let place = "at [Source: REDACTED (`StreamReadFeature.INCLUDE_SOURCE_IN_LOCATION` disabled); line: 1, column: "
        let unexpected = validate(Array("\u{99}".unicodeScalars.map { UInt8($0.value) }) + [0xeb, 0x2c, 0x6a, 0x07])
        #expect(
            unexpected?.description
                == "Unexpected character ((CTRL-CHAR, code 153)): expected a valid value (JSON String, Number, Array, Object or "
                + "token 'null', 'true' or 'false')\n \(place)1]")
        let start = validate([0x6e, 0x87, 0x72, 0x9e])
        #expect(start?.description == "Invalid UTF-8 start byte 0x87\n \(place)3]")
    }

    // The wording is that of Jackson's parser (ReaderBasedJsonParser and ParserMinimalBase), which AWS's answers show.
    @Test(arguments: [
        (
            "hello", 1, 6,
            "Unrecognized token 'hello': was expecting (JSON String, Number, Array, Object or token 'null', 'true' or 'false')"
        ),
        ("{a:1}", 1, 2, "Unexpected character ('a' (code 97)): was expecting double-quote to start field name"),
        (
            "{\n\"a\" 1}", 2, 5,
            "Unexpected character ('1' (code 49)): was expecting a colon to separate field name and value"
        ),
        ("[1 2]", 1, 4, "Unexpected character ('2' (code 50)): was expecting comma to separate Array entries"),
        (
            #"{"a":1 "b":2}"#, 1, 8,
            "Unexpected character ('\"' (code 34)): was expecting comma to separate Object entries"
        ),
        (#"["\x"]"#, 1, 5, "Unrecognized character escape 'x' (code 120)"),
    ])
    func namesPlaceAndReason(text: String, line: Int, column: Int, reason: String) {
        let error = validate(text)
        #expect(error?.line == line)
        #expect(error?.column == column)
        #expect(error?.reason == reason)
    }

    @Test func namesTheContainerThatWasLeftOpen() {
        let error = validate("{\"a\":\n [1, {\"]\": 2}")
        #expect(
            error?.reason
                == "Unexpected end-of-input: expected close marker for Array (start marker at [Source: REDACTED "
                + "(`StreamReadFeature.INCLUDE_SOURCE_IN_LOCATION` disabled); line: 2, column: 2])")
    }

    @Test(arguments: [("[1}", 3), ("[}", 2), (#"{"a":[]]"#, 8), (#"{"]":[2}"#, 8)])
    func namesTheContainerThatIsClosedWrongly(text: String, end: Int) {
        let error = validate(text)
        let isArray = text != #"{"a":[]]"#
        #expect(error?.column == end + 1)
        #expect(
            error?.reason.hasPrefix(
                isArray
                    ? "Unexpected close marker '}': expected ']' (for Array"
                    : "Unexpected close marker ']': expected '}' (for Object") == true)
    }

    @Test func limitsDepth() {
        let deepest = String(repeating: "[", count: 1000) + String(repeating: "]", count: 1000)
        #expect(validate(deepest) == nil)
        #expect(validate("[" + deepest + "]")?.reason.contains("nesting depth (1001)") == true)
        let objects = String(repeating: #"{"a":"#, count: 999) + "1" + String(repeating: "}", count: 999)
        #expect(validate(objects) == nil)
        #expect(validate(objects + "]") != nil)
    }

    /// Wherever in a string a byte interrupts it, the eight-byte steps must notice.
    @Test func noticesEveryByteAtEveryOffset() {
        for length in 0..<20 {
            for at in 0...length {
                for (byte, isValid) in [
                    (0x1f, false), (0x20, true), (0x7f, true), (0x80, false), (0xff, false), (0x00, false),
                ] {
                    var bytes = [UInt8](repeating: 0x61, count: length)
                    bytes.insert(UInt8(byte), at: at)
                    #expect((validate([0x22] + bytes + [0x22]) == nil) == isValid, "\(byte) at \(at) of \(length)")
                }
            }
        }
    }
}
