import AWSWire
import NIOCore
import NIOHTTP1
import Testing

@testable import Gateway

/// How the connection speaks HTTP/1.1 (RFC 9110, RFC 9112).
@Suite struct HTTPTests {
    static let invoke = "/2015-03-31/functions/hello/invocations"

    @Test func answersAndKeepsTheConnection() throws {
        let rig = try Rig()
        for _ in 0..<2 {
            rig.send(
                "POST \(Self.invoke)?Qualifier=1 HTTP/1.1\r\nHost: localhost:4566\r\nContent-Length: 5\r\n\r\nhello")
            let answer = try #require(rig.answer())
            #expect(answer.status == 200)
            #expect(answer.body == "hello")
            #expect(answer.headers.first(name: "x-service") == "lambda")
            #expect(answer.headers.first(name: "x-query") == "Qualifier=1")
            #expect(answer.headers.first(name: "x-endpoint") == "http://localhost:4566")
            #expect(answer.headers.first(name: "date") == "Wed, 04 Mar 2026 05:06:07 GMT")
            let id = try #require(answer.headers.first(name: "x-amzn-requestid"))
            #expect(id.utf8.count == 36 && id == id.lowercased() && id.split(separator: "-").count == 5)
            #expect(!answer.headers.contains(name: "connection"))
        }
        #expect(rig.isOpen)
    }

    static let framings = [
        "POST \(invoke) HTTP/1.1\r\nHost: a\r\nContent-Length: 11\r\n\r\nhello world",
        "POST \(invoke) HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
            + "5\r\nhello\r\n6;x=y\r\n world\r\n0\r\nA: b\r\n\r\n",
        "POST \(invoke) HTTP/1.1\r\nHost: a\r\nx-amz-content-sha256: STREAMING-UNSIGNED-PAYLOAD-TRAILER\r\n"
            + "x-amz-decoded-content-length: 11\r\nContent-Length: 52\r\n\r\n"
            + "b\r\nhello world\r\n0\r\nx-amz-checksum-crc32:AAAAAA==\r\n\r\n",
    ]

    @Test(arguments: framings) func splitAnywhere(_ request: String) throws {
        let bytes = Array(request.utf8)
        for position in 0...bytes.count {
            let rig = try Rig()
            rig.send(Array(bytes[..<position]))
            rig.send(Array(bytes[position...]))
            #expect(rig.answer()?.body == "hello world", "split at \(position)")
        }
        let rig = try Rig()
        for byte in bytes + bytes { rig.send([byte]) }
        #expect(rig.answers().map(\.body) == ["hello world", "hello world"])
    }

