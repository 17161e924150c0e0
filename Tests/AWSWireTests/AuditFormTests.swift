import AWSWire
import NIOCore
import NIOHTTP1
import Testing

/// What the audit tells of forms, which it reads as the services do.
@Suite struct AuditFormTests {
    private func told(_ body: String, query: String? = nil) -> AuditValue {
        AuditDisclosure().form(
            of: ServiceRequest(
                method: .POST, path: "/", query: query, body: ByteBuffer(string: body),
                caller: Caller(.root(.standard, accessKeyID: "k"), region: "us-east-1"), requestID: "r"))
    }

    private func object(_ members: (String, AuditValue)...) -> AuditValue {
        .object(members.map { AuditValue.Member($0.0, $0.1) })
    }

    @Test func membersAreInTheOrderOfTheirNames() {
        #expect(
            told("UserName=ann&Action=X&Path=/a/&Version=1&X-Amz-Date=2", query: "MaxItems=7")
                == object(("maxItems", .number("7")), ("path", .text("/a/")), ("userName", .text("ann"))))
    }

    @Test func listsAreInTheOrderOfTheirNumbers() {
        let form = "T.member.10.Key=c&T.member.2.Key=b&T.member.1.Key=a&F.2=y&F.1=x&Empty.member=&L.01=p&L.1=q"
        let told = told(form)
        #expect(told["t"] == .list(["a", "b", "c"].map { object(("key", .text($0))) }))
        #expect(told["f"] == .list([.text("x"), .text("y")]))
        #expect(told["empty"] == .list([]))
        #expect(told["l"] == .list([.text("p"), .text("q")]))
    }

    @Test func secretsAreHiddenAtEveryDepth() {
        let told = told("Password=geheim&A.member.1.SecretAccessKey=geheim&Password.member.1=geheim")
        #expect(told["password"] == .hidden)
        #expect(told["a"] == .list([object(("secretAccessKey", .hidden))]))
    }

    // The bound of whoever answers the request: a mebibyte of names is not worth more than that.
    @Test func thereAreNotAsManyMembers() {
        let many = (0..<100_000).map { "n\($0)=" }.joined(separator: "&")
        guard case .object(let members) = told(many) else { return #expect(Bool(false), "no object") }
        #expect(members.count == 10_000)
    }

    @Test func aFormIsReadOnce() {
        var request = ServiceRequest(
            method: .POST, path: "/", body: ByteBuffer(string: "A=1"),
            caller: Caller(.root(.standard, accessKeyID: "k"), region: "us-east-1"), requestID: "r"
        ).readingForm()
        request.body = ByteBuffer(string: "A=2")
        #expect(FormValue(request)["A"]?.text == "1")
    }
}
