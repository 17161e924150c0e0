import AWSWire
import Identity
import NIOCore
import NIOHTTP1
import Synchronization
import Testing

@testable import Gateway

/// What the front door tells the audit, and what it does not.
@Suite struct AuditTests {
    final class Sink: AuditSink {
        let wantsData: Bool
        private let events = Mutex<[AuditEvent]>([])
        init(wantsData: Bool = false) { self.wantsData = wantsData }
        var all: [AuditEvent] { events.withLock { $0 } }
        func record(_ event: AuditEvent) { events.withLock { $0.append(event) } }
    }

    private func rig(_ sink: Sink, _ adjust: (inout GatewayConfiguration) -> Void = { _ in }) throws -> Rig {
        try Rig { configuration in
            configuration.audit = sink
            adjust(&configuration)
        }
    }

    private func ask(_ rig: Rig, _ request: String, location: SourceLocation = #_sourceLocation) {
        rig.send(request)
        #expect(rig.answer() != nil, sourceLocation: location)
    }

    @Test func callsAndTheirOutcomes() throws {
        let sink = Sink()
        let rig = try rig(sink)
        ask(rig, "POST /2015-03-31/functions HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}")
        ask(rig, "GET /2015-03-31/functions/missing HTTP/1.1\r\nHost: x\r\n\r\n")
        #expect(sink.all.map(\.status) == [200, 404])
        #expect(sink.all.map { $0.service.signingName } == ["lambda", "lambda"])
        #expect(sink.all[0].request.body.readableBytes == 2)
        #expect(sink.all[0].isAuthenticated && sink.all[0].time == Rig.now)
        #expect(sink.all[1].errorType == "ResourceNotFoundException")
    }

    @Test(arguments: [false, true]) func invocationsByChoice(_ wantsData: Bool) throws {
        let sink = Sink(wantsData: wantsData)
        let rig = try rig(sink)
        let path = "/2015-03-31/functions/f/invocations"
        ask(rig, "POST \(path) HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}")
        #expect(sink.all.count == (wantsData ? 1 : 0))
        // A payload is nobody's business.
        #expect(sink.all.allSatisfy { $0.request.body.readableBytes == 0 })
    }

    @Test func deniedInvocations() throws {
        let sink = Sink()
        let rig = try rig(sink)
        ask(
            rig,
            "POST /2015-03-31/functions/denied/invocations HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}")
        #expect(sink.all.map(\.status) == [403])
        #expect(sink.all.first?.errorType == "AccessDeniedException")
    }

    // A form names its operation in its body, which is kept of a request that is refused already where it is short.
    @Test(arguments: [(16_000, true), (17_000, false), (70_000, false)])
    func formsOfUnknownKeys(_ length: Int, _ isTold: Bool) throws {
        let sink = Sink()
        let iam = EchoService("iam", wire: .query(namespace: "https://iam.amazonaws.com/doc/2010-05-08/"))
        let rig = try Rig(services: [iam]) { configuration in
            configuration.audit = sink
            configuration.authentication = .on
        }
        let form = "Action=ListUsers&x=" + String(repeating: "x", count: length)
        let signature = String(repeating: "a", count: 64)
        rig.send(
            "POST / HTTP/1.1\r\nHost: x\r\nX-Amz-Date: 20260304T050607Z\r\nAuthorization: AWS4-HMAC-SHA256 "
                + "Credential=AKIANONE/20260304/us-east-1/iam/aws4_request, SignedHeaders=host;x-amz-date, "
                + "Signature=\(signature)\r\nContent-Length: \(form.utf8.count)\r\n\r\n")
        rig.send(form)
        #expect(rig.answer()?.status == 403)
        #expect(sink.all.map(\.claimedKeyID) == ["AKIANONE"])
        #expect(sink.all.map { $0.request.body.readableBytes } == [isTold ? form.utf8.count : 0])
        #expect(rig.core.bodies.inUse == 0)
    }

    // MARK: Pages

    private static let root = SigV4.Credentials(accessKeyID: "AKIAROOT", secretAccessKey: "secret")

