import AWSWire
import NIOCore
import NIOHTTP1
import NIOPosix
import Testing

import Identity

@testable import Gateway

/// Pages by host name and by path, and whom they let in.
@Suite struct RouteTests {
    private static let root = SigV4.Credentials(accessKeyID: "AKIAROOT", secretAccessKey: "secret")
    private static let account = AccountID("111111111111") ?? .standard

    private func makeRig(
        _ access: GatewayRoute.Access, authentication: GatewayConfiguration.Authentication = .on,
        limit: (bytes: Int, error: AWSError)? = nil
    ) throws -> Rig {
        let handler: GatewayRoute.Handler = { request, eventLoop in
            eventLoop.makeSucceededFuture(
                .response(
                    ServiceResponse(
                        headers: [
                            "x-path": request.path, "x-kind": "\(request.caller.principal.kind)",
                            "x-account": request.caller.account.digits, "x-ip": request.sourceIP ?? "-",
                        ], body: request.body)))
        }
        let routes = [
            GatewayRoute(at: .host { $0.hasPrefix("page.") }, for: { _ in access }, limit: limit, handler: handler),
            GatewayRoute(at: .path(prefix: "/_apus/page/"), for: { _ in access }, limit: limit, handler: handler),
        ]
        let keys = KeyStore(keys: [(account: Self.account, credentials: Self.root)], clock: { Rig.now })
        return try Rig(keys: keys) {
            $0.authentication = authentication
            $0.routes = routes
        }
    }

    private func get(_ rig: Rig, _ path: String, host: String = "page.localhost:1", _ headers: String = "") -> Answer? {
        rig.send("GET \(path) HTTP/1.1\r\nHost: \(host)\r\n\(headers)\r\n")
        return rig.answer()
    }

    private func signed(_ path: String, host: String = "page.localhost:1", service: String = "lambda") -> String {
        let signer = SigV4.Signer(credentials: Self.root, region: "us-east-1", service: service)
        let query = signer.presign(host: host, path: path, expires: 600, at: Rig.now)
        return "\(path)?\(query)"
    }

    // A host's page has all paths, those of services and of our own pages too.
    @Test(arguments: ["/", "/a/b", "/_apus/health", "/2015-03-31/functions"])
    func hostsHaveAllPaths(_ path: String) throws {
        let rig = try makeRig(.open)
        let answer = try #require(get(rig, path))
        #expect(answer.status == 200)
        #expect(answer.headers.first(name: "x-path") == path)
        #expect(answer.headers.first(name: "x-kind") == "anonymous")
        #expect(answer.headers.first(name: "x-service") == nil)
    }

    @Test func pathsAreForEveryHost() throws {
        let rig = try makeRig(.open)
        #expect(get(rig, "/_apus/page/x", host: "localhost")?.headers.first(name: "x-path") == "/_apus/page/x")
        #expect(get(rig, "/_apus/other/x", host: "localhost")?.status == 404)
        // Elsewhere nothing has changed: an unsigned request to a service is refused.
        #expect(get(rig, "/2015-03-31/functions", host: "localhost")?.status == 403)
    }

    @Test func openPagesLookAtNoSignature() throws {
        let rig = try makeRig(.open)
        let answer = get(rig, "/", "Authorization: Bearer x\r\nOrigin: https://elsewhere.example\r\n")
        #expect(answer?.headers.first(name: "x-kind") == "anonymous")
        let broken = get(rig, "/", "Authorization: AWS4-HMAC-SHA256 Credential=a/b/c/lambda/aws4_request\r\n")
        #expect(broken?.status == 200)
    }

    @Test func signedPagesWantOne() throws {
        let rig = try makeRig(.signed(service: "lambda"))
        #expect(get(rig, "/")?.status == 403)
        let answer = get(rig, signed("/"))
        #expect(answer?.headers.first(name: "x-kind") == "root")
        #expect(answer?.headers.first(name: "x-account") == "111111111111")
        #expect(get(rig, signed("/", service: "logs"))?.status == 403)
        #expect(get(rig, signed("/") + "&x=y")?.status == 403)
    }

    @Test func offeredPagesTakeBoth() throws {
        let rig = try makeRig(.offered(service: "lambda"))
        #expect(get(rig, "/")?.headers.first(name: "x-kind") == "anonymous")
        #expect(get(rig, "/", "Authorization: Bearer x\r\n")?.headers.first(name: "x-kind") == "anonymous")
        #expect(get(rig, signed("/"))?.headers.first(name: "x-kind") == "root")
        #expect(get(rig, signed("/") + "&x=y")?.status == 403)
    }

    // Without authentication everybody counts as the owner, but not pages of other sites.
    @Test func withoutAuthenticationOtherSitesAreNobody() throws {
        let rig = try makeRig(.offered(service: "lambda"), authentication: .off)
        #expect(get(rig, "/")?.headers.first(name: "x-kind") == "root")
        let elsewhere = get(rig, "/", "Origin: https://elsewhere.example\r\n")
        #expect(elsewhere?.headers.first(name: "x-kind") == "anonymous")
        #expect(get(rig, "/", "Origin: http://localhost:3000\r\n")?.headers.first(name: "x-kind") == "root")
    }

    @Test func pagesHaveLimitsOfTheirOwn() throws {
        let error = AWSError(code: "RequestEntityTooLargeException", message: "Too large", status: 413)
        let rig = try makeRig(.open, limit: (4, error))
        rig.send("POST / HTTP/1.1\r\nHost: page.x\r\nContent-Length: 4\r\n\r\nfour")
        #expect(rig.answer()?.body == "four")
        rig.send("POST / HTTP/1.1\r\nHost: page.x\r\nContent-Length: 5\r\n\r\nfive!")
        #expect(rig.answer()?.status == 413)
    }

    @Test func pagesLearnTheClientsAddress() async throws {
        let route = GatewayRoute(at: .host { $0 == "page" }, for: { _ in .open }) { request, eventLoop in
            eventLoop.makeSucceededFuture(
                .response(ServiceResponse(body: ByteBuffer(string: request.sourceIP ?? "-"))))
        }
        let gateway = Gateway(
            services: [], keys: KeyStore(), configuration: GatewayConfiguration(port: 0, routes: [route]))
        let client = try await Client(to: try await gateway.start())
        try await client.send("GET / HTTP/1.1\r\nHost: page\r\n\r\n")
        #expect(await client.answer()?.body == "127.0.0.1")
        await client.close()
        await gateway.stop()
    }
}
