import NIOCore
import TestSupport
import Testing

@testable import AWSWire

/// application/vnd.amazon.eventstream. The first vectors are those of botocore's tests
/// (tests/unit/test_eventstream.py), which all AWS SDKs share.
@Suite struct EventStreamTests {
    private static let vectors: [(bytes: [UInt8], message: EventStreamMessage)] = [
        (
            [0, 0, 0, 0x10, 0, 0, 0, 0, 0x05, 0xc2, 0x48, 0xeb, 0x7d, 0x98, 0xc8, 0xff],
            EventStreamMessage()
        ),
        (
            join(
                [0, 0, 0, 0x3d, 0, 0, 0, 0x20, 0x07, 0xfd, 0x83, 0x96, 0x0c], text("content-type"), [0x07, 0, 0x10],
                text("application/json"), text("{'foo':'bar'}"), [0x8d, 0x9c, 0x08, 0xb1]),
            EventStreamMessage(
                headers: [.init("content-type", .string("application/json"))],
                payload: ByteBuffer(string: "{'foo':'bar'}"))
        ),
        (
            join(
                [0, 0, 0, 0x1d, 0, 0, 0, 0, 0xfd, 0x52, 0x8c, 0x5a], text("{'foo':'bar'}"), [0xc3, 0x65, 0x39, 0x36]),
            EventStreamMessage(payload: ByteBuffer(string: "{'foo':'bar'}"))
        ),
        (
            join(
                [0, 0, 0, 0x1b, 0, 0, 0, 0x0b, 0xe5, 0xc0, 0xa0, 0x72, 0x05], text("event"),
                [0x04, 0, 0, 0xa0, 0x0c, 0x98, 0x7e, 0x04, 0x76]),
            EventStreamMessage(headers: [.init("event", .integer(40972))])
        ),
    ]

    private static func join(_ parts: [UInt8]...) -> [UInt8] { Array(parts.joined()) }

    private static func text(_ text: String) -> [UInt8] { Array(text.utf8) }

    private func decode(_ bytes: [UInt8]) throws -> [EventStreamMessage] {
        var decoder = EventStreamDecoder()
        decoder.append(ByteBuffer(bytes: bytes))
        var messages: [EventStreamMessage] = []
        while let message = try decoder.next() { messages.append(message) }
        #expect(!decoder.hasRest)
        return messages
    }

    @Test(arguments: 0..<4) func sharedVectors(index: Int) throws {
        let (bytes, message) = Self.vectors[index]
        #expect(Array(message.encoded().readableBytesView) == bytes)
        #expect(try decode(bytes) == [message])
    }

    static let everything = EventStreamMessage(
        headers: [
            .init("yes", .bool(true)), .init("no", .bool(false)), .init("byte", .byte(-49)),
            .init("short", .short(-2)), .init("integer", .integer(40972)), .init("long", .long(.min)),
            .init("bytes", .bytes(Array("I'm a little teapot".utf8))), .init("string", .string("häß")),
            .init("time", .timestamp(8_675_309)), .init("uuid", .uuid(Array(0..<16))),
            .init(String(repeating: "n", count: 255), .string("")),
        ], payload: ByteBuffer(bytes: 0...255))

    @Test func everyKindOfHeader() throws {
        #expect(try decode(Array(Self.everything.encoded().readableBytesView)) == [Self.everything])
        #expect(Self.everything["string"] == "häß")
        #expect(Self.everything["byte"] == nil)
    }

    @Test func framesAreTheMessageAroundItsPayload() {
        let headers = EventStreamHeaders.event("PayloadChunk", contentType: "application/octet-stream")
        for payload in [ByteBuffer(), ByteBuffer(string: "x"), ByteBuffer(repeating: 7, count: 100_000)] {
            var (frame, tail) = headers.frame(payload)
            frame.writeImmutableBuffer(payload)
            frame.writeBuffer(&tail)
            #expect(frame == headers.message(payload))
        }
    }

    @Test func splitAnywhere() throws {
        let one = Array(Self.vectors[1].bytes)
        let bytes = one + Self.vectors[0].bytes + one
        for at in 0...bytes.count {
            var decoder = EventStreamDecoder()
            var messages: [EventStreamMessage] = []
            for part in [bytes[..<at], bytes[at...]] {
                decoder.append(ByteBuffer(bytes: part))
                while let message = try decoder.next() { messages.append(message) }
            }
            #expect(messages.count == 3 && !decoder.hasRest, "split at \(at)")
        }
    }

    // The words for what is wrong are ours; that each is refused is botocore's behaviour (same file).
    @Test func brokenMessages() {
        var bytes = Self.vectors[1].bytes
        bytes[8] ^= 1
        #expect(throws: EventStreamDecoder.Failure.preludeChecksum) { try decode(bytes) }
        bytes = Self.vectors[1].bytes
        bytes[bytes.count - 6] ^= 1
        #expect(throws: EventStreamDecoder.Failure.checksum) { try decode(bytes) }
        #expect(throws: EventStreamDecoder.Failure.length) { try decode(prelude(15, 0)) }
        #expect(throws: EventStreamDecoder.Failure.length) { try decode(prelude(100, 85)) }
        #expect(throws: EventStreamDecoder.Failure.length) { try decode(prelude(.max, 0)) }
        #expect(throws: EventStreamDecoder.Failure.length) { try decode(prelude(200_000, 150_000)) }
        let twice = EventStreamMessage(headers: [.init("a", .byte(1)), .init("a", .byte(2))])
        #expect(throws: EventStreamDecoder.Failure.headers) {
            try decode(Array(twice.encoded().readableBytesView))
        }
    }

    private func prelude(_ length: UInt32, _ headers: UInt32) -> [UInt8] {
        var bytes = ByteBuffer(integer: length)
        bytes.writeInteger(headers)
        bytes.writeInteger(CRC32.of(bytes))
        return Array(bytes.readableBytesView)
    }

    /// Mutated bytes, half of them with checksums that fit again, are refused or give messages that encode to the same
    /// bytes; never more bytes are taken than there are.
    @Test(arguments: 0..<16) func mutations(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        for _ in 0..<500 {
            var bytes = random.mutated(Array(Self.everything.encoded().readableBytesView))
            if Bool.random(using: &random) { bytes = Self.summed(bytes) }
            var decoder = EventStreamDecoder()
            var rest = bytes[...]
            var encoded = 0
            do {
                while !rest.isEmpty {
                    let count = Int.random(in: 1...rest.count, using: &random)
                    decoder.append(ByteBuffer(bytes: rest.prefix(count)))
                    rest = rest.dropFirst(count)
                    while let message = try decoder.next() {
                        let again = Array(message.encoded().readableBytesView)
                        #expect(bytes[encoded..<(encoded + again.count)].elementsEqual(again))
                        encoded += again.count
                    }
                }
                #expect(encoded <= bytes.count)
            } catch {
                // Refused with a failure of the decoder's own, which is all that it may throw, and without a trap.
                continue
            }
        }
    }

    /// The bytes with lengths and checksums made to fit.
    private static func summed(_ bytes: [UInt8]) -> [UInt8] {
        guard bytes.count >= 16 else { return bytes }
        var message = ByteBuffer(integer: UInt32(bytes.count))
        message.writeBytes(bytes[4..<8])
        message.writeInteger(CRC32.of(message))
        message.writeBytes(bytes[12..<(bytes.count - 4)])
        message.writeInteger(CRC32.of(message))
        return Array(message.readableBytesView)
    }
}
