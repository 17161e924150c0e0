import AWSWire
import Identity
import NIOCore
import Synchronization
import TestSupport
import Testing

@testable import Delivery

@Suite struct URLTargetTests {
    private struct Refused: Error {}

    /// Answers with a status, or not at all.
    private final class Web: WebPosting {
        let status: Int?
        let posted = Mutex<[(url: String, headers: [String: String], body: String)]>([])

        init(_ status: Int?) { self.status = status }

        func post(_ url: String, headers: [(name: String, value: String)], body: ByteBuffer, timeout _: TimeAmount)
            async throws -> Int
        {
            guard let status else { throw Refused() }
            let headers = Dictionary(uniqueKeysWithValues: headers.map { ($0.name, $0.value) })
            posted.withLock { $0.append((url, headers, String(buffer: body))) }
            return status
        }
    }

    private static func parcel(_ target: String) -> Parcel {
        let topic = "arn:aws:sns:us-east-1:000000000000:topic"
        var parcel = Parcel(
            id: "5f0c1c3e-8b0a-4f6e-9d0a-2b9a5c1d7e42", to: target,
            from: ServiceCaller("sns.amazonaws.com", for: topic, of: .standard), ByteBuffer(string: "body\n"))
        parcel.attributes = ["Subject": .init(.text("two\r\nlines")), "bytes": .init(type: "Binary", .binary([1]))]
        return parcel
    }

    @Test func choosesByScheme() async throws {
        let delivery = Delivery()
        let web = Web(200)
        delivery.register(WebTarget(web: web), for: "http")
        #expect(delivery.reaches("HTTP://x/y") && !delivery.reaches("https://x/y"))
        try await delivery.send(Self.parcel("http://x/y"))
        let posted = try #require(web.posted.withLock { $0 }.first)
        #expect(posted.url == "http://x/y" && posted.body == "body\n" && posted.headers == ["Subject": "two\r\nlines"])
    }

    /// https://docs.aws.amazon.com/sns/latest/dg/sns-message-delivery-retries.html: errors of the client are final.
    @Test func tellsWhatMayPass() async {
        let cases: [(Int?, Bool?)] = [
            (200, nil), (204, nil), (301, true), (400, true), (404, true), (429, false), (500, false), (503, false),
            (nil, false),
        ]
        for (status, isFinal) in cases {
            do throws(DeliveryFailure) {
                try await WebTarget(web: Web(status)).deliver(Self.parcel("http://x"))
                #expect(isFinal == nil)
            } catch {
                #expect(error.isFinal == isFinal, "\(status ?? 0)")
            }
        }
    }

    @Test func lettersBecomeFiles() async throws {
        let folder = TemporaryDirectory()
        let mail = MailTarget(directory: folder.file("mail"), clock: { 1_767_225_600_000 })
        try await mail.deliver(Self.parcel("mailto:swift@example.com"))
        try await mail.deliver(Self.parcel("mailto:swift@example.com"))
        let file = readFile(folder.file("mail/5f0c1c3e-8b0a-4f6e-9d0a-2b9a5c1d7e42.eml"))
        let text = String(decoding: file, as: UTF8.self)
        #expect(text.contains("\r\nTo: swift@example.com\r\n") && text.contains("\r\nSubject: two  lines\r\n"))
        #expect(text.contains("\r\nDate: Thu, 01 Jan 2026 00:00:00 GMT\r\n") && text.hasSuffix("\r\n\r\nbody\n"))
    }
}
