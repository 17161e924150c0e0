import NIOCore
import NIOPosix
import RuntimeAPI
import Synchronization
import Testing

#if canImport(Glibc)
    import Glibc
#endif

/// A Runtime API without a fleet, that notes what it hears.
final class TestServer: RuntimeAPIDelegate {
    private struct State {
        var events: [String] = []
        var isReady = false
        var isFull = false
    }
    private let state = Mutex(State())
    private let server = Mutex<RuntimeAPIServer?>(nil)
    private let sockets = Mutex<[Int32]>([])
    private let eventLoop = MultiThreadedEventLoopGroup.singleton.next()
    private let port: UInt16
    private let listener: Int32

    private init() { (listener, port) = listen() }

    /// - Parameter extensions: the names of those that have been started.
    static func start(extensions: [String] = []) async throws -> TestServer {
        let test = TestServer()
        let listener = test.listener
        let eventLoop = test.eventLoop
        let server = try await eventLoop.flatSubmit {
            RuntimeAPIServer.start(
                listener: listener, on: eventLoop,
                function: RuntimeAPIFunction(name: "hello", version: "1", handler: "a.b", account: "000000000000"),
                externalExtensions: extensions, delegate: test)
        }.get()
        test.server.withLock { $0 = server }
        return test
    }

    var events: [String] { state.withLock { $0.events } }

    func connect() -> RuntimeConnection {
        let socket = connectLoopback(port)
        sockets.withLock { $0.append(socket) }
        return RuntimeConnection(socket: socket)
    }

    /// Gives the runtime an invocation as soon as it is ready.
    func dispatch(_ requestID: String, streams: Bool = false) async throws {
        try await eventually("the runtime is ready") { state.withLock { $0.isReady } }
        tryDispatch(requestID, streams: streams)
    }

    /// The runtime waits for an event, and the server has done what it had to do at once.
    func becameReadyAgain() async throws {
        try await eventually("the runtime is ready") { state.withLock { $0.isReady } }
        try await eventLoop.submit {}.get()
    }

    /// Whether no further parts are wanted.
    func setFull(_ isFull: Bool) {
        state.withLock { $0.isFull = isFull }
        let server = self.server.withLock { $0 }
        if !isFull { eventLoop.execute { server?.resumeResponse() } }
    }

    func tryDispatch(_ requestID: String, streams: Bool = false) {
        let server = self.server.withLock { $0 }
        eventLoop.execute {
            guard
                self.state.withLock({ state in
                    defer { state.isReady = false }
                    return state.isReady
                })
            else { return }
            server?.dispatch(
                RuntimeInvocation(
                    requestID: requestID, deadline: 1, functionARN: "arn", traceID: "",
                    payload: ByteBuffer(string: "{\"id\":\"\(requestID)\"}"), streams: streams))
        }
    }

    func stop() async {
        let server = self.server.withLock { $0 }
        try? await eventLoop.submit { server?.close() }.get()
        for socket in sockets.withLock({ $0 }) { close(socket) }
    }

    private func note(_ event: String) { state.withLock { $0.events.append(event) } }

    func runtimeBecameReady() {
        state.withLock { $0.isReady = true }
        note("ready")
    }
    func runtimeBeganResponse(contentType: String?) { note("began \(contentType ?? "-")") }
    func runtimeSent(_ part: ByteBuffer) -> Bool {
        note("part \(String(buffer: part))")
        return state.withLock { !$0.isFull }
    }
    func runtimeReported(_ report: RuntimeReport) {
        switch report {
        case .response(let body): note("response \(String(buffer: body))")
        case .error(let body, let type): note("error \(type.name) \(String(buffer: body))")
        case .tooLarge: note("too large")
        case .invalidResponseMode: note("invalid mode")
        case .streamed(.complete, let bytes): note("complete \(bytes)")
        case .streamed(.error(let body, let type), _): note("ended by \(type.name) \(String(buffer: body))")
        case .streamed(.tooLarge(let limit), _): note("larger than \(limit)")
        case .streamed(.truncated, let bytes): note("truncated \(bytes)")
        }
    }
    func runtimeFailedToInitialise(document: ByteBuffer, type: RuntimeErrorType) {
        note("init error \(type.name) \(String(buffer: document))")
    }
    func runtimeConnectionClosed() {}
    func extensionsRegistered() { note("registered") }
    func extensionSubscribed(_ name: String, _ subscription: TelemetrySubscription) { note("\(name) subscribed") }
}
