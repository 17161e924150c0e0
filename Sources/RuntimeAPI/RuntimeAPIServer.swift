import AWSWire
package import NIOCore
import NIOHTTP1
import NIOPosix

/// The Runtime API (2018-06-01) of one execution environment, on one event loop.
///
/// Everything but ``start(listener:on:limits:delegate:)`` happens on that loop; that confinement is why the class may
/// call itself sendable.
package final class RuntimeAPIServer: @unchecked Sendable {
    let limits: RuntimeAPILimits
    private let eventLoop: any EventLoop
    private(set) var delegate: (any RuntimeAPIDelegate)?
    private var listener: (any Channel)?
    private var connections: [ObjectIdentifier: RuntimeAPIConnection] = [:]
    /// Connections whose `next` waits, oldest first.
    private var waiting: [RuntimeAPIConnection] = []
    /// The connection that sends the body of an answer to the current invocation: one at a time.
    var answering: RuntimeAPIConnection?
    /// Whether that answer goes out in parts as it comes.
    var isStreaming = false
    /// What it has brought, in bytes.
    var streamedBytes = 0
    var state = RuntimeStateMachine()
    /// Whether it has not been told since the last invocation, or the restoration, that all wait for the next.
    var isBusy = true
    /// Whether the initialisation is over: nobody may subscribe to telemetry any more.
    private(set) var hasInitialised = false
    /// The connection whose `restore/next` waits.
    var awaitingRestore: RuntimeAPIConnection?
    let function: RuntimeAPIFunction
    var extensions: ExtensionRegistry
    /// Connections whose request for an event waits, by the extension's index.
    var waitingExtensions: [Int: RuntimeAPIConnection] = [:]

    init(
        on eventLoop: any EventLoop, limits: RuntimeAPILimits, function: RuntimeAPIFunction,
        externalExtensions: [String], delegate: any RuntimeAPIDelegate
    ) {
        self.eventLoop = eventLoop
        self.limits = limits
        self.function = function
        extensions = ExtensionRegistry(externals: externalExtensions)
        self.delegate = delegate
    }

    /// Serves on `listener`, a listening TCP socket, of which it becomes the owner. The delegate is held until
    /// ``close()``. `externalExtensions` are the names of those that have been started.
    package static func start(
        listener: Int32, on eventLoop: any EventLoop, limits: RuntimeAPILimits = RuntimeAPILimits(),
        function: RuntimeAPIFunction = RuntimeAPIFunction(), externalExtensions: [String] = [],
        delegate: any RuntimeAPIDelegate
    ) -> EventLoopFuture<RuntimeAPIServer> {
        let server = RuntimeAPIServer(
            on: eventLoop, limits: limits, function: function, externalExtensions: externalExtensions,
            delegate: delegate)
        return ServerBootstrap(group: eventLoop)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture { try server.accept(channel) }
            }
            .childChannelOption(.maxMessagesPerRead, value: 4)
            .withBoundSocket(listener)
            .map { channel in
                server.listener = channel
                return server
            }
    }

    var now: NIODeadline { eventLoop.now }

    /// How many connections the environment's processes hold.
    package var connectionCount: Int { connections.count }

    /// Whether the current invocation has been written to a connection.
    package private(set) var invocationWasTaken = false

    /// When the runtime began to send its answer to the current invocation, and when it had sent it.
    package private(set) var answerTimes: (began: NIODeadline, ended: NIODeadline)?
    private var answerBegan = NIODeadline.uptimeNanoseconds(0)
    /// When the last of the extensions that had the current invocation's event asked for the next; nil while they have
    /// not, and where none had it.
    package internal(set) var extensionsEnded: NIODeadline?

    /// Gives the runtime an invocation. Only after ``RuntimeAPIDelegate/runtimeBecameReady()`` and once for each.
    package func dispatch(_ invocation: RuntimeInvocation) {
        eventLoop.assertInEventLoop()
        state.dispatch(invocation)
        answerTimes = nil
        extensionsEnded = nil
        isBusy = true
        if !extensions.isEmpty { dispatchToExtensions(invocation) }
        invocationWasTaken = !waiting.isEmpty
        guard !waiting.isEmpty else { return }
        waiting.removeFirst().deliver(invocation)
    }

    /// Stops serving and cuts every connection. The delegate hears nothing more.
    package func close() {
        eventLoop.assertInEventLoop()
        delegate = nil
        listener?.close(promise: nil)
        listener = nil
        waiting = []
        awaitingRestore = nil
        waitingExtensions = [:]
        for connection in connections.values { connection.cut() }
    }

    private struct TooManyConnections: Error {}

    /// Sets up a new connection, or refuses it by throwing.
    func accept(_ channel: any Channel) throws {
        guard delegate != nil, connections.count < limits.connections else { throw TooManyConnections() }
        var headers = NIOHTTPDecoderLimitConfiguration()
        headers.maxHeaderFieldSize = limits.headerFieldBytes
        headers.maxHeaderListSize = limits.headerBytes
        headers.maxHeaderFieldCount = limits.headerFields
        let connection = RuntimeAPIConnection(server: self, channel: channel)
        try channel.pipeline.syncOperations.addHandlers(RequestReader(limits: headers), connection)
        connections[ObjectIdentifier(connection)] = connection
    }

    // MARK: What connections ask

    func connectionClosed(_ connection: RuntimeAPIConnection) {
        guard connections.removeValue(forKey: ObjectIdentifier(connection)) != nil else { return }
        waiting.removeAll { $0 === connection }
        if awaitingRestore === connection { awaitingRestore = nil }
        for (index, waiting) in waitingExtensions where waiting === connection { waitingExtensions[index] = nil }
        if answering === connection { abandonAnswer() }
        delegate?.runtimeConnectionClosed()
    }

    func next(for connection: RuntimeAPIConnection) {
        switch state.next() {
        case .deliver(let invocation):
            invocationWasTaken = true
            connection.deliver(invocation)
        case .refuse(let refusal): connection.refuse(refusal)
        case .wait(let becameReady):
            waiting.append(connection)
            guard becameReady else { return }
            extensions.close()
            settleReadiness()
        }
    }

    /// Tells when the runtime and every extension wait: the phase is over.
    func settleReadiness() {
        guard isBusy, state.isReady || state.isRestoreReady, extensions.isReady else { return }
        isBusy = false
        hasInitialised = true
        if state.isReady { delegate?.runtimeBecameReady() } else { delegate?.runtimeAwaitsRestore() }
    }

    /// Asks for the right to send an answer's body; nil grants it.
    func beginAnswer(
        to requestID: Substring, as kind: RuntimeStateMachine.AnswerKind, from connection: RuntimeAPIConnection
    ) -> RuntimeAPIRefusal? {
        if let refusal = state.refusal(ofAnswerTo: requestID, as: kind) { return refusal }
        if answering != nil { return .transition(from: kind.stateName, to: kind.stateName) }
        answering = connection
        answerBegan = eventLoop.now
        return nil
    }

    /// Ends what ``beginAnswer(to:as:from:)`` granted; nil when the report was taken.
    func endAnswer(
        to requestID: Substring, as kind: RuntimeStateMachine.AnswerKind, report: RuntimeReport
    ) -> RuntimeAPIRefusal? {
        answering = nil
        isStreaming = false
        if let refusal = state.refusal(ofAnswerTo: requestID, as: kind) { return refusal }
        state.answered()
        answerTimes = (answerBegan, eventLoop.now)
        delegate?.runtimeReported(report)
        return nil
    }

    /// Asks for the right to send the initialisation error's document; nil grants it.
    func beginInitError(from connection: RuntimeAPIConnection) -> RuntimeAPIRefusal? {
        if answering != nil { return .transition(from: "InitError", to: "InitError") }
        answering = connection
        return nil
    }

    /// Ends what ``beginInitError(from:)`` granted; nil when the error was taken.
    func endInitError(document: ByteBuffer, type: RuntimeErrorType) -> RuntimeAPIRefusal? {
        // Some runtimes report here what fails after a restoration, which AWS takes.
        if state.isRestoring { return endRestoreError(document: document, type: type) }
        answering = nil
        if let refusal = state.initError() { return refusal }
        delegate?.runtimeFailedToInitialise(document: document, type: type)
        return nil
    }
}
