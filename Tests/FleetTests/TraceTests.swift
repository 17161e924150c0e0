import AWSWire
import NIOCore
import Sandbox
import Synchronization
import Testing
import TestSupport

@testable import Fleet

#if canImport(Glibc)
    import Glibc
#endif

/// The segments of sampled invocations: https://docs.aws.amazon.com/lambda/latest/dg/services-xray.html
@Suite struct TraceTests {
    private static let root = "1-5759e988-bd862e3fe1be46a994272793"
    private static let header = "Root=\(root);Parent=53995c3f42cd8ad8;Sampled=1;Lineage=a:0"

    private func segments(_ fixture: FleetFixture, count: Int) async throws -> [String: JSONValue] {
        try #require(try await eventually { fixture.traces.documents.count >= count })
        var found: [String: JSONValue] = [:]
        for document in fixture.traces.documents {
            let json = try JSONValue(parsing: ByteBuffer(string: document))
            found[json["origin"]?.string ?? json["name"]?.string ?? ""] = json
        }
        return found
    }

    private func names(_ segment: JSONValue?) -> [String?] {
        segment?["subsegments"]?.elements.map { $0["name"]?.string } ?? []
    }

    @Test func aSampledInvocationHasTwo() async throws {
        let seen = Mutex<[String]>([])
        let fixture = FleetFixture { runtime in
            runtime.serve { event, connection in
                let header = event.headers.first { $0.key.lowercased() == "lambda-runtime-trace-id" }?.value ?? ""
                seen.withLock { $0.append(header) }
                connection.respond(event.requestID, "1")
            }
        }
        _ = try await fixture.start(sampled: Self.header).get()
        let found = try await segments(fixture, count: 2)
        let (service, function) = (found["AWS::Lambda"], found["AWS::Lambda::Function"])
        for segment in [service, function] {
            #expect(segment?["trace_id"]?.string == Self.root)
            #expect(segment?["name"]?.string == "hello")
            #expect(segment?["resource_arn"]?.string == "arn:aws:lambda:us-east-1:000000000000:function:hello")
            #expect(segment?["aws"]?["request_id"]?.string == "r-1")
            #expect(segment?["aws"]?["account_id"]?.string == "000000000000")
            #expect(segment?["fault"] == nil && segment?["error"] == nil)
        }
        #expect(service?["parent_id"]?.string == "53995c3f42cd8ad8")
        #expect(service?["http"]?["response"]?["status"]?.int == 200)
        #expect(function?["parent_id"]?.string == service?["id"]?.string)
        #expect(names(function) == ["Initialization", "Invocation", "Overhead"])
        // What the function sends hangs on its own segment; the rest of the header is the caller's.
        let id = try #require(function?["id"]?.string)
        #expect(seen.withLock { $0 } == ["Root=\(Self.root);Parent=\(id);Sampled=1;Lineage=a:0"])

        _ = try await fixture.start(sampled: Self.header).get()
        let second = try await segments(fixture, count: 4)["AWS::Lambda::Function"]
        #expect(names(second) == ["Invocation", "Overhead"])
        #expect(second?["id"]?.string != id)
        await fixture.fleet.shutDown()
    }

    @Test func othersHaveNone() async throws {
        let fixture = FleetFixture { runtime in
            runtime.serve { event, connection in connection.respond(event.requestID, "1") }
        }
        for _ in 0..<3 { _ = try await fixture.invoke() }
        // A header that names no trace.
        for header in ["Root=1-2-3;Sampled=1", "Sampled=1", "", "Root=;Sampled=1"] {
            _ = try await fixture.start(sampled: header).get()
        }
        await fixture.fleet.shutDown()
        #expect(fixture.traces.documents.isEmpty)
        // Nothing that is only for traces was made.
        #expect(fixture.sandboxing.datagramPorts.isEmpty)
    }

    @Test func errorsAreFaultsWithACause() async throws {
        let document = #"{"errorType":"ValueError","errorMessage":"no good"}"#
        let fixture = FleetFixture { runtime in
            runtime.serve { event, connection in
                connection.fail(event.requestID, document, type: "Function.ValueError")
            }
        }
        _ = try await fixture.start(sampled: Self.header).get()
        let found = try await segments(fixture, count: 2)
        #expect(found["AWS::Lambda"]?["fault"]?.bool == true)
        let function = found["AWS::Lambda::Function"]
        #expect(function?["fault"]?.bool == true)
        let exception = function?["cause"]?["exceptions"]?.elements.first
        #expect(exception?["type"]?.string == "ValueError" && exception?["message"]?.string == "no good")
        await fixture.fleet.shutDown()
    }

