import NIOCore
import Sandbox
import TestSupport
import Testing

@testable import RuntimeAPI

/// What extensions may ask when. Statuses, types and messages: Lambda's runtime interface emulator.
@Suite struct ExtensionAPITests {
    private func body(_ text: String) -> ByteBuffer { ByteBuffer(string: text) }

    private func describe(_ registration: ExtensionRegistry.Registration) -> String {
        switch registration {
        case .registered: "registered"
        case .refused(let refusal): "\(refusal.status.prefix(3)) \(refusal.body.text)"
        }
    }

    private func error(_ type: String, _ message: String) -> String {
        #"403 {"errorMessage":"\#(message)","errorType":"\#(type)"}"#
    }

    @Test func registrationsAreChecked() {
        var registry = ExtensionRegistry(externals: ["outside"])
        #expect(!registry.isComplete && !registry.isReady)
        for (name, text, expected) in [
            (nil, "{}", error("Extension.InvalidExtensionName", "Empty extension name")),
            ("", "{}", error("Extension.InvalidExtensionName", "Empty extension name")),
            ("outside", "", error("InvalidRequestFormat", "unexpected end of JSON input")),
            ("outside", "{", error("InvalidRequestFormat", "the body is not valid JSON")),
            ("outside", #"{"events":[1]}"#, error("InvalidRequestFormat", "events is not a list of strings")),
            (
                "outside", #"{"events":[],"configurationKeys":["a"]}"#,
                error(
                    "InvalidRequestFormat", "configurationKeys are deprecated; use environment variables instead")
            ),
            (
                "outside", #"{"events":["invoke"]}"#,
                error("Extension.InvalidEventType", "invoke: ErrorInvalidEventType")
            ),
            (
                "inside", #"{"events":["SHUTDOWN"]}"#,
                error("Extension.InvalidEventType", "SHUTDOWN: ShutdownEventNotSupportedForInternalExtension")
            ),
            ("outside", #"{"events":["INVOKE","SHUTDOWN"]}"#, "registered"),
            (
                "outside", "{}",
                error(
                    "Extension.InvalidExtensionState",
                    "State transition from Registered to Registered failed for extension outside. "
                        + "Error: State transition is not allowed")
            ),
            ("inside", "{}", "registered"),
            ("inside", "{}", error("Extension.InvalidExtensionState", "Extension with this name already registered")),
        ] as [(String?, String, String)] {
            #expect(describe(registry.register(name: name, body: body(text))) == expected)
        }
        #expect(registry.isComplete)
        for number in 2..<10 {
            #expect(describe(registry.register(name: "inside-\(number)", body: body("{}"))) == "registered")
        }
        #expect(
            describe(registry.register(name: "eleventh", body: body("{}")))
                == error("Extension.TooManyExtensions", "Extension limit (10) reached"))
        registry.close()
        #expect(
            describe(registry.register(name: "late", body: body("{}")))
                == error("Extension.RegistrationClosed", "Extension registration closed already"))
    }

