package import NIOCore

/// Takes messages off a stream of bytes that may be cut anywhere.
package struct EventStreamDecoder: Sendable {
    package enum Failure: Error, Sendable, Hashable {
        /// A length that no message has, or more than may be.
        case length
        case preludeChecksum
        case checksum
        /// The headers do not fill their space, or one has an unknown type, no name or a name that came before.
        case headers
    }

    private var bytes = ByteBuffer()

    package init() {}

    package mutating func append(_ part: ByteBuffer) { bytes.writeImmutableBuffer(part) }

    /// Whether bytes are left that are no whole message.
    package var hasRest: Bool { bytes.readableBytes > 0 }

    /// The next message; nil when it is not all there. After a failure the stream can't be read on.
    package mutating func next() throws(Failure) -> EventStreamMessage? {
        guard let length = bytes.getInteger(at: bytes.readerIndex, as: UInt32.self),
            let headersLength = bytes.getInteger(at: bytes.readerIndex + 4, as: UInt32.self),
            let sum = bytes.getInteger(at: bytes.readerIndex + 8, as: UInt32.self),
            let prelude = bytes.getSlice(at: bytes.readerIndex, length: 8)
        else { return nil }
        guard CRC32.of(prelude) == sum else { throw .preludeChecksum }
        let overhead = EventStreamMessage.overhead
        let payloadLength = Int(length) - overhead - Int(headersLength)
        guard headersLength <= EventStreamMessage.maximumHeaders,
            (0...EventStreamMessage.maximumPayload).contains(payloadLength)
        else { throw .length }
        guard var message = bytes.readSlice(length: Int(length)) else { return nil }
        guard let summed = message.getSlice(at: message.readerIndex, length: Int(length) - 4),
            message.getInteger(at: message.readerIndex + Int(length) - 4, as: UInt32.self) == CRC32.of(summed)
        else { throw .checksum }
        message.moveReaderIndex(forwardBy: 12)
        guard let headers = message.readSlice(length: Int(headersLength)),
            let payload = message.readSlice(length: payloadLength)
        else { throw .length }
        bytes.discardReadBytes()
        return EventStreamMessage(headers: try Self.headers(headers), payload: payload)
    }

    private static func headers(_ bytes: ByteBuffer) throws(Failure) -> [EventStreamMessage.Header] {
        var bytes = bytes
        var headers: [EventStreamMessage.Header] = []
        var names: Set<String> = []
        while bytes.readableBytes > 0 {
            guard let length = bytes.readInteger(as: UInt8.self), length > 0,
                let raw = bytes.readBytes(length: Int(length)), let name = String(validating: raw, as: UTF8.self),
                names.insert(name).inserted, let value = value(&bytes)
            else { throw .headers }
            headers.append(.init(name, value))
        }
        return headers
    }

    private static func value(_ bytes: inout ByteBuffer) -> EventStreamMessage.Value? {
        switch bytes.readInteger(as: UInt8.self) {
        case 0: .bool(true)
        case 1: .bool(false)
        case 2: bytes.readInteger().map { .byte($0) }
        case 3: bytes.readInteger().map { .short($0) }
        case 4: bytes.readInteger().map { .integer($0) }
        case 5: bytes.readInteger().map { .long($0) }
        case 6: variable(&bytes).map { .bytes($0) }
        case 7: variable(&bytes).flatMap { String(validating: $0, as: UTF8.self) }.map { .string($0) }
        case 8: bytes.readInteger().map { .timestamp($0) }
        case 9: bytes.readBytes(length: 16).map { .uuid($0) }
        default: nil
        }
    }

    private static func variable(_ bytes: inout ByteBuffer) -> [UInt8]? {
        bytes.readInteger(as: UInt16.self).flatMap { bytes.readBytes(length: Int($0)) }
    }
}
