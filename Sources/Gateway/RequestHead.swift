import AWSWire
import NIOCore
import NIOHTTP1

/// The head of a request after the checks that HTTP itself asks for.
struct RequestHead: Sendable {
    enum Framing: Sendable, Hashable {
        case none
        case length(Int)
        case chunked
    }

    var head: HTTPRequestHead
    /// Percent-encoded, beginning with `/`.
    var path: String
    var query: String?
    var framing: Framing
    /// `Expect: 100-continue`.
    var awaitsContinue: Bool
    /// Another protocol was offered, after which the parser can read no further request.
    var offersUpgrade: Bool
    /// The client's end of the connection.
    var peer: SocketAddress?

    var signed: SigV4.Request {
        SigV4.Request(method: head.method, path: path, query: query, headers: head.headers)
    }

    /// Scheme and authority as the client addressed us.
    var endpoint: String { "http://\(head.headers.first(name: "host") ?? "localhost")" }

    /// - Throws: ``HTTPProblem``, after which the connection is of no further use: where the message ends is in doubt.
    init(_ head: HTTPRequestHead, limits: GatewayLimits) throws(HTTPProblem) {
        self.head = head
        guard head.uri.utf8.count <= limits.target else { throw .targetTooLong }
        try Self.checkSizes(head.headers, limits: limits)
        framing = try Self.framing(of: head)
        guard head.method != .CONNECT, head.version.major == 1 else { throw .malformed }
        try Self.checkHost(head)
        (path, query) = try Self.target(head.uri)
        offersUpgrade = head.headers.contains(name: "upgrade")
        let expectations = head.headers["expect"]
        awaitsContinue = head.version.minor > 0 && framing != .none && !expectations.isEmpty
        guard expectations.allSatisfy({ $0.lowercased() == "100-continue" }) else { throw .expectation }
    }

    private static func checkSizes(_ headers: HTTPHeaders, limits: GatewayLimits) throws(HTTPProblem) {
        var total = 0
        var count = 0
        for (name, value) in headers {
            let size = name.utf8.count + value.utf8.count
            guard size <= limits.header else { throw .headersTooLarge }
            total += size
            count += 1
        }
        guard total <= limits.headers, count <= limits.headerCount else { throw .headersTooLarge }
    }

    /// A message that two readers could end at different places is refused (RFC 9112, 6.3 and 11.2).
    private static func framing(of head: HTTPRequestHead) throws(HTTPProblem) -> Framing {
        let lengths = head.headers["content-length"]
        let encodings = head.headers["transfer-encoding"]
        guard encodings.isEmpty else {
            guard lengths.isEmpty, encodings.count == 1, encodings[0].lowercased() == "chunked", head.version.minor > 0
            else { throw .malformed }
            return .chunked
        }
        guard let text = lengths.first else { return .none }
        guard lengths.count == 1, (1...18).contains(text.utf8.count),
            text.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let length = Int(text)
        else { throw .malformed }
        return length == 0 ? .none : .length(length)
    }

    private static func checkHost(_ head: HTTPRequestHead) throws(HTTPProblem) {
        let hosts = head.headers["host"]
        guard hosts.count == 1 || hosts.isEmpty && head.version.minor == 0 else { throw .malformed }
        let allowed = hosts.allSatisfy { host in
            host.utf8.allSatisfy {
                (0x30...0x39).contains($0) || (0x41...0x5A).contains($0) || (0x61...0x7A).contains($0)
                    || "-.:_[]".utf8.contains($0)
            }
        }
        guard allowed else { throw .malformed }
    }

    private static func target(_ uri: String) throws(HTTPProblem) -> (path: String, query: String?) {
        var rest = uri[...]
        if !rest.hasPrefix("/") {
            guard rest.lowercased().hasPrefix("http://"), !rest.contains("#") else { throw .malformed }
            rest = rest.dropFirst(7)
            let authorityEnd = rest.utf8.firstIndex { $0 == UInt8(ascii: "/") || $0 == UInt8(ascii: "?") }
            rest = rest[(authorityEnd ?? rest.endIndex)...]
        }
        guard let mark = rest.utf8.firstIndex(of: UInt8(ascii: "?")) else {
            return (rest.isEmpty ? "/" : String(rest), nil)
        }
        let path = rest[..<mark]
        return (path.isEmpty ? "/" : String(path), String(rest[rest.index(after: mark)...]))
    }
}

/// What is wrong with a request as a message of HTTP.
enum HTTPProblem: Error, Sendable, Hashable {
    case malformed
    case targetTooLong
    case headersTooLarge
    case expectation
    case timeout

    /// What the decoder's errors mean; nil for those that are about the connection, not about what it carried.
    init?(_ error: any Error) {
        guard let error = error as? HTTPParserError else { return nil }
        self = error == .headerOverflow ? .headersTooLarge : .malformed
    }

    /// The names are those of the errors that all of AWS's services have in common.
    var error: AWSError {
        switch self {
        case .malformed:
            AWSError(code: "MalformedHttpRequestException", message: "The request is not well-formed.", status: 400)
        case .targetTooLong:
            AWSError(code: "MalformedHttpRequestException", message: "The request's target is too long.", status: 414)
        case .headersTooLarge:
            AWSError(
                code: "MalformedHttpRequestException", message: "The request's headers are too large.", status: 431)
        case .expectation:
            AWSError(
                code: "MalformedHttpRequestException", message: "The only expectation that can be met is 100-continue.",
                status: 417)
        case .timeout:
            AWSError(
                code: "RequestTimeoutException", message: "The request did not arrive in time.", status: 408)
        }
    }
}