    /// A page that answers what the path says, in its own words or in a function's.
    private func page(_ sink: Sink) throws -> Rig {
        let audit = GatewayRoute.Audit(EchoService()) { request, _ in
            request.path == "/nothing"
                ? nil
                : AuditedCall("Use", of: "lambda", parameters: .object([]), disclosure: AuditDisclosure())
        }
        let route = GatewayRoute(at: .host { $0 == "page" }, for: { _ in .offered(service: "lambda") }, audit: audit) {
            request, eventLoop in
            let isDenied = request.path.hasSuffix("403")
            var response = ServiceResponse(
                status: isDenied ? .forbidden : .ok, headers: ["x-amzn-ErrorType": "AccessDeniedException"],
                body: ByteBuffer(string: "words"))
            if request.path.hasPrefix("/function") { response.author = .function }
            return eventLoop.makeSucceededFuture(.response(response))
        }
        let keys = KeyStore(keys: [(account: .standard, credentials: Self.root)], clock: { Rig.now })
        return try Rig(keys: keys) { configuration in
            configuration.audit = sink
            configuration.authentication = .on
            configuration.routes = [route]
        }
    }

    private func presigned(_ path: String, secret: String = "secret") -> String {
        let credentials = SigV4.Credentials(accessKeyID: "AKIAROOT", secretAccessKey: secret)
        let signer = SigV4.Signer(credentials: credentials, region: "us-east-1", service: "lambda")
        return "\(path)?\(signer.presign(host: "page", path: path, expires: 600, at: Rig.now))"
    }

    @Test(arguments: [false, true]) func pagesThatDeny(_ wantsData: Bool) throws {
        let sink = Sink(wantsData: wantsData)
        let rig = try page(sink)
        for path in ["/us/200", "/us/403", "/function/403", "/nothing"] {
            ask(rig, "POST \(path) HTTP/1.1\r\nHost: page\r\nContent-Length: 6\r\n\r\nsecret")
        }
        #expect(sink.all.map(\.status) == (wantsData ? [200, 403, 200] : [403]))
        #expect(sink.all.allSatisfy { $0.call?.eventName == "Use" && $0.isAuthenticated })
        #expect(sink.all.allSatisfy { $0.request.body.readableBytes == 0 })
        // A function's answer is its own business.
        if wantsData { #expect(sink.all[2].answer.readableBytes == 0 && sink.all[2].errorType == nil) }
    }

    @Test func pagesThatAreForgedOrUsedByTheirOwners() throws {
        let sink = Sink(wantsData: true)
        let rig = try page(sink)
        ask(rig, "GET \(presigned("/us/200")) HTTP/1.1\r\nHost: page\r\n\r\n")
        // Forged, for another time, and by a key that there is not: the last two are refused before the body.
        ask(rig, "GET \(presigned("/us/200", secret: "wrong")) HTTP/1.1\r\nHost: page\r\n\r\n")
        rig.send("GET \(presigned("/us/200").replacing("AKIAROOT", with: "AKIANONE")) HTTP/1.1\r\nHost: page\r\n\r\n")
        #expect(rig.answer()?.status == 403)
        #expect(sink.all.map(\.isAuthenticated) == [true, false, false])
        #expect(sink.all.map { $0.request.caller.principal.kind } == [.root, .anonymous, .anonymous])
        #expect(sink.all.map(\.claimedKeyID) == ["AKIAROOT", "AKIAROOT", "AKIANONE"])
        #expect(sink.all.map(\.status) == [200, 403, 403])
    }

    @Test func requestsWithoutASignature() throws {
        let sink = Sink()
        let rig = try rig(sink) { $0.authentication = .on }
        ask(rig, "GET /2015-03-31/functions/f HTTP/1.1\r\nHost: x\r\n\r\n")
        #expect(sink.all.map(\.isAuthenticated) == [false])
        #expect(sink.all.first?.request.caller.principal.kind == .anonymous)
        // What is too large or no service's is no call.
        ask(rig, "GET /_apus/health HTTP/1.1\r\nHost: x\r\n\r\n")
        #expect(sink.all.count == 1)
    }
}
