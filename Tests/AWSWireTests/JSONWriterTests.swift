import AWSWire
import NIOCore
import Testing

@Suite struct JSONWriterTests {
    private func written(_ body: (inout JSONWriter) -> Void) -> String {
        var writer = JSONWriter()
        body(&writer)
        return writer.buffer.text
    }

    @Test func separatesMembersAndElements() {
        let text = written { writer in
            writer.beginObject()
            writer.name("a")
            writer.int(1)
            writer.name("b")
            writer.beginArray()
            writer.beginObject()
            writer.endObject()
            writer.null()
            writer.bool(true)
            writer.bool(false)
            writer.beginArray()
            writer.endArray()
            writer.endArray()
            writer.name("c")
            writer.string("x")
            writer.endObject()
        }
        #expect(text == #"{"a":1,"b":[{},null,true,false,[]],"c":"x"}"#)
    }

    // RFC 8259, section 7: quote, backslash and U+0000 to U+001F must be escaped, nothing else.
    @Test(arguments: [
        ("", #""""#), ("plain ünï 🐦", #""plain ünï 🐦""#), ("a\"b\\c", #""a\"b\\c""#),
        ("\u{8}\t\n\u{c}\r", #""\b\t\n\f\r""#),
        ("\0\u{1f}\u{10}\u{7f}/", "\"\\u0000\\u001f\\u0010\u{7f}/\""),
    ])
    func escapesStrings(value: String, expected: String) {
        #expect(written { $0.string(value) } == expected)
    }

    @Test(
        arguments: [
            (0, "0.0"), (3, "3.0"), (-3, "-3.0"), (0.5, "0.5"), (1e300, "1e+300"),
            (1_700_000_000.123, "1700000000.123"),
            (-0.25, "-0.25"),
            (9_007_199_254_740_992, "9007199254740992.0"), (-0x1p63, "-9.223372036854776e+18"),
            (.infinity, #""Infinity""#), (-.infinity, #""-Infinity""#),
            (.nan, #""NaN""#),
        ] as [(Double, String)])
    func writesNumbers(value: Double, expected: String) {
        #expect(written { $0.double(value) } == expected)
    }

    @Test func writesExtremeIntegers() {
        #expect(written { $0.int(.min) } == "-9223372036854775808")
        #expect(written { $0.int(.max) } == "9223372036854775807")
    }

    // https://smithy.io/2.0/spec/protocol-traits.html#timestampformat-trait, epoch-seconds; whole ones as AWS does
    // (LocalStack's recording of test_basic_operations_multiple_protocols).
    @Test func writesTimestampsInSecondsWithMilliseconds() {
        #expect(written { $0.timestamp(secondsSinceEpoch: 1_515_531_081.1234) } == "1515531081.123")
        #expect(written { $0.timestamp(secondsSinceEpoch: 1_515_531_081) } == "1515531081.0")
    }

    @Test func appendsToWhatTheBufferHolds() {
        var writer = JSONWriter(into: ByteBuffer(string: "data: "))
        writer.beginArray()
        writer.raw(ByteBuffer(string: #"{"a":1}"#))
        writer.blob([0, 255])
        writer.endArray()
        #expect(writer.buffer.text == #"data: [{"a":1},"AP8="]"#)
    }
}
