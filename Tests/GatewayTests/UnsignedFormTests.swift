import AWSWire
import Identity
import NIOHTTP1
import Testing

@testable import Gateway

/// Forms that nobody signed: who has an identity provider's token sends it to STS without a signature.
@Suite struct UnsignedFormTests {
    private func rig(_ authentication: GatewayConfiguration.Authentication, hasSTS: Bool = true) throws -> Rig {
        let sts = EchoService("sts", wire: .query(namespace: "https://sts.amazonaws.com/doc/2011-06-15/"))
        let sns = EchoService("sns", wire: .query(namespace: "http://sns.amazonaws.com/doc/2010-03-31/"))
        return try Rig(services: hasSTS ? [sts, sns] : []) { $0.authentication = authentication }
    }

    private func form(_ body: String, path: String = "/", headers: String = "") -> String {
        "POST \(path) HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded; charset=utf-8\r\n\(headers)"
            + "Content-Length: \(body.utf8.count)\r\n\r\n\(body)"
    }

    @Test func reachSTSAsNobody() throws {
        let rig = try rig(.on)
        rig.send(form("Action=AssumeRoleWithWebIdentity"))
        let answer = try #require(rig.answer())
        #expect(answer.status == 200 && answer.headers.first(name: "x-service") == "sts")
        #expect(answer.headers.first(name: "x-kind") == "anonymous")
        #expect(answer.body == "Action=AssumeRoleWithWebIdentity")
    }

    /// What SNS sent to endpoints and readers of mail, who follow it in a browser.
    @Test(arguments: ["Action=ConfirmSubscription&TopicArn=t&Token=k", "Action=Unsubscribe&SubscriptionArn=s"])
    func linksReachSNSAsNobody(_ query: String) throws {
        for (mode, kind) in [(GatewayConfiguration.Authentication.on, "anonymous"), (.off, "root")] {
            let rig = try rig(mode)
            rig.send("GET /?\(query) HTTP/1.1\r\nHost: x\r\n\r\n")
            let answer = try #require(rig.answer())
            #expect(answer.status == 200 && answer.headers.first(name: "x-service") == "sns")
            #expect(answer.headers.first(name: "x-kind") == kind)
        }
        let rig = try rig(.on)
        rig.send("GET /?Action=ListTopics HTTP/1.1\r\nHost: x\r\n\r\n")
        #expect(rig.answer()?.status == 403)
    }

    @Test func areShort() throws {
        let rig = try rig(.on)
        rig.send(form("Action=" + String(repeating: "A", count: 65_536)))
        #expect(rig.answer()?.status == 413)
    }

    @Test func areForNoOtherService() throws {
        for request in [
            form("{}", path: "/2015-03-31/functions"), form("a=b", headers: "X-Amz-Target: Logs_20140328.X\r\n"),
            form("a=b", headers: "Authorization: AWS4-HMAC-SHA256 nonsense\r\n"),
        ] {
            let rig = try rig(.on)
            rig.send(request)
            let answer = try #require(rig.answer())
            #expect((400...403).contains(answer.status) && answer.headers.first(name: "x-service") == nil)
        }
        let rig = try rig(.on, hasSTS: false)
        rig.send(form("Action=AssumeRoleWithWebIdentity"))
        #expect(rig.answer()?.status == 403)
    }

    @Test func areTheOwnersWhereNobodySigns() throws {
        let rig = try rig(.off)
        rig.send(form("Action=GetCallerIdentity"))
        let answer = try #require(rig.answer())
        #expect(answer.headers.first(name: "x-service") == "sts" && answer.headers.first(name: "x-kind") == "root")
    }
}