    @Test func pipelinedAnswersComeInOrder() throws {
        let rig = try Rig()
        rig.send("GET /2015-03-31/wait HTTP/1.1\r\nHost: a\r\n\r\n")
        rig.send("GET /2015-03-31/second HTTP/1.1\r\nHost: a\r\n\r\nGET /2015-03-31/third HTTP/1.1\r\nHost: a\r\n\r\n")
        #expect(rig.answer() == nil)
        rig.lambda.release()
        #expect(
            rig.answers().map { $0.headers.first(name: "x-path") ?? $0.body } == [
                "waited", "/2015-03-31/second", "/2015-03-31/third",
            ])
    }

    @Test func manyPipelinedAtOnce() throws {
        let rig = try Rig()
        rig.send(String(repeating: "GET /2015-03-31/x HTTP/1.1\r\nHost: a\r\n\r\n", count: 5_000))
        #expect(rig.answers().count == 5_000)
        #expect(rig.isOpen)
    }

    @Test func headHasNoBody() throws {
        let rig = try Rig()
        rig.send("HEAD /_apus/health HTTP/1.1\r\nHost: a\r\n\r\n")
        let answer = try #require(rig.answer(isHead: true))
        #expect(answer.status == 200)
        #expect((Int(answer.headers.first(name: "content-length") ?? "") ?? 0) > 0)
        #expect(rig.rest.isEmpty)
        rig.send("GET /2015-03-31/x HTTP/1.1\r\nHost: a\r\n\r\n")
        #expect(rig.answer()?.status == 200)
    }

    @Test func connectionSemantics() throws {
        var rig = try Rig()
        rig.send("GET /2015-03-31/x HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        #expect(rig.answer()?.headers["connection"] == ["close"])
        #expect(!rig.isOpen)
        rig = try Rig()
        rig.send("GET /2015-03-31/x HTTP/1.0\r\n\r\n")
        #expect(rig.answer()?.headers["connection"] == ["close"])
        #expect(!rig.isOpen)
        rig = try Rig()
        rig.send("GET /2015-03-31/x HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
        #expect(rig.answer()?.headers["connection"] == ["keep-alive"])
        #expect(rig.isOpen)
        // We speak one protocol only; the parser stops at an offer of another one.
        rig = try Rig()
        rig.send("GET /2015-03-31/x HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n")
        #expect(rig.answer()?.status == 200)
        #expect(!rig.isOpen)
    }

    @Test func continues() throws {
        let rig = try Rig()
        rig.send("POST \(Self.invoke) HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n")
        #expect(rig.answer()?.status == 100)
        #expect(rig.answer() == nil)
        rig.send("hello")
        #expect(rig.answer()?.body == "hello")
    }

    @Test func doesNotInviteABodyItWillNotTake() throws {
        var rig = try Rig()
        rig.send("POST \(Self.invoke) HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 6291557\r\n\r\n")
        #expect(rig.answer()?.status == 413)
        #expect(!rig.isOpen)
        rig = try Rig { $0.authentication = .on }
        rig.send("POST \(Self.invoke) HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n")
        #expect(rig.answer()?.status == 403)
        #expect(!rig.isOpen)
        rig = try Rig()
        rig.send("POST \(Self.invoke) HTTP/1.1\r\nHost: a\r\nExpect: 200-maybe\r\nContent-Length: 5\r\n\r\n")
        #expect(rig.answer()?.status == 417)
        #expect(!rig.isOpen)
    }

    @Test func sizeOfBodies() throws {
        var rig = try Rig()
        let body = String(repeating: "x", count: 6_291_556)
        rig.send("POST \(Self.invoke) HTTP/1.1\r\nHost: a\r\nContent-Length: 6291556\r\n\r\n" + body)
        #expect(rig.answer()?.body.utf8.count == 6_291_556)
        rig = try Rig()
        rig.send("POST \(Self.invoke) HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5fffff\r\n")
        rig.send(String(repeating: "x", count: 0x5FFFFF) + "\r\n")
        #expect(rig.answer() == nil)
        rig.send("66\r\n" + String(repeating: "x", count: 0x66) + "\r\n")
        let answer = try #require(rig.answer())
        #expect(answer.status == 413)
        #expect(answer.headers.first(name: "x-amzn-errortype") == "RequestTooLargeException")
        // Lambda's words for a payload past the limit.
        #expect(
            answer.body.contains("Request must be smaller than 6291456 bytes for the InvokeFunction operation"))
        #expect(!rig.isOpen)
        #expect(rig.core.bodies.inUse == 0)
    }

    @Test func uploadsHaveALargerLimit() throws {
        let rig = try Rig()
        rig.send("POST /2015-03-31/functions/ HTTP/1.1\r\nHost: a\r\nContent-Length: 70167212\r\n\r\n")
        let answer = try #require(rig.answer())
        #expect(answer.status == 413)
        #expect(
            answer.body
                == "{\"message\":\"Request must be smaller than 70167211 bytes for the CreateFunction operation\"}")
    }

    @Test func memoryForBodiesIsBounded() throws {
        let rig = try Rig { $0.limits.bufferedBodies = 10 }
        rig.send("POST \(Self.invoke) HTTP/1.1\r\nHost: a\r\nContent-Length: 11\r\n\r\nhello world")
        #expect(rig.answer()?.status == 503)
        #expect(rig.core.bodies.inUse == 0)
    }

    @Test func largeHeads() throws {
        let long = String(repeating: "a", count: 20_000)
        let headers = (0..<10).map { "x\($0): \(long)\r\n" }.joined()
        for (request, status) in [
            ("GET /\(long) HTTP/1.1\r\nHost: a\r\n\r\n", 414),
            ("GET / HTTP/1.1\r\nHost: a\r\nx: \(long)\(long)\r\n\r\n", 431),
            ("GET / HTTP/1.1\r\nHost: a\r\n\(headers)\r\n", 431),
            ("GET / HTTP/1.1\r\nHost: a\r\n" + String(repeating: "x: y\r\n", count: 200) + "\r\n", 431),
            ("GET / HTTP/1.1\r\nHost: a\r\n" + String(repeating: "x: y\r\n", count: 5_000), 431),
        ] {
            let rig = try Rig()
            rig.send(request)
            #expect(rig.answer()?.status == status)
            #expect(!rig.isOpen)
        }
    }

    /// Messages whose end two readers could see at different places (RFC 9112, 11.2), and other malformed ones.
    @Test(arguments: [
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\nhello",
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5, 5\r\n\r\nhello",
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +5\r\n\r\nhello",
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: -5\r\n\r\nhello",
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0x5\r\n\r\nhello",
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999999999999\r\n\r\nhello",
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length : 5\r\n\r\nhello",
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: identity\r\n\r\nhello",
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n\r\n",
        "POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "GET / HTTP/1.1\r\n\r\n", "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", "GET / HTTP/1.1\r\nHost: a\r\n x: folded\r\n\r\n",
        "GET / HTTP/2.0\r\nHost: a\r\n\r\n", "CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n",
        "\u{16}\u{3}\u{1}\u{2}\u{0}\u{1}\u{0}", "hello\r\n\r\n", "GET x HTTP/1.1\r\nHost: a\r\n\r\n",
    ])
    func malformed(_ request: String) throws {
        let rig = try Rig()
        rig.send(request)
        let answer = try #require(rig.answer())
        #expect(answer.status == 400)
        #expect(answer.headers["connection"] == ["close"])
        #expect(!rig.isOpen)
        #expect(rig.rest.isEmpty)
    }

    @Test func aMalformedRequestWaitsForTheAnswerBeforeIt() throws {
        let rig = try Rig()
        rig.send("GET /2015-03-31/wait HTTP/1.1\r\nHost: a\r\n\r\nnonsense\r\n\r\n")
        #expect(rig.answer() == nil)
        rig.lambda.release()
        #expect(rig.answers().map(\.status) == [200, 400])
        #expect(!rig.isOpen)
    }

    @Test func absoluteTargets() throws {
        let rig = try Rig()
        rig.send("GET http://a/2015-03-31/x?y=z HTTP/1.1\r\nHost: a\r\n\r\n")
        #expect(rig.answer()?.headers.first(name: "x-path") == "/2015-03-31/x")
    }

    @Test func aSmallRefusedBodyLeavesTheConnection() throws {
        let rig = try Rig { $0.authentication = .on }
        for _ in 0..<2 {
            rig.send("POST \(Self.invoke) HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello")
            #expect(rig.answer()?.status == 403)
        }
        #expect(rig.isOpen)
    }

    @Test func clientLeavesWhileAServiceWorks() throws {
        let rig = try Rig()
        rig.send("POST /2015-03-31/wait HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello")
        #expect(rig.lambda.waitingCount == 1)
        try rig.disconnect()
        rig.lambda.release()
        rig.run()
        #expect(rig.core.bodies.inUse == 0)
    }

    @Test func halfClosedClientsGetTheirAnswer() throws {
        let rig = try Rig()
        rig.send("GET /2015-03-31/wait HTTP/1.1\r\nHost: a\r\n\r\n")
        rig.tell(ChannelEvent.inputClosed)
        #expect(rig.isOpen)
        rig.lambda.release()
        #expect(rig.answer()?.body == "waited")
        #expect(!rig.isOpen)
    }
}
