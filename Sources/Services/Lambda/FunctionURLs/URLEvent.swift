import AWSWire
import NIOCore
import NIOHTTP1

/// What a function gets of a request to its URL: payload format 2.0.
///
/// https://docs.aws.amazon.com/lambda/latest/dg/urls-invocation.html#urls-payloads; which members and headers there are
/// is as in the events that aws-lambda-go's tests have recorded.
struct URLEvent {
    var id: String
    /// Without a port.
    var domain: String
    /// Below the URL, as it was sent.
    var path: String
    var request: ServiceRequest
    /// Who signed; nil for URLs that ask for no signature.
    var signer: Caller?
    var traceID: String
    /// Milliseconds since 1970.
    var time: Int64

    func encode() -> ByteBuffer {
        let body = request.body
        var writer = JSONWriter(
            into: ByteBufferAllocator().buffer(capacity: 2_048 + body.readableBytes + body.readableBytes / 2))
        writer.beginObject()
        writer.member("version", "2.0")
        writer.member("routeKey", "$default")
        writer.member("rawPath", path)
        writer.member("rawQueryString", request.query ?? "")
        encodeCookies(to: &writer)
        writer.name("headers")
        writer.object(headers)
        let parameters = Self.joined(QueryParameters(request.query).pairs)
        if !parameters.isEmpty {
            writer.name("queryStringParameters")
            writer.object(parameters)
        }
        writer.name("requestContext")
        encodeContext(to: &writer)
        let text = isText ? String(validating: body.readableBytesView, as: UTF8.self) : nil
        if body.readableBytes > 0 { writer.member("body", text ?? Base64.encode(body.readableBytesView)) }
        writer.name("isBase64Encoded")
        writer.bool(body.readableBytes > 0 && text == nil)
        writer.endObject()
        return writer.buffer
    }

    private func encodeCookies(to writer: inout JSONWriter) {
        let cookies = request.headers["cookie"].flatMap { $0.split(separator: ";") }.map { $0.trimmed }
        guard !cookies.isEmpty else { return }
        writer.name("cookies")
        writer.beginArray()
        for cookie in cookies { writer.string(cookie) }
        writer.endArray()
    }

    private func encodeContext(to writer: inout JSONWriter) {
        writer.beginObject()
        writer.member("accountId", signer?.account.digits ?? "anonymous")
        writer.member("apiId", id)
        if let signer {
            writer.name("authorizer")
            writer.beginObject()
            writer.name("iam")
            signer.encodeIdentity(to: &writer)
            writer.endObject()
        }
        writer.member("domainName", domain)
        writer.member("domainPrefix", id)
        writer.name("http")
        writer.object([
            ("method", request.method.rawValue), ("path", decodedPath), ("protocol", "HTTP/1.1"),
            ("sourceIp", request.sourceIP ?? ""), ("userAgent", request.headers.first(name: "user-agent") ?? ""),
        ])
        writer.member("requestId", request.requestID)
        writer.member("routeKey", "$default")
        writer.member("stage", "$default")
        writer.member("time", Timestamp.request(milliseconds: time))
        writer.name("timeEpoch")
        writer.int(Int(time))
        writer.endObject()
    }

    /// The path without percent-encoding, and with one slash at its beginning, as localstack's
    /// test_lambda_url_echo_http_fixture_default has recorded it: `//pa2%25Fth/1` is `/pa2%Fth/1`. One that cannot be
    /// decoded stays as it is.
    private var decodedPath: String {
        let merged = path.hasPrefix("//") ? "/" + path.drop { $0 == "/" } : path
        return PercentEncoding.decode(merged, in: .path) ?? merged
    }

    /// Lower-case names, each once, and what a proxy adds. The signature of a signed request is not handed on.
    private var headers: [(name: String, value: String)] {
        let port = request.endpoint.split(separator: ":").last.map(String.init) ?? ""
        var pairs: [(name: String, value: String)] = []
        for (name, value) in request.headers {
            let name = name.lowercased()
            if Self.dropped.contains(name) || signer != nil && name == "authorization" { continue }
            pairs.append((name, value))
        }
        if let address = request.sourceIP { pairs.append(("x-forwarded-for", address)) }
        pairs.append(("x-forwarded-port", port.utf8.allSatisfy { (0x30...0x39).contains($0) } ? port : "80"))
        pairs.append(("x-forwarded-proto", "http"))
        pairs.append(("x-amzn-trace-id", String(traceID.prefix { $0 != ";" })))
        return Self.joined(pairs)
    }

    /// Headers that are about the connection, or that only we may set.
    private static let dropped: Set<String> = [
        "connection", "keep-alive", "transfer-encoding", "te", "trailer", "upgrade", "expect", "x-amzn-trace-id",
        "x-forwarded-port", "x-forwarded-proto",
    ]

    /// Each name once, in the order of their first, its values joined by commas.
    private static func joined(_ pairs: [(name: String, value: String)]) -> [(name: String, value: String)] {
        var found: [String: Int] = [:]
        var joined: [(name: String, value: String)] = []
        for (name, value) in pairs {
            if let index = found[name] {
                joined[index].value += "," + value
            } else {
                found[name] = joined.count
                joined.append((name, value))
            }
        }
        return joined
    }

    /// Whether the body's content type is one of text. Any other body, and text that is not UTF-8, is encoded.
    private var isText: Bool {
        guard let type = request.headers.first(name: "content-type") else { return false }
        let name = type.lowercased().prefix { $0 != ";" }.trimmed
        return name.hasPrefix("text/") || name.hasSuffix("+json") || name.hasSuffix("+xml")
            || ["application/json", "application/xml", "application/javascript"].contains(name)
    }
}

extension Caller {
    /// `requestContext.authorizer.iam`.
    fileprivate func encodeIdentity(to writer: inout JSONWriter) {
        writer.beginObject()
        writer.member("accessKey", accessKeyID)
        writer.member("accountId", principal.account.digits)
        writer.member("callerId", principal.id)
        writer.name("cognitoIdentity")
        writer.null()
        writer.name("principalOrgId")
        writer.null()
        writer.member("userArn", principalARN)
        writer.member("userId", principal.id)
        writer.endObject()
    }
}

extension JSONWriter {
    fileprivate mutating func object(_ members: [(name: String, value: String)]) {
        beginObject()
        for (name, value) in members { member(name, value) }
        endObject()
    }
}

extension StringProtocol {
    /// Without spaces and tabs around it.
    fileprivate var trimmed: String {
        var text = String(drop { $0 == " " || $0 == "\t" })
        while text.last == " " || text.last == "\t" { text.removeLast() }
        return text
    }
}