    @Test func identifiersAreChecked() {
        var registry = ExtensionRegistry(externals: ["outside", "silent"])
        guard case .registered(let id) = registry.register(name: "outside", body: body("{}")) else {
            Issue.record("not registered")
            return
        }
        func find(_ identifier: String?) -> String {
            switch registry.find(identifier, unknown: { "Unknown extension \($0)" }) {
            case .member(let index): "\(index)"
            case .refused(let refusal): "\(refusal.status.prefix(3)) \(refusal.body.text)"
            }
        }
        let stranger = "11111111-2222-3333-4444-555555555555"
        #expect(
            find(nil)
                == error("Extension.MissingExtensionIdentifier", "Missing Lambda-Extension-Identifier header"))
        #expect(find("x") == error("Extension.InvalidExtensionIdentifier", "Invalid Lambda-Extension-Identifier"))
        #expect(find(stranger) == error("Extension.UnknownExtensionIdentifier", "Unknown extension \(stranger)"))
        // The id of an extension that has not registered is nobody's.
        #expect(find(registry.members[1].id).contains("UnknownExtensionIdentifier"))
        #expect(find(id) == "0" && find(id.uppercased()) == "0")
    }

    /// Whatever extensions ask in whatever order, the registry and this model agree.
    @Test(arguments: 0..<16 as Range<UInt64>) func statesFollowTheirRules(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        var registry = ExtensionRegistry(externals: ["a"])
        _ = registry.register(name: "a", body: body(#"{"events":["INVOKE"]}"#))
        var state = "Registered"
        for _ in 0..<200 {
            switch Int.random(in: 0..<12, using: &generator) {
            case 0..<6:
                let isAllowed = ["Registered", "Running", "Ready"].contains(state)
                switch registry.next(0) {
                case .wait:
                    #expect(isAllowed)
                    state = "Ready"
                case .deliver: Issue.record("there is no event")
                case .refuse(let refusal):
                    #expect(!isAllowed && refusal.body.text.contains("from \(state) to Ready"))
                }
            case 6..<10:
                let taken = registry.dispatch(.invoke, body("{}"))
                #expect(taken == (state == "Ready" ? [0] : []))
                if !taken.isEmpty {
                    #expect(!registry.isReady)
                    registry.delivered(0)
                    state = "Running"
                }
            case 10:
                let isAllowed = state == "Registered" || state == "InitError"
                #expect((registry.fail(0, .initError, errorType: "T") == nil) == isAllowed)
                if isAllowed { state = "InitError" }
            default:
                let isAllowed = state != "InitError"
                #expect((registry.fail(0, .exitError, errorType: "T") == nil) == isAllowed)
                if isAllowed { state = "ExitError" }
            }
            #expect(registry.members[0].state.rawValue == state)
            #expect(registry.isReady == (state == "Ready"))
            if state.hasSuffix("Error"), Bool.random(using: &generator) {
                registry = ExtensionRegistry(externals: ["a"])
                _ = registry.register(name: "a", body: body(#"{"events":["INVOKE"]}"#))
                state = "Registered"
            }
        }
    }

    /// Lambda waits for every extension that wants the event, whatever it does (the emulator's `shutdownAgents`).
    @Test func anEventIsHeldForWhoDoesNotWaitForIt() {
        var registry = ExtensionRegistry(externals: ["silent", "registered", "ready", "running", "failed", "other"])
        let both = #"{"events":["INVOKE","SHUTDOWN"]}"#
        for name in ["registered", "ready", "running", "failed"] { _ = registry.register(name: name, body: body(both)) }
        _ = registry.register(name: "other", body: body(#"{"events":["INVOKE"]}"#))
        for index in [2, 3] { _ = registry.next(index) }
        registry.delivered(3)
        _ = registry.fail(4, .exitError, errorType: "T")
        #expect(registry.dispatch(.shutdown, body("end")) == [2])
        #expect(registry.hold(.shutdown, body("end")) == ["registered", "running", "failed"])
        for (index, isHeld) in [(1, true), (3, true), (5, false)] {
            if case .deliver(let event) = registry.next(index) {
                #expect(isHeld && event == body("end"))
                #expect(registry.members[index].state == .running && registry.members[index].event == nil)
            } else {
                #expect(!isHeld)
            }
        }
        if case .refuse = registry.next(4) {} else { Issue.record("a failed extension got an event") }
    }

    @Test func anErrorNeedsItsHeader() {
        var registry = ExtensionRegistry(externals: ["a"])
        _ = registry.register(name: "a", body: body("{}"))
        #expect(
            registry.fail(0, .initError, errorType: nil)?.body.text
                == #"{"errorMessage":"Lambda-Extension-Function-Error-Type not found","#
                + #""errorType":"Extension.MissingHeader"}"#)
        #expect(registry.fatalError == nil)
        _ = registry.fail(0, .initError, errorType: "x")
        #expect(registry.fatalError == "Extension.InitError")
    }

    /// Schema and bounds: the emulator's subscription schema; the API reference's defaults; the methods of HTTP:
    /// developer guide, "Lambda Logs API", destination protocols.
    @Test func subscriptionsAreChecked() throws {
        func subscription(_ text: String, _ schema: TelemetrySubscription.Schema = .telemetry) -> String {
            do {
                let value = try TelemetrySubscription(body(text), schema: schema)
                let destination =
                    switch value.destination {
                    case .http(let port, let path, let method): "\(method.rawValue) \(port)\(path)"
                    case .tcp(let port): "TCP \(port)"
                    }
                return "\(destination) \(value.maxItems) \(value.maxBytes) \(value.timeout.nanoseconds / 1_000_000)"
            } catch { return error.message }
        }
        func telemetry(_ destination: String, _ more: String = "") -> String {
            #"{"schemaVersion":"2022-07-01","types":["platform"],"destination":\#(destination)\#(more)}"#
        }
        let http = #"{"protocol":"HTTP","URI":"http://sandbox.localdomain:8080/in?x"}"#
        #expect(subscription(telemetry(http)) == "POST 8080/in?x 10000 262144 1000")
        #expect(
            subscription(telemetry(http, #","buffering":{"maxItems":1000,"maxBytes":1048576,"timeoutMs":25}"#))
                == "POST 8080/in?x 1000 1048576 25")
        #expect(subscription(telemetry(#"{"protocol":"TCP","port":99}"#)) == "TCP 99 10000 262144 1000")
        #expect(
            subscription(#"{"types":["function"],"destination":{"protocol":"HTTP","URI":"http://sandbox"}}"#, .logs)
                == "POST 80/ 10000 262144 1000")
        #expect(
            subscription(telemetry(#"{"protocol":"HTTP","URI":"http://sandbox","method":"PUT","encoding":"JSON"}"#))
                == "PUT 80/ 10000 262144 1000")
        for uri in [
            "http://localhost:1", "https://sandbox.localdomain:1", "http://sandbox.localdomain:0", "sandbox",
            "http://sandbox.localdomain:1/a b", "http://sandbox.localdomain.evil:1", "http://a@sandbox.localdomain:1",
            "http://sandbox.localdomain:99999", "http://sandbox.localdomain:1:2",
        ] {
            #expect(
                subscription(telemetry(#"{"protocol":"HTTP","URI":"\#(uri)"}"#))
                    == "destination.URI host must be sandbox.localdomain", "\(uri)")
        }
        for text in [
            "", "[]", "{}", #"{"schemaVersion":"1","types":["platform"],"destination":\#(http)}"#,
            telemetry(#"{"protocol":"HTTP","URI":"http://sandbox","method":"GET"}"#),
            telemetry(#"{"protocol":"HTTP","URI":"http://sandbox","method":7}"#),
            telemetry(#"{"protocol":"HTTP","URI":"http://sandbox","encoding":"XML"}"#),
            telemetry(#"{"protocol":"UDP"}"#), telemetry(#"{"protocol":"TCP","port":0}"#), telemetry("7"),
            telemetry(#"{"protocol":"TCP","port":9001}"#), telemetry(http, #","buffering":{"maxItems":999}"#),
            telemetry(http, #","buffering":{"timeoutMs":30001}"#), telemetry(http, #","buffering":[]"#),
            #"{"schemaVersion":"2022-07-01","types":[],"destination":\#(http)}"#,
            #"{"schemaVersion":"2022-07-01","types":["all"],"destination":\#(http)}"#,
        ] {
            #expect(!subscription(text).contains(" 262144 "), "\(text)")
        }
    }

    /// Almost valid requests are refused or taken, and never a trap.
    @Test(arguments: 0..<8 as Range<UInt64>) func mutatedBodiesDoNoHarm(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        let seeds = [
            #"{"events":["INVOKE","SHUTDOWN"],"configurationKeys":[]}"#,
            #"{"schemaVersion":"2022-07-01","types":["platform","function"],"buffering":{"maxItems":1000,"maxBytes":"#
                + #"262144,"timeoutMs":100},"destination":{"protocol":"HTTP","URI":"http://sandbox.localdomain:8080/"}}"#,
            #"{"types":["extension"],"destination":{"protocol":"TCP","port":8080}}"#,
        ].map { Array($0.utf8) }
        for _ in 0..<3000 {
            var bytes = seeds.randomElement(using: &generator) ?? []
            for _ in 0..<Int.random(in: 1...4, using: &generator) where !bytes.isEmpty {
                let at = Int.random(in: 0..<bytes.count, using: &generator)
                switch Int.random(in: 0..<4, using: &generator) {
                case 0: bytes[at] = UInt8.random(in: 0...255, using: &generator)
                case 1: bytes.remove(at: at)
                case 2: bytes.insert(bytes[at], at: at)
                default: bytes[at] = UInt8.random(in: 0x30...0x39, using: &generator)
                }
            }
            let buffer = ByteBuffer(bytes: bytes)
            var registry = ExtensionRegistry(externals: ["a"])
            if case .registered = registry.register(name: "a", body: buffer) { #expect(registry.isComplete) }
            for schema in [TelemetrySubscription.Schema.telemetry, .logs] {
                guard let value = try? TelemetrySubscription(buffer, schema: schema) else { continue }
                #expect((1000...10_000).contains(value.maxItems) && (262_144...1_048_576).contains(value.maxBytes))
                if case .http(let port, let path, _) = value.destination {
                    #expect(port != 9001 && port > 0 && path.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F })
                }
            }
        }
    }
}
