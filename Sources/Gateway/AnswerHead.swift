import AWSWire
import NIOCore
import NIOHTTP1

/// The head of an answer on its way to bytes: what a service said, and what is the gateway's to say.
struct AnswerHead {
    /// How a client finds the end of the body.
    enum Framing {
        /// It is told the length, or there is no body, or the connection ends with it.
        case none
        case chunks
    }

    enum Persistence: String {
        case close
        case keepAlive = "keep-alive"
    }

    var status: HTTPResponseStatus
    var version = HTTPVersion.http1_1
    /// The service's own.
    var headers: HTTPHeaders
    /// Of the body, in bytes; nil where `headers` say it, or nobody knows.
    var length: Int?
    var requestID: String
    var date: String
    /// Nil: as the version has it.
    var persistence: Persistence?

    /// - Parameter body: All of it, to go right behind the head.
    /// - Returns: nil when a header could not be told from another message (RFC 9110, 5.5 and 5.6.2).
    func encode(
        _ allocator: ByteBufferAllocator, body: ByteBuffer? = nil
    ) -> (bytes: ByteBuffer, framing: Framing)? {
        var bytes = allocator.buffer(capacity: 512 + (body?.readableBytes ?? 0))
        bytes.writeString(version.minor == 0 ? "HTTP/1.0 " : "HTTP/1.1 ")
        bytes.writeDecimal(Int64(status.code))
        bytes.writeInteger(UInt8(ascii: " "))
        guard Self.writeValue(status.reasonPhrase, to: &bytes) else { return nil }
        bytes.writeStaticString("\r\n")
        var hasLength = false
        for (name, value) in headers {
            switch Self.owner(of: name) {
            case .gateway: continue
            case .length where !status.mayHaveResponseBody || length != nil: continue
            case .length: hasLength = true
            case .service: break
            }
            guard Self.writeName(name, to: &bytes) else { return nil }
            bytes.writeStaticString(": ")
            guard Self.writeValue(value, to: &bytes) else { return nil }
            bytes.writeStaticString("\r\n")
        }
        var framing = Framing.none
        if status.mayHaveResponseBody {
            if let length {
                bytes.writeStaticString("Content-Length: ")
                bytes.writeDecimal(Int64(length))
                bytes.writeStaticString("\r\n")
            } else if !hasLength, version.minor > 0 {
                framing = .chunks
                bytes.writeStaticString("Transfer-Encoding: chunked\r\n")
            }
        }
        bytes.writeStaticString("x-amzn-RequestId: ")
        bytes.writeString(requestID)
        bytes.writeStaticString("\r\nDate: ")
        bytes.writeString(date)
        if let persistence {
            bytes.writeStaticString("\r\nConnection: ")
            bytes.writeString(persistence.rawValue)
        }
        bytes.writeStaticString("\r\n\r\n")
        if let body { bytes.writeImmutableBuffer(body) }
        return (bytes, framing)
    }

    static let proceed = ByteBuffer(string: "HTTP/1.1 100 Continue\r\n\r\n")
    static let chunkEnd = ByteBuffer(string: "\r\n")
    static let lastChunk = ByteBuffer(string: "0\r\n\r\n")

    static func chunkHead(of size: Int) -> ByteBuffer { ByteBuffer(string: String(size, radix: 16) + "\r\n") }

    // MARK: Headers

    private enum Owner {
        case service
        case length
        case gateway
    }

    private static func owner(of name: String) -> Owner {
        switch name.utf8.count {
        case 4: HTTPBytes.isSame(name.utf8, "date") ? .gateway : .service
        case 10: HTTPBytes.isSame(name.utf8, "connection") ? .gateway : .service
        case 14: HTTPBytes.isSame(name.utf8, "content-length") ? .length : .service
        case 16: HTTPBytes.isSame(name.utf8, "x-amzn-requestid") ? .gateway : .service
        case 17: HTTPBytes.isSame(name.utf8, "transfer-encoding") ? .gateway : .service
        default: .service
        }
    }

    /// - Returns: false when it is no token.
    private static func writeName(_ name: String, to bytes: inout ByteBuffer) -> Bool {
        guard !name.isEmpty, name.utf8.allSatisfy(HTTPBytes.isToken) else { return false }
        bytes.writeString(name)
        return true
    }

    /// - Returns: false when it has control characters.
    private static func writeValue(_ value: String, to bytes: inout ByteBuffer) -> Bool {
        guard value.utf8.allSatisfy(HTTPBytes.isValue) else { return false }
        bytes.writeString(value)
        return true
    }
}
