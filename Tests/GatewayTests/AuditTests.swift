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
