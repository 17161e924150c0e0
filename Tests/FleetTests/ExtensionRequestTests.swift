import RuntimeAPI
import Testing

private let destination = #""destination":{"protocol":"TCP","port":8080}"#

/// What an extension may ask for once it has registered, each with a request that is taken.
private enum Endpoint: CaseIterable {
    case next, initError, exitError, telemetry, logs

    var method: String {
        switch self {
        case .next: "GET"
        case .initError, .exitError: "POST"
        case .telemetry, .logs: "PUT"
        }
    }

    var path: String {
        switch self {
        case .next: "/2020-01-01/extension/event/next"
        case .initError: "/2020-01-01/extension/init/error"
        case .exitError: "/2020-01-01/extension/exit/error"
        case .telemetry: "/2022-07-01/telemetry"
        case .logs: "/2020-08-15/logs"
        }
    }

    var body: String {
        switch self {
        case .next: ""
        case .initError, .exitError: "{}"
        case .telemetry, .logs: #"{"schemaVersion":"\#(version)","types":["platform"],\#(destination)}"#
        }
    }

    /// Of a subscription.
    var version: String { self == .logs ? "2020-08-15" : "2022-07-01" }

    var headers: [String: String] {
        self == .initError || self == .exitError ? ["Lambda-Extension-Function-Error-Type": "Mine.Bad"] : [:]
    }
}

/// Bad requests of extensions, over real sockets, at every endpoint. Statuses and documents: Lambda's runtime interface
/// emulator; the API references of the Extensions, Telemetry and Logs APIs.
@Suite struct ExtensionRequestTests {
    private static let stranger = "11111111-2222-3333-4444-555555555555"
    /// More than an extension may send.
    private static let tooMuch = #"{"events":[]}"# + String(repeating: " ", count: 64 * 1024)

    /// One extension's connection.
    private final class Client {
        private let connection: RuntimeConnection
        var id: String?

        init(_ server: TestServer) { connection = server.connect() }

        /// The answer's status and error type.
        func send(
            _ endpoint: Endpoint, id: String? = nil, body: String? = nil, headers: [String: String]? = nil
        ) -> String {
            ask(endpoint, id: id, body: body, headers: headers)
            return answer()
        }

        func ask(_ endpoint: Endpoint, id: String? = nil, body: String? = nil, headers: [String: String]? = nil) {
            var lines = headers ?? endpoint.headers
            lines["Lambda-Extension-Identifier"] = id ?? self.id
            send("\(endpoint.method) \(endpoint.path)", lines, body ?? endpoint.body)
        }

        private func send(_ line: String, _ headers: [String: String], _ body: String) {
            connection.send(
                "\(line) HTTP/1.1\r\nHost: a\r\n" + headers.map { "\($0.key): \($0.value)\r\n" }.joined()
                    + "Content-Length: \(body.utf8.count)\r\n\r\n\(body)")
        }

        func answer() -> String {
            guard let answer = connection.receive() else { return "closed" }
            if let id = answer.headers["lambda-extension-identifier"] { self.id = id }
            let type = answer.body.firstMatch(of: /"errorType":"([^"]+)"/).map { " \($0.1)" } ?? ""
            return "\(answer.status)\(type)"
        }

