import AWSWire
import AsyncHTTPClient
import NIOCore
import NIOHTTP1

/// A client of the public API: one signed request at a time, as any SDK would send it.
struct APIClient {
    let endpoint: String
    let region: String
    private let host: String
    private let credentials: SigV4.Credentials

    /// - Throws: ``ClientError`` when `endpoint` is no http or https URL.
    init(endpoint: String, region: String, accessKeyID: String, secretAccessKey: String, sessionToken: String?)
        throws(ClientError)
    {
        let trimmed = endpoint.hasSuffix("/") ? String(endpoint.dropLast()) : endpoint
        guard let scheme = ["http://", "https://"].first(where: trimmed.hasPrefix) else { throw .badEndpoint(endpoint) }
        self.endpoint = trimmed
        self.region = region
        self.host = String(trimmed.dropFirst(scheme.count))
        self.credentials = SigV4.Credentials(
            accessKeyID: accessKeyID, secretAccessKey: secretAccessKey, sessionToken: sessionToken)
    }

    /// What came back, whole.
    struct Answer {
        var status: UInt
        var headers: HTTPHeaders
        var body: ByteBuffer

        /// The body as JSON; nil when it is none.
        var json: JSONValue? { try? JSONValue(parsing: body) }
    }

    /// Sends one request.
    ///
    /// - Parameters:
    ///   - service: the name in the credential scope.
    ///   - target: percent-encoded path and query.
    ///   - timeout: how long the answer may take.
    /// - Returns: the answer, whatever its status.
    /// - Throws: ``ClientError/unreachable(endpoint:cause:)`` when none came.
    func send(
        _ method: HTTPMethod, service: String, _ target: String, headers: HTTPHeaders = [:],
        body: ByteBuffer = ByteBuffer(),
        timeout: TimeAmount = .seconds(960)
    ) async throws -> Answer {
        let parts = target.split(separator: "?", maxSplits: 1)
        var signed = SigV4.Request(
            method: method, path: String(parts[0]), query: parts.count > 1 ? String(parts[1]) : nil, headers: headers)
        signed.headers.replaceOrAdd(name: "Host", value: host)
        SigV4.Signer(credentials: credentials, region: region, service: service)
            .sign(&signed, payloadHash: SigV4.hash(body))
        var request = HTTPClientRequest(url: endpoint + target)
        request.method = method
        request.headers = signed.headers
        if body.readableBytes > 0 { request.body = .bytes(body) }
        do {
            let response = try await HTTPClient.shared.execute(request, timeout: timeout)
            return Answer(
                status: response.status.code, headers: response.headers,
                body: try await response.body.collect(upTo: 128 << 20))
        } catch {
            throw ClientError.unreachable(endpoint: endpoint, cause: "\(error)")
        }
    }

    /// As ``send(_:service:_:headers:body:timeout:)``, and an answer that is no success is thrown.
    ///
    /// - Throws: ``ClientError/refused(code:message:status:)`` too.
    func call(
        _ method: HTTPMethod, service: String = "lambda", _ target: String, headers: HTTPHeaders = [:],
        body: ByteBuffer = ByteBuffer()
    ) async throws -> Answer {
        let answer = try await send(method, service: service, target, headers: headers, body: body)
        guard (200..<300).contains(answer.status) else { throw Self.refusal(answer) }
        return answer
    }

    private static func refusal(_ answer: Answer) -> ClientError {
        let json = answer.json
        let code = answer.headers.first(name: "x-amzn-ErrorType") ?? json?["__type"]?.string ?? "UnknownError"
        let message = json?["Message"]?.string ?? json?["message"]?.string ?? String(buffer: answer.body)
        return .refused(
            code: String(code.split(separator: ":").first ?? "UnknownError"), message: message, status: answer.status)
    }
}
