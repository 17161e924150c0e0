import AWSWire
import NIOCore

/// Why a request was refused: the error documents of the Runtime API.
enum RuntimeAPIRefusal: Error {
    case invalidRequestID
    case transition(from: String, to: String)
    case responseTooLarge(limit: Int)
    case invalidResponseMode
    case notFound
    case methodNotAllowed
    case malformed
    /// Whoever asks for credentials has not their token.
    case unknownToken
    /// A request of an extension.
    case `extension`(type: String, message: String)
    /// A request of the Telemetry or Logs API that is not understood.
    case validation(message: String)
    case requestTooLarge(limit: Int)

    var status: String {
        switch self {
        case .invalidRequestID, .invalidResponseMode, .malformed, .validation: "400 Bad Request"
        case .transition, .extension: "403 Forbidden"
        case .responseTooLarge, .requestTooLarge: "413 Request Entity Too Large"
        case .notFound, .unknownToken: "404 Not Found"
        case .methodNotAllowed: "405 Method Not Allowed"
        }
    }

    /// The error document; nil where Lambda sends plain text.
    private var document: (message: String, type: String)? {
        switch self {
        case .invalidRequestID: ("Invalid request ID", "InvalidRequestID")
        case .transition(let from, let to):
            (
                "State transition from \(from) to \(to) failed for runtime. Error: State transition is not allowed",
                "InvalidStateTransition"
            )
        case .responseTooLarge(let limit), .requestTooLarge(let limit):
            ("Exceeded maximum allowed payload size (\(limit) bytes).", "RequestEntityTooLarge")
        case .invalidResponseMode: ("Invalid function response mode", "InvalidFunctionResponseMode")
        case .extension(let type, let message): (message, type)
        case .validation(let message): (message, "ValidationError")
        case .notFound, .methodNotAllowed, .malformed, .unknownToken: nil
        }
    }

    var body: (type: String, text: String) {
        if let document {
            var writer = JSONWriter()
            writer.beginObject()
            writer.name("errorMessage")
            writer.string(document.message)
            writer.name("errorType")
            writer.string(document.type)
            writer.endObject()
            return ("application/json", String(buffer: writer.buffer))
        }
        switch self {
        case .notFound: return ("text/plain; charset=utf-8", "404 page not found\n")
        case .unknownToken:
            return ("text/plain; charset=utf-8", "cannot get credentials for the provided token\n")
        default: return ("text/plain; charset=utf-8", "")
        }
    }
}

/// Finished answers, as bytes.
enum RuntimeAPIAnswer {
    static let acceptedKeepAlive = render(
        status: "202 Accepted", type: "application/json", text: #"{"status":"OK"}"#, keepAlive: true)
    static let acceptedClose = render(
        status: "202 Accepted", type: "application/json", text: #"{"status":"OK"}"#, keepAlive: false)
    /// An empty 200.
    static func done(keepAlive: Bool) -> ByteBuffer {
        render(status: "200 OK", type: "text/plain; charset=utf-8", text: "", keepAlive: keepAlive)
    }
    static let proceed = ByteBuffer(string: "HTTP/1.1 100 Continue\r\n\r\n")

    static func accepted(keepAlive: Bool) -> ByteBuffer { keepAlive ? acceptedKeepAlive : acceptedClose }

    static func refusal(_ refusal: RuntimeAPIRefusal, keepAlive: Bool) -> ByteBuffer {
        let body = refusal.body
        return render(status: refusal.status, type: body.type, text: body.text, keepAlive: keepAlive)
    }

    /// A 200 with a JSON document.
    static func document(_ document: ByteBuffer, headers: [(String, String)] = [], keepAlive: Bool) -> ByteBuffer {
        var answer = ByteBuffer(string: "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n")
        for (name, value) in headers {
            answer.writeString("\(name): ")
            answer.writeHeaderValue(value)
            answer.writeStaticString("\r\n")
        }
        answer.writeString("Content-Length: \(document.readableBytes)\r\n")
        answer.writeString(keepAlive ? "\r\n" : "Connection: close\r\n\r\n")
        answer.writeImmutableBuffer(document)
        return answer
    }

    private static func render(status: String, type: String, text: String, keepAlive: Bool) -> ByteBuffer {
        ByteBuffer(
            string: "HTTP/1.1 \(status)\r\nContent-Type: \(type)\r\nContent-Length: \(text.utf8.count)\r\n"
                + (keepAlive ? "\r\n" : "Connection: close\r\n\r\n") + text)
    }
}

/// What a request asks for, from its method and path.
enum RuntimeAPIRoute: Equatable {
    case next
    case response(requestID: Substring)
    case error(requestID: Substring)
    case initError
    case restoreNext
    case restoreError
    case credentials
    case `extension`(ExtensionRoute)
    case notFound
    case methodNotAllowed

    private static let prefix = "/2018-06-01/runtime/"
    private static let invocation = "invocation/"

    init(isGet: Bool, isPost: Bool, isPut: Bool = false, uri: String) {
        // Bytes, not characters: this is on every invocation's way, twice.
        let path = uri.utf8.prefix { $0 != UInt8(ascii: "?") }
        guard path.starts(with: Self.prefix.utf8) else {
            self = Self.outside(Substring(path), isGet: isGet, isPost: isPost, isPut: isPut)
            return
        }
        let rest = path.dropFirst(Self.prefix.utf8.count)
        if rest.starts(with: Self.invocation.utf8) {
            self = Self.invocation(rest.dropFirst(Self.invocation.utf8.count), isGet: isGet, isPost: isPost)
            return
        }
        switch Substring(rest) {
        case "init/error": self = isPost ? .initError : .methodNotAllowed
        case "restore/next": self = isGet ? .restoreNext : .methodNotAllowed
        case "restore/error": self = isPost ? .restoreError : .methodNotAllowed
        default: self = .notFound
        }
    }

    private static func invocation(_ rest: Substring.UTF8View, isGet: Bool, isPost: Bool) -> Self {
        if rest.elementsEqual("next".utf8) { return isGet ? .next : .methodNotAllowed }
        guard let slash = rest.firstIndex(of: UInt8(ascii: "/")), slash != rest.startIndex else { return .notFound }
        let requestID = Substring(rest[..<slash])
        let report = rest[rest.index(after: slash)...]
        if report.elementsEqual("response".utf8) {
            return isPost ? .response(requestID: requestID) : .methodNotAllowed
        }
        if report.elementsEqual("error".utf8) { return isPost ? .error(requestID: requestID) : .methodNotAllowed }
        return .notFound
    }

    private static func outside(_ path: Substring, isGet: Bool, isPost: Bool, isPut: Bool) -> Self {
        if path == "/2021-04-23/credentials" { return isGet ? .credentials : .methodNotAllowed }
        guard let route = ExtensionRoute(path: path) else { return .notFound }
        let isRight = route.isGet ? isGet : route.isPut ? isPut : isPost
        return isRight ? .extension(route) : .methodNotAllowed
    }
}