        func register(_ name: String?, _ body: String = #"{"events":["INVOKE"]}"#) -> String {
            send("POST /2020-01-01/extension/register", name.map { ["Lambda-Extension-Name": $0] } ?? [:], body)
            return answer()
        }
    }

    /// The runtime and the clients ask for events: the initialisation is over.
    private func endInitialisation(_ server: TestServer, _ clients: [Client]) async throws {
        server.connect().send("GET /2018-06-01/runtime/invocation/next HTTP/1.1\r\nHost: a\r\n\r\n")
        for client in clients { client.ask(.next) }
        try await eventually("the initialisation is over") { server.events.contains("ready") }
    }

    @Test func registrations() async throws {
        let server = try await TestServer.start(extensions: ["outside"])
        let client = Client(server)
        for (name, body, expected) in [
            (nil, "{}", "403 Extension.InvalidExtensionName"), ("", "{}", "403 Extension.InvalidExtensionName"),
            ("outside", "", "403 InvalidRequestFormat"), ("outside", "{", "403 InvalidRequestFormat"),
            ("outside", "[]", "403 InvalidRequestFormat"), ("outside", "\u{0}", "403 InvalidRequestFormat"),
            ("outside", #"{"events":"INVOKE"}"#, "403 InvalidRequestFormat"),
            ("outside", #"{"events":["START"]}"#, "403 Extension.InvalidEventType"),
            ("inside", #"{"events":["SHUTDOWN"]}"#, "403 Extension.InvalidEventType"),
            ("outside", Self.tooMuch, "413 RequestEntityTooLarge"),
        ] as [(String?, String, String)] {
            #expect(client.register(name, body) == expected, "\(name ?? "-") \(body.prefix(40))")
            #expect(client.id == nil)
        }
        #expect(server.events.isEmpty)
        #expect(client.register("outside") == "200")
        #expect(server.events == ["registered"])
        #expect(client.register("outside") == "403 Extension.InvalidExtensionState")
        let inside = Client(server)
        #expect(inside.register("inside") == "200")
        #expect(Client(server).register("inside") == "403 Extension.InvalidExtensionState")
        try await endInitialisation(server, [client, inside])
        #expect(Client(server).register("late") == "403 Extension.RegistrationClosed")
        await server.stop()
    }

    @Test(arguments: Endpoint.allCases)
    private func identifiers(endpoint: Endpoint) async throws {
        let server = try await TestServer.start(extensions: ["outside"])
        let client = Client(server)
        #expect(client.send(endpoint) == "403 Extension.MissingExtensionIdentifier")
        #expect(client.send(endpoint, id: "") == "403 Extension.MissingExtensionIdentifier")
        #expect(client.send(endpoint, id: "me") == "403 Extension.InvalidExtensionIdentifier")
        #expect(client.send(endpoint, id: Self.stranger) == "403 Extension.UnknownExtensionIdentifier")
        #expect(client.send(endpoint, id: Self.stranger + "0") == "403 Extension.InvalidExtensionIdentifier")
        #expect(server.events.isEmpty)
        await server.stop()
    }

    @Test(arguments: [Endpoint.initError, .exitError, .telemetry, .logs])
    private func largeBodies(endpoint: Endpoint) async throws {
        let server = try await TestServer.start(extensions: ["outside"])
        let client = Client(server)
        #expect(client.register("outside") == "200")
        #expect(client.send(endpoint, body: Self.tooMuch) == "413 RequestEntityTooLarge")
        // What was refused has changed nothing, and the connection goes on.
        let isSubscription = endpoint.method == "PUT"
        #expect(client.send(endpoint) == (isSubscription ? "200" : "202"))
        #expect(server.events == ["registered"] + (isSubscription ? ["outside subscribed"] : []))
        await server.stop()
    }

    @Test func errorsConflictWithStates() async throws {
        let server = try await TestServer.start(extensions: ["a", "b"])
        let (failing, leaving) = (Client(server), Client(server))
        #expect(failing.register("a") == "200" && leaving.register("b") == "200")
        for endpoint in [Endpoint.initError, .exitError] {
            for headers in [[:], ["Lambda-Extension-Function-Error-Type": ""]] {
                #expect(failing.send(endpoint, headers: headers) == "403 Extension.MissingHeader")
            }
        }
        // After an error an extension may only repeat it.
        for _ in 0..<2 { #expect(failing.send(.initError) == "202") }
        for endpoint in [Endpoint.exitError, .next] {
            #expect(failing.send(endpoint) == "403 Extension.InvalidExtensionState")
        }
        for _ in 0..<2 { #expect(leaving.send(.exitError) == "202") }
        for endpoint in [Endpoint.initError, .next] {
            #expect(leaving.send(endpoint) == "403 Extension.InvalidExtensionState")
        }
        await server.stop()
    }

    @Test func whoWaitsForAnEventHasInitialised() async throws {
        let server = try await TestServer.start(extensions: ["outside"])
        let client = Client(server)
        #expect(client.register("outside") == "200")
        try await endInitialisation(server, [client])
        let other = Client(server)
        other.id = client.id
        #expect(other.send(.initError) == "403 Extension.InvalidExtensionState")
        #expect(other.send(.exitError) == "202")
        await server.stop()
    }

    @Test(arguments: [Endpoint.telemetry, .logs]) private func subscriptions(endpoint: Endpoint) async throws {
        let server = try await TestServer.start(extensions: ["outside"])
        let client = Client(server)
        #expect(client.register("outside") == "200")
        func body(_ members: String) -> String { #"{"schemaVersion":"\#(endpoint.version)",\#(members)}"# }
        for text in [
            "", "{", "[]", "null", "{}", #"{"schemaVersion":"2000-01-01","types":["platform"],\#(destination)}"#,
            body(#""types":[],\#(destination)"#), body(#""types":["everything"],\#(destination)"#),
            body(#""types":"platform",\#(destination)"#), body(#""types":["platform"]"#),
            body(#""types":["platform"],"destination":{"protocol":"TCP"}"#),
            body(#""types":["platform"],"destination":{"protocol":"HTTP","URI":"http://10.0.0.1:80"}"#),
            body(#""types":["platform"],"destination":{"protocol":"TCP","port":9001}"#),
            body(#""types":["platform"],"buffering":{"maxItems":1},\#(destination)"#),
            body(#""types":["platform"],"buffering":{"maxBytes":9999999},\#(destination)"#),
            body(#""types":["platform"],"buffering":{"timeoutMs":"1000"},\#(destination)"#),
        ] { #expect(client.send(endpoint, body: text) == "400 ValidationError", "\(text)") }
        #expect(server.events == ["registered"])
        #expect(client.send(endpoint) == "200")
        // A second one takes the place of the first, unless it is of the other API (developer guide, "Lambda Logs API").
        #expect(client.send(endpoint) == "200")
        #expect(client.send(endpoint == .logs ? .telemetry : .logs) == "400 ValidationError")
        try await endInitialisation(server, [client])
        let late = Client(server)
        late.id = client.id
        let api = endpoint == .logs ? "Logs" : "Telemetry"
        #expect(late.send(endpoint) == "403 \(api).SubscriptionClosed")
        await server.stop()
    }
}
