import AWSWire
import NIOCore

/// The head of an HTTP answer that a function streams.
struct HTTPIntegrationHead: Sendable, Equatable {
    struct Field: Sendable, Equatable {
        var name: String
        var value: String
    }

    var status = 200
    /// In the function's order.
    var headers: [Field] = []
    /// Values of `Set-Cookie`.
    var cookies: [String] = []
}

/// Takes the prelude off a response of the type `application/vnd.awslambda.http-integration-response`: the head as a
/// JSON object (`statusCode`, `headers`, `multiValueHeaders`, `cookies`), eight NUL bytes, and the body.
/// https://docs.aws.amazon.com/lambda/latest/dg/config-rs-write-functions.html
struct HTTPIntegrationPrelude {
    enum Failure: Error, Hashable {
        /// It has no end within ``limit``.
        case tooLong
        /// It is no JSON object with members of the right types.
        case malformed
    }

    static let contentType = "application/vnd.awslambda.http-integration-response"
    /// Bytes of the JSON text.
    static let limit = 65_536
    private static let delimiter = 8

    private var bytes = ByteBuffer()

    /// Whether a response of this type has a prelude.
    static func isAnnounced(by type: String?) -> Bool {
        type?.prefix { $0 != ";" }.lowercased().trimmed == contentType[...]
    }

    /// Takes a part of the response.
    ///
    /// - Returns: the head and what follows it, once all of it has come.
    mutating func append(_ part: ByteBuffer) throws(Failure) -> (head: HTTPIntegrationHead, rest: ByteBuffer)? {
        bytes.writeImmutableBuffer(part)
        // No byte of JSON text is NUL: the first begins the delimiter.
        guard let length = bytes.readableBytesView.firstIndex(of: 0).map({ $0 - bytes.readerIndex }) else {
            if bytes.readableBytes > Self.limit { throw .tooLong }
            return nil
        }
        guard length <= Self.limit else { throw .tooLong }
        guard bytes.readableBytes >= length + Self.delimiter else { return nil }
        guard let json = bytes.readSlice(length: length), let zeros = bytes.readBytes(length: Self.delimiter),
            zeros.allSatisfy({ $0 == 0 })
        else { throw .malformed }
        return (try HTTPIntegrationHead(json), bytes)
    }
}

extension HTTPIntegrationHead {
    init(_ json: ByteBuffer) throws(HTTPIntegrationPrelude.Failure) {
        guard let value = try? JSONValue(parsing: json), value.kind == .object else { throw .malformed }
        if let status = value["statusCode"] {
            guard let number = status.int, (100...599).contains(number) else { throw .malformed }
            self.status = number
        }
        for (name, text) in value["headers"]?.members ?? [] { headers.append(try Self.field(name, text)) }
        for (name, texts) in value["multiValueHeaders"]?.members ?? [] {
            for text in texts.elements { headers.append(try Self.field(name, text)) }
        }
        for cookie in value["cookies"]?.elements ?? [] {
            guard let text = cookie.string else { throw .malformed }
            cookies.append(text)
        }
    }

    /// Numbers and booleans stand for their text, as in the answers of buffered functions.
    private static func field(_ name: String, _ value: JSONValue) throws(HTTPIntegrationPrelude.Failure) -> Field {
        if let text = value.string { return Field(name: name, value: text) }
        if let number = value.numberText { return Field(name: name, value: number) }
        guard let truth = value.bool else { throw .malformed }
        return Field(name: name, value: truth ? "true" : "false")
    }
}

extension String {
    fileprivate var trimmed: Substring {
        let start = drop { $0 == " " || $0 == "\t" }
        guard let end = start.lastIndex(where: { $0 != " " && $0 != "\t" }) else { return "" }
        return start[...end]
    }
}
