import AWSWire
import Fleet
import NIOCore
import NIOHTTP1

/// What a client gets of a function's result, and of everything else that a request to a function URL may come to.
///
/// https://docs.aws.amazon.com/lambda/latest/dg/urls-invocation.html#urls-response-payload
enum URLAnswer {
    /// - Parameter result: What the function returned: JSON text.
    static func response(_ result: ByteBuffer) -> ServiceResponse {
        guard let value = try? JSONValue(parsing: result, depthLimit: 1_000) else { return badGateway }
        guard value.kind == .object, let status = value["statusCode"], !status.isNull else { return simple(value) }
        return structured(value, status: status) ?? badGateway
    }

    /// What a function of a URL with `RESPONSE_STREAM` answers, in parts or whole: whole, it is not looked into.
    static func response(_ answer: StreamedAnswer) -> ServiceResponse {
        switch answer {
        case .malformed: return badGateway
        case .whole(let outcome):
            guard outcome.functionError == nil else { return badGateway }
            return ServiceResponse(headers: ["Content-Type": "application/json"], body: outcome.payload)
        case .stream(let answer):
            guard let head = Self.head(answer) else {
                answer.body.cancel()
                return badGateway
            }
            return ServiceResponse(status: head.status, headers: head.headers, stream: answer.body)
        }
    }

    /// - Returns: nil where the prelude has what no HTTP answer can.
    private static func head(_ answer: StreamedHTTPResponse) -> (status: HTTPResponseStatus, headers: HTTPHeaders)? {
        guard let head = answer.head else {
            return (.ok, ["Content-Type": answer.contentType ?? "application/octet-stream"])
        }
        guard (200...599).contains(head.status) else { return nil }
        var headers = HTTPHeaders()
        for field in head.headers {
            guard isName(field.name), isValue(field.value) else { return nil }
            if !dropped.contains(field.name.lowercased()) { headers.add(name: field.name, value: field.value) }
        }
        for cookie in head.cookies {
            guard isValue(cookie) else { return nil }
            headers.add(name: "Set-Cookie", value: cookie)
        }
        if !headers.contains(name: "content-type") {
            headers.add(name: "Content-Type", value: "application/octet-stream")
        }
        return (HTTPResponseStatus(statusCode: head.status), headers)
    }

    /// As recorded in test_lambda_url_invocation: a string is the body, anything else its JSON text without spaces.
    private static func simple(_ value: JSONValue) -> ServiceResponse {
        ServiceResponse(headers: ["Content-Type": "application/json"], body: text(value))
    }

    /// - Returns: nil where a member is not what it should be.
    private static func structured(_ value: JSONValue, status: JSONValue) -> ServiceResponse? {
        guard let code = status.int ?? status.string.flatMap({ Int($0) }), (200...599).contains(code) else {
            return nil
        }
        var headers = HTTPHeaders()
        if let members = value["headers"], !members.isNull {
            guard members.kind == .object else { return nil }
            for (name, member) in members.members {
                guard let text = scalar(member), isName(name), isValue(text) else { return nil }
                if !dropped.contains(name.lowercased()) { headers.replaceOrAdd(name: name, value: text) }
            }
        }
        if let cookies = value["cookies"], !cookies.isNull {
            guard cookies.kind == .array else { return nil }
            for cookie in cookies.elements {
                guard let text = cookie.string, isValue(text) else { return nil }
                headers.add(name: "Set-Cookie", value: text)
            }
        }
        if !headers.contains(name: "content-type") { headers.add(name: "Content-Type", value: "application/json") }
        guard let body = Self.body(value) else { return nil }
        return ServiceResponse(status: HTTPResponseStatus(statusCode: code), headers: headers, body: body)
    }

    private static func body(_ value: JSONValue) -> ByteBuffer? {
        guard let body = value["body"], !body.isNull else { return ByteBuffer() }
        guard value["isBase64Encoded"]?.bool == true else { return text(body) }
        return body.string.flatMap(Base64.decode).map { ByteBuffer(bytes: $0) }
    }

    private static func text(_ value: JSONValue) -> ByteBuffer {
        if let string = value.string { return ByteBuffer(string: string) }
        var writer = JSONWriter()
        writer.write(value)
        return writer.buffer
    }

    private static func scalar(_ value: JSONValue) -> String? {
        switch value.kind {
        case .string: value.string
        case .number: value.numberText
        case .true: "true"
        case .false: "false"
        case .null: ""
        case .array, .object: nil
        }
    }

    /// Headers that are the connection's, not the function's, to set.
    private static let dropped: Set<String> = [
        "connection", "content-length", "date", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade",
        "x-amzn-requestid", "x-amzn-trace-id",
    ]

    /// A token (RFC 9110, 5.6.2).
    private static func isName(_ text: String) -> Bool {
        !text.isEmpty
            && text.utf8.allSatisfy { byte in
                (0x61...0x7a).contains(byte | 0x20) || (0x30...0x39).contains(byte)
                    || "!#$%&'*+-.^_`|~".utf8.contains(byte)
            }
    }

    /// Without line breaks, which would end the header.
    private static func isValue(_ text: String) -> Bool {
        text.utf8.allSatisfy { $0 >= 0x20 && $0 != 0x7f || $0 == 0x09 }
    }

    /// The function failed, or what it returned is no answer: as recorded in test_lambda_url_invocation_exception.
    static var badGateway: ServiceResponse {
        ServiceResponse(
            status: .badGateway, headers: ["Content-Type": "application/json"],
            body: ByteBuffer(string: "Internal Server Error"))
    }

    /// As recorded in test_lambda_url_persists_after_alias_delete.
    static var forbidden: ServiceResponse {
        refusal(
            #""Forbidden. For troubleshooting Function URL authorization issues, see: "#
                + #"https://docs.aws.amazon.com/lambda/latest/dg/urls-auth.html""#)
    }

    /// As recorded in test_lambda_url_non_existing_url.
    static var unknown: ServiceResponse { refusal("null") }

    private static func refusal(_ message: String) -> ServiceResponse {
        ServiceResponse(
            status: .forbidden,
            headers: ["Content-Type": "application/json", "x-amzn-ErrorType": "AccessDeniedException"],
            body: ByteBuffer(string: #"{"Message":\#(message)}"#))
    }
}
