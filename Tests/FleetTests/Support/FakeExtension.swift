import Synchronization

#if canImport(Glibc)
    import Glibc
#endif

/// An extension's client of the Extensions API, over one connection.
final class ExtensionClient {
    private let connection: RuntimeConnection
    let name: String
    private(set) var id = ""

    init?(_ runtime: FakeRuntime, name: String) {
        guard let connection = runtime.connect() else { return nil }
        self.connection = connection
        self.name = name
    }

    @discardableResult
    func request(
        _ method: String, _ path: String, _ body: String = "", headers: [String: String] = [:]
    ) -> RuntimeConnection.Answer? {
        send(method, path, body, headers: headers)
        return connection.receive()
    }

    private func send(_ method: String, _ path: String, _ body: String = "", headers: [String: String] = [:]) {
        var lines = headers
        if !id.isEmpty, lines["Lambda-Extension-Identifier"] == nil { lines["Lambda-Extension-Identifier"] = id }
        connection.send(
            "\(method) \(path) HTTP/1.1\r\nHost: a\r\n" + lines.map { "\($0.key): \($0.value)\r\n" }.joined()
                + "Content-Length: \(body.utf8.count)\r\n\r\n\(body)")
    }

    /// Asks for an event without waiting for it.
    func ask() { send("GET", "/2020-01-01/extension/event/next") }

    @discardableResult
    func register(_ events: String = #""INVOKE","SHUTDOWN""#, features: String? = nil) -> RuntimeConnection.Answer? {
        var headers = ["Lambda-Extension-Name": name]
        if let features { headers["Lambda-Extension-Accept-Feature"] = features }
        let answer = request(
            "POST", "/2020-01-01/extension/register", #"{"events":[\#(events)]}"#, headers: headers)
        id = answer?.headers["lambda-extension-identifier"] ?? ""
        return answer
    }

    func next() -> RuntimeConnection.Answer? { request("GET", "/2020-01-01/extension/event/next") }

    func fail(_ phase: String, _ type: String) -> RuntimeConnection.Answer? {
        request(
            "POST", "/2020-01-01/extension/\(phase)/error", "{}",
            headers: ["Lambda-Extension-Function-Error-Type": type])
    }

    func subscribe(_ body: String, path: String = "/2022-07-01/telemetry") -> RuntimeConnection.Answer? {
        request("PUT", path, body)
    }
}

/// What a test's threads note, in order.
final class Notes: Sendable {
    private let lines = Mutex<[String]>([])
    func add(_ line: String) { lines.withLock { $0.append(line) } }
    var all: [String] { lines.withLock { $0 } }
}