    @Test func anEnvironmentThatEndsIsAFault() async throws {
        let fixture = FleetFixture { _ in SandboxExit(cause: .exited(status: 3)) }
        _ = try await fixture.start(sampled: Self.header).get()
        let function = try await segments(fixture, count: 2)["AWS::Lambda::Function"]
        #expect(function?["fault"]?.bool == true)
        #expect(function?["cause"]?["exceptions"]?.elements.first?["type"]?.string == "Runtime.ExitError")
        await fixture.fleet.shutDown()
    }

    @Test func refusalsAreTheServicesAlone() async throws {
        let fixture = FleetFixture { _ in SandboxExit(cause: .lost) }
        fixture.fleet.setReservedConcurrency(account: "000000000000", region: "us-east-1", name: "hello", 0)
        await #expect(throws: FleetError.self) { try await fixture.start(sampled: Self.header).get() }
        let found = try await segments(fixture, count: 1)
        let service = found["AWS::Lambda"]
        #expect(service?["throttle"]?.bool == true && service?["error"]?.bool == true && service?["fault"] == nil)
        #expect(service?["http"]?["response"]?["status"]?.int == 429)
        #expect(found.count == 1)
        await fixture.fleet.shutDown()
    }

    @Test func datagramsOfATracedFunctionAreRecorded() async throws {
        let fixture = FleetFixture { runtime in
            runtime.serve { event, connection in connection.respond(event.requestID, "1") }
        }
        var version = fixture.version()
        version.isTraced = true
        _ = try await fixture.invoke(version: version)
        try #require(try await eventually { fixture.sandboxing.datagramPorts.count == 1 })
        let port = try #require(fixture.sandboxing.datagramPorts.first)
        send("nonsense", to: port)
        send("{\"format\":\"xml\",\"version\":1}\n{\"other\":1}", to: port)
        // More than are read at once, no more than a socket's buffer holds.
        for _ in 0..<150 { send("", to: port) }
        send("{\"format\": \"json\", \"version\": 1}\n{\"mine\":1}", to: port)
        #expect(try await eventually { !fixture.traces.documents.isEmpty })
        #expect(fixture.traces.documents == ["{\"mine\":1}"])
        await fixture.fleet.shutDown()
    }

    private func send(_ text: String, to port: UInt16) {
        let sender = socket(AF_INET, Int32(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        defer { close(sender) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        _ = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { generic in
                sendto(sender, text, text.utf8.count, 0, generic, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
    }

    /// Whoever is in the environment sends these, and callers the headers.
    @Test func survivesMutations() {
        var generator = SeededGenerator(seed: 13)
        let datagram = Array("{\"format\": \"json\", \"version\": 1}\n{\"id\":1}".utf8)
        let header = Array(Self.header.utf8)
        func damage(_ bytes: [UInt8]) -> [UInt8] {
            var bytes = bytes
            for _ in 0...Int.random(in: 0...3, using: &generator) where !bytes.isEmpty {
                let index = Int.random(in: bytes.indices, using: &generator)
                switch Int.random(in: 0...2, using: &generator) {
                case 0: bytes[index] = UInt8.random(in: .min ... .max, using: &generator)
                case 1: bytes.remove(at: index)
                default: bytes.insert(contentsOf: Array(";=\n1-\"".utf8).shuffled(using: &generator), at: index)
                }
            }
            return bytes
        }
        var (segments, contexts) = (0, 0)
        for _ in 0..<5000 {
            if let segment = TraceDaemon.segment(in: ByteBuffer(bytes: damage(datagram))) {
                segments += 1
                #expect(segment.readableBytes > 0)
            }
            if let context = TraceContext(String(decoding: damage(header), as: UTF8.self)) {
                contexts += 1
                let again = TraceContext(context.header(parent: "0123456789abcdef"))
                #expect(again?.root == context.root && again?.parent == "0123456789abcdef")
            }
        }
        #expect(segments > 100 && contexts > 100)
    }
}
