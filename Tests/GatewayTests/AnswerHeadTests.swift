import NIOCore
import NIOHTTP1
import Testing

@testable import Gateway

/// The bytes of answers' heads.
@Suite struct AnswerHeadTests {
    private static func head(
        _ status: HTTPResponseStatus = .ok, _ headers: HTTPHeaders = [:], length: Int? = nil,
        version: HTTPVersion = .http1_1, _ persistence: AnswerHead.Persistence? = nil
    ) -> (text: String, framing: AnswerHead.Framing)? {
        let head = AnswerHead(
            status: status, version: version, headers: headers, length: length, requestID: "id", date: "now",
            persistence: persistence)
        return head.encode(ByteBufferAllocator()).map { (String(buffer: $0.bytes), $0.framing) }
    }

    private static let end = "x-amzn-RequestId: id\r\nDate: now\r\n\r\n"

    @Test func aLengthIsTold() throws {
        let head = try #require(Self.head(.ok, ["Content-Type": "a/b", "content-LENGTH": "99"], length: 5))
        #expect(head.text == "HTTP/1.1 200 OK\r\nContent-Type: a/b\r\nContent-Length: 5\r\n" + Self.end)
        #expect(head.framing == .none)
    }

    @Test func aLengthOfTheServicesIsKept() throws {
        let head = try #require(Self.head(.ok, ["Content-Length": "99"]))
        #expect(head.text == "HTTP/1.1 200 OK\r\nContent-Length: 99\r\n" + Self.end)
        #expect(head.framing == .none)
    }

    @Test func withoutALengthThereAreChunks() throws {
        let head = try #require(Self.head(.ok, ["transfer-encoding": "identity"]))
        #expect(head.text == "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n" + Self.end)
        #expect(head.framing == .chunks)
    }

    @Test func anOldClientHasNoChunks() throws {
        let head = try #require(Self.head(version: .http1_0, .close))
        #expect(head.text == "HTTP/1.0 200 OK\r\nx-amzn-RequestId: id\r\nDate: now\r\nConnection: close\r\n\r\n")
        #expect(head.framing == .none)
    }

    @Test func answersWithoutABodyHaveNoLength() throws {
        let head = try #require(
            Self.head(.noContent, ["Content-Length": "0", "Transfer-Encoding": "chunked"], length: 0))
        #expect(head.text == "HTTP/1.1 204 No Content\r\n" + Self.end)
    }

    @Test func whatIsTheGatewaysIsSaidOnce() throws {
        let head = try #require(
            Self.head(
                .ok, ["Date": "then", "connection": "x", "X-Amzn-RequestID": "y", "X-Amzn-RequestIE": "z"], length: 0,
                .keepAlive))
        #expect(
            head.text == "HTTP/1.1 200 OK\r\nX-Amzn-RequestIE: z\r\nContent-Length: 0\r\nx-amzn-RequestId: id\r\n"
                + "Date: now\r\nConnection: keep-alive\r\n\r\n")
    }

    @Test(arguments: [
        ("a", "b\r\nc: d"), ("a", "b\n"), ("a", "\u{0}"), ("a", "\u{7f}"), ("a b", "c"), ("a:", "b"), ("", "b"),
        ("a\r\nb", "c"), ("\u{e9}", "b"),
    ])
    func noHeaderEndsItsLine(name: String, value: String) {
        #expect(Self.head(.ok, [name: value], length: 0) == nil)
        #expect(Self.head(.custom(code: 299, reasonPhrase: "a\r\nb: c"), length: 0) == nil)
    }

    @Test func tabsAndLettersOfAnyAlphabetMayBeSaid() {
        #expect(Self.head(.ok, ["a": "b\tc \u{e9}"], length: 0)?.text.contains("a: b\tc \u{e9}\r\n") == true)
    }
}
