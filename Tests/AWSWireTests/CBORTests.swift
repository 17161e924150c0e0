import NIOCore
import TestSupport
import Testing

@testable import AWSWire

/// CBOR against RFC 8949, appendix A, and against what is written here.
@Suite struct CBORTests {
    private func json(_ hex: String) throws -> String {
        var bytes: [UInt8] = []
        let digits = Array(hex)
        for index in stride(from: 0, to: digits.count, by: 2) {
            bytes.append(try #require(UInt8(String(digits[index...index + 1]), radix: 16)))
        }
        return String(buffer: try CBOR.json(ByteBuffer(bytes: bytes)))
    }

    @Test func examplesOfTheStandard() throws {
        for (hex, expected) in [
            ("00", "0"), ("17", "23"), ("1818", "24"), ("1903e8", "1000"), ("1a000f4240", "1000000"),
            ("1bffffffffffffffff", "18446744073709551615"), ("3bffffffffffffffff", "-18446744073709551616"),
            ("20", "-1"), ("3903e7", "-1000"), ("f90000", "0.0"), ("f93c00", "1.0"), ("f93e00", "1.5"),
            ("f97bff", "65504.0"),
            ("fa47c35000", "100000.0"), ("fb3ff199999999999a", "1.1"), ("f90001", "5.960464477539063e-08"),
            ("f90400", "6.103515625e-05"), ("f9c400", "-4.0"), ("fbc010666666666666", "-4.1"),
            ("f97c00", "\"Infinity\""),
            ("f9fc00", "\"-Infinity\""), ("f97e00", "\"NaN\""), ("fa7f800000", "\"Infinity\""), ("f4", "false"),
            ("f5", "true"), ("f6", "null"), ("f7", "null"), ("c11a514b67b0", "1363896240"),
            ("c1fb41d452d9ec200000", "1363896240.5"), ("40", "\"\""), ("4401020304", "\"AQIDBA==\""), ("60", "\"\""),
            ("6449455446", "\"IETF\""), ("62225c", "\"\\\"\\\\\""), ("62c3bc", "\"ü\""), ("80", "[]"),
            ("8301820203820405", "[1,[2,3],[4,5]]"), ("a0", "{}"), ("a26161016162820203", "{\"a\":1,\"b\":[2,3]}"),
            ("5f42010243030405ff", "\"AQIDBAU=\""), ("7f657374726561646d696e67ff", "\"streaming\""), ("9fff", "[]"),
            ("9f018202039f0405ffff", "[1,[2,3],[4,5]]"), ("bf61610161629f0203ffff", "{\"a\":1,\"b\":[2,3]}"),
        ] {
            #expect(try json(hex) == expected, "\(hex)")
        }
    }

    @Test func whatIsRefused() {
        for (hex, fault) in [
            ("", CBOR.Fault.truncated), ("18", .truncated), ("62ff", .truncated), ("9f", .truncated),
            ("bf6161", .truncated),
            ("5b7fffffffffffffff00", .truncated), ("9bffffffffffffffff", .truncated),
            ("bbffffffffffffffff", .truncated),
            ("0000", .trailingBytes), ("ff", .unexpected(byte: 0xff)), ("1c", .unexpected(byte: 0x1c)),
            ("1f", .unexpected(byte: 0x1f)), ("f8ff", .unexpected(byte: 0xf8)), ("f0", .unexpected(byte: 0xf0)),
            ("a10102", .key), ("bf01ff", .key), ("62fffe", .notUTF8), ("c249010000000000000000", .tag), ("c161", .tag),
            ("c1c100", .tag), ("5f6161ff", .unexpected(byte: 0x61)), ("7f7f6161ffff", .unexpected(byte: 0x7f)),
        ] {
            #expect(throws: fault, "\(hex)") { try json(hex) }
        }
        let deep = String(repeating: "9f", count: 101) + String(repeating: "ff", count: 101)
        #expect(throws: CBOR.Fault.tooDeep) { try json(deep) }
    }

    @Test func whatIsWrittenIsRead() throws {
        var random = SeededGenerator(seed: 11)
        for _ in 0..<500 {
            var text = JSONWriter()
            Self.write(&text, depth: 0, &random)
            let value = try JSONValue(parsing: text.buffer)
            var writer = CBORWriter()
            writer.write(value)
            let again = try CBOR.json(writer.buffer)
            #expect(again == text.buffer, "\(String(buffer: text.buffer)) became \(String(buffer: again))")
        }
    }

    @Test func timesAreMarked() throws {
        var writer = CBORWriter()
        writer.timestamp(secondsSinceEpoch: 1.5)
        #expect(writer.buffer == ByteBuffer(bytes: [0xc1, 0xfb, 0x3f, 0xf8, 0, 0, 0, 0, 0, 0]))
    }

    private static func write(_ writer: inout JSONWriter, depth: Int, _ random: inout SeededGenerator) {
        switch Int.random(in: 0..<(depth < 5 ? 8 : 6), using: &random) {
        case 0: writer.null()
        case 1: writer.bool(Bool.random(using: &random))
        case 2: writer.int(Int.random(in: .min ... .max, using: &random))
        case 3: writer.int(Int.random(in: -300...300, using: &random))
        case 4: writer.double(Double.random(in: -1e6...1e6, using: &random))
        case 5:
            let count = [0, 5, 23, 24, 255, 256, 70_000].randomElement(using: &random) ?? 0
            writer.string(String(repeating: "ü", count: count))
        case 6:
            writer.beginArray()
            for _ in 0..<Int.random(in: 0...4, using: &random) { write(&writer, depth: depth + 1, &random) }
            writer.endArray()
        default:
            writer.beginObject()
            for number in 0..<Int.random(in: 0...4, using: &random) {
                writer.name("n\(number)")
                write(&writer, depth: depth + 1, &random)
            }
            writer.endObject()
        }
    }
}

/// What compressed bodies become.
@Suite struct GzipTests {
    @Test func bounds() {
        let bytes = [UInt8](repeating: 7, count: 100_000)
        let packed = ByteBuffer(bytes: Gzip.compress(bytes))
        #expect(Gzip.decompress(packed, limit: 100_000) == ByteBuffer(bytes: bytes))
        #expect(Gzip.decompress(packed, limit: 99_999) == nil)
        #expect(
            Gzip.decompress(packed.getSlice(at: 0, length: packed.readableBytes - 1) ?? packed, limit: 100_000) == nil)
        #expect(Gzip.decompress(ByteBuffer(string: "no gzip"), limit: 100) == nil)
        #expect(Gzip.decompress(ByteBuffer(), limit: 100) == nil)
        #expect(Gzip.decompress(ByteBuffer(bytes: Gzip.compress([])), limit: 100) == ByteBuffer())
        var more = packed
        more.writeInteger(UInt8(0))
        #expect(Gzip.decompress(more, limit: 100_000) == nil)
    }

    @Test func pointsInTime() {
        for (text, expected) in [
            ("1970-01-01T00:00:00Z", 0.0), ("2026-01-01T00:00:00Z", 1_767_225_600),
            ("2026-01-01T01:00:00+01:00", 1_767_225_600),
            ("2025-12-31T22:30:00-0130", 1_767_225_600), ("2026-01-01T00:00:00.25Z", 1_767_225_600.25),
            ("2026-01-01T00:00:00", 1_767_225_600),
        ] {
            #expect(ISO8601.seconds(text) == expected, "\(text)")
        }
        for text in [
            "", "2026", "2026-13-01T00:00:00Z", "2026-01-01T00:00:00.Z", "2026-01-01T00:00:00+1", "1767225600",
            "2026-01-01T00:00:00ZZ",
        ] {
            #expect(ISO8601.seconds(text) == nil, "\(text)")
        }
    }
}
