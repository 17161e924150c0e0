package import NIOCore
package import NIOHTTP1

/// One whole, authenticated request on its way to a service.
package struct ServiceRequest: Sendable {
    package var method: HTTPMethod
    /// The path as the client sent it, still percent-encoded, beginning with `/` and without the query.
    package var path: String
    /// What follows `?`, still percent-encoded; nil when there was no `?`.
    package var query: String?
    package var headers: HTTPHeaders
    /// The payload with any chunked or aws-chunked framing taken off.
    package var body: ByteBuffer
    package var caller: Caller
    /// The id that the answer's `x-amzn-RequestId` carries: a lower-case UUID.
    package var requestID: String
    /// Scheme and authority as the client addressed us (`http://127.0.0.1:4566`), for URLs in answers.
    package var endpoint: String
    /// The client's end of the connection.
    package var peer: SocketAddress?
    /// The parameters of its form, once it is read.
    private(set) var form: FormValue?

    package init(
        method: HTTPMethod, path: String, query: String? = nil, headers: HTTPHeaders = [:],
        body: ByteBuffer = ByteBuffer(),
        caller: Caller, requestID: String, endpoint: String = "http://127.0.0.1:4566", peer: SocketAddress? = nil
    ) {
        self.method = method
        self.path = path
        self.query = query
        self.headers = headers
        self.body = body
        self.caller = caller
        self.requestID = requestID
        self.endpoint = endpoint
        self.peer = peer
    }

    /// The request with its form read: whoever asks for a ``FormValue`` of it reads it no more. Its query and its body
    /// are not to change then.
    package func readingForm() -> ServiceRequest {
        var request = self
        request.form = FormValue(self)
        return request
    }

    /// The client's address, as text.
    package var sourceIP: String? { peer?.ipAddress }
}

/// What an answer carries.
package enum ResponseBody: Sendable {
    case bytes(ByteBuffer)
    /// Parts, each of which goes out as soon as it is there and the client takes it. An answer in which such a body
    /// fails ends in the middle: the connection is cut.
    case stream(ResponseStream)
}

/// A service's answer. The gateway adds `x-amzn-RequestId`, `Date`, `Content-Length` (or chunks, for a stream of
/// unknown length) and connection headers.
package struct ServiceResponse: Sendable {
    /// Whose words the status and the headers are.
    package enum Author: Sendable, Hashable {
        case service
        /// A function that answers a request to its URL: a 403 of its own is no denial.
        case function
    }

    package var status: HTTPResponseStatus
    package var headers: HTTPHeaders
    package var body: ResponseBody
    package var author = Author.service

    package init(status: HTTPResponseStatus = .ok, headers: HTTPHeaders = [:], body: ByteBuffer = ByteBuffer()) {
        self.status = status
        self.headers = headers
        self.body = .bytes(body)
    }

    /// An answer whose body comes in parts. Whoever gets it has to read the stream or to cancel it.
    package init(status: HTTPResponseStatus = .ok, headers: HTTPHeaders = [:], stream: ResponseStream) {
        self.status = status
        self.headers = headers
        self.body = .stream(stream)
    }

    /// The body where it is there as a whole; empty for a stream.
    package var bytes: ByteBuffer {
        switch body {
        case .bytes(let bytes): bytes
        case .stream: ByteBuffer()
        }
    }
}

/// The AWS protocols by which a service speaks; it decides how the gateway writes errors.
package enum WireProtocol: Sendable, Hashable {
    /// How the JSON protocols name errors.
    package enum ErrorNames: Sendable, Hashable {
        case plain
        /// As services do whose clients once spoke the query protocol: qualified by a namespace, and by the older name
        /// in a header (the models' `awsQueryCompatible`).
        ///
        /// - Parameter statuses: Where the client does not say that it once spoke that protocol, some services answer
        ///   all that is its fault with 400.
        case queryCompatible(namespace: String, statuses: Statuses = .own)
    }

    package enum Statuses: Sendable, Hashable {
        /// Each error has its own.
        case own
        case badRequest
    }

    /// What the errors of the query protocol consist of.
    package enum QueryErrors: Sendable, Hashable {
        case plain
        /// An empty `Detail` follows the message, as in SQS's.
        case withDetail
    }

    case restJSON
    case awsJSON(version: String, errors: ErrorNames = .plain)
    /// CBOR in and out, errors named as in JSON.
    case rpcCBOR(errors: ErrorNames)
    /// Forms in and XML out, as STS, IAM and CloudFormation speak; the namespace is that of the service's documents.
    case query(namespace: String, errors: QueryErrors = .plain)
}

/// One AWS service behind the front door.
package protocol Service: Sendable {
    /// The service's name in a credential scope (`lambda`, `logs`): the gateway routes by it.
    var signingName: String { get }
    /// The one that its clients speak now.
    var wireProtocol: WireProtocol { get }

    /// The protocol of a request, for services that speak several. Asked for every request: it has to be quick.
    func wireProtocol(of headers: HTTPHeaders) -> WireProtocol

    /// Answers one request.
    ///
    /// Called on `eventLoop`, which the call must not block. A failure should be an `AWSError`; the gateway turns any
    /// other into one opaque `ServiceException` and logs the cause.
    func respond(to request: ServiceRequest, on eventLoop: any EventLoop) -> EventLoopFuture<ServiceResponse>

    /// Deletes everything that every account holds here. Reached only by `POST /_apus/reset`.
    func reset() async throws

    /// The names of members that are told to nobody, as the service's model marks them.
    var secretMembers: Set<String> { get }

    /// Whether a request uses a resource rather than managing it, such as an invocation. Asked after every answer: it
    /// has to be quick.
    func isDataPlane(_ method: HTTPMethod, path: String) -> Bool

    /// As ``isDataPlane(_:path:)``, for protocols in which method and path tell nothing.
    func isDataPlane(_ head: HTTPRequestHead, path: String, body: ByteBuffer) -> Bool

    /// Whether the service's model has an operation of that name: the audit calls nothing by another.
    func hasOperation(_ name: String) -> Bool

    /// Which call a request is, for the audit; nil for none. Asked after the answer, off the event loop.
    func audited(_ request: ServiceRequest) -> AuditedCall?
}

extension WireProtocol {
    /// The query protocol of no service that runs here.
    package static let anyQuery = WireProtocol.query(namespace: "http://webservices.amazon.com/AWSFault/2005-15-09")
}
