package import NIOCore

/// One message of `application/vnd.amazon.eventstream`.
///
/// On the wire: the whole length, the headers' length, the checksum of these two, the headers, the payload, the
/// checksum of all before it. Integers are big-endian.
/// https://smithy.io/2.0/aws/amazon-eventstream.html
package struct EventStreamMessage: Sendable, Hashable {
    package struct Header: Sendable, Hashable {
        /// 1 to 255 bytes of UTF-8.
        package var name: String
        package var value: Value

        package init(_ name: String, _ value: Value) {
            self.name = name
            self.value = value
        }
    }

    package enum Value: Sendable, Hashable {
        case bool(Bool)
        case byte(Int8)
        case short(Int16)
        case integer(Int32)
        case long(Int64)
        /// Up to 65,535 bytes.
        case bytes([UInt8])
        /// Up to 65,535 bytes of UTF-8.
        case string(String)
        /// Milliseconds since 1970.
        case timestamp(Int64)
        /// 16 bytes.
        case uuid([UInt8])
    }

    package var headers: [Header]
    package var payload: ByteBuffer

    package init(headers: [Header] = [], payload: ByteBuffer = ByteBuffer()) {
        self.headers = headers
        self.payload = payload
    }

    /// The value of the first header of that name, if it is a string.
    package subscript(_ name: String) -> String? {
        guard case .string(let text) = headers.first(where: { $0.name == name })?.value else { return nil }
        return text
    }

    /// Bytes of a message besides its headers and its payload.
    package static let overhead = 16
    /// The largest that clients take: 128 KiB of headers, 24 MiB of payload.
    package static let maximumHeaders = 131_072
    package static let maximumPayload = 25_165_824
}

/// The headers of messages that differ in nothing but their payload, encoded once.
package struct EventStreamHeaders: Sendable {
    private let bytes: ByteBuffer

    package init(_ headers: [EventStreamMessage.Header]) {
        var bytes = ByteBuffer()
        for header in headers { bytes.write(header) }
        self.bytes = bytes
    }

    /// An event of a service's stream, as the AWS protocols name them.
    package static func event(_ type: String, contentType: String) -> EventStreamHeaders {
        EventStreamHeaders([
            .init(":event-type", .string(type)), .init(":content-type", .string(contentType)),
            .init(":message-type", .string("event")),
        ])
    }

    /// What goes out before and after a payload that is itself handed on as it is.
    ///
    /// - Precondition: the payload has at most ``EventStreamMessage/maximumPayload`` bytes.
    package func frame(_ payload: ByteBuffer) -> (head: ByteBuffer, tail: ByteBuffer) {
        let head = self.head(payload, capacity: 12 + bytes.readableBytes)
        var sum = CRC32()
        sum.update(head)
        sum.update(payload)
        return (head, ByteBuffer(integer: sum.value))
    }

    /// The whole message in one buffer.
    ///
    /// - Precondition: as for ``frame(_:)``.
    package func message(_ payload: ByteBuffer) -> ByteBuffer {
        var message = head(
            payload, capacity: EventStreamMessage.overhead + bytes.readableBytes + payload.readableBytes)
        message.writeImmutableBuffer(payload)
        message.writeInteger(CRC32.of(message))
        return message
    }

    private func head(_ payload: ByteBuffer, capacity: Int) -> ByteBuffer {
        precondition(payload.readableBytes <= EventStreamMessage.maximumPayload)
        var head = ByteBuffer()
        head.reserveCapacity(capacity)
        let length = EventStreamMessage.overhead + bytes.readableBytes + payload.readableBytes
        head.writeInteger(UInt32(length))
        head.writeInteger(UInt32(bytes.readableBytes))
        head.writeInteger(CRC32.of(head))
        head.writeImmutableBuffer(bytes)
        return head
    }
}

extension EventStreamMessage {
    /// - Precondition: the headers keep to their bounds.
    package func encoded() -> ByteBuffer { EventStreamHeaders(headers).message(payload) }
}

extension ByteBuffer {
    fileprivate mutating func write(_ header: EventStreamMessage.Header) {
        precondition((1...255).contains(header.name.utf8.count))
        writeInteger(UInt8(header.name.utf8.count))
        writeString(header.name)
        switch header.value {
        case .bool(let value): writeInteger(UInt8(value ? 0 : 1))
        case .byte(let value): writeTyped(2, value)
        case .short(let value): writeTyped(3, value)
        case .integer(let value): writeTyped(4, value)
        case .long(let value): writeTyped(5, value)
        case .bytes(let bytes): writeTyped(6, bytes)
        case .string(let text): writeTyped(7, Array(text.utf8))
        case .timestamp(let value): writeTyped(8, value)
        case .uuid(let bytes):
            precondition(bytes.count == 16)
            writeInteger(UInt8(9))
            writeBytes(bytes)
        }
    }

    private mutating func writeTyped(_ type: UInt8, _ value: some FixedWidthInteger) {
        writeInteger(type)
        writeInteger(value)
    }

    private mutating func writeTyped(_ type: UInt8, _ bytes: [UInt8]) {
        precondition(bytes.count <= Int(UInt16.max))
        writeInteger(type)
        writeInteger(UInt16(bytes.count))
        writeBytes(bytes)
    }
}
