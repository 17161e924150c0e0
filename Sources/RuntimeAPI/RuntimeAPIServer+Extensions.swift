import AWSWire
import NIOCore
import NIOHTTP1

/// What extensions learn of the function when they register.
package struct RuntimeAPIFunction: Sendable {
    package var name: String
    package var version: String
    package var handler: String
    package var account: String
    /// Whether the environment waits to be restored between its initialisation and its first invocation.
    package var isSnapStart: Bool

    package init(
        name: String = "", version: String = "", handler: String = "", account: String = "", isSnapStart: Bool = false
    ) {
        self.name = name
        self.version = version
        self.handler = handler
        self.account = account
        self.isSnapStart = isSnapStart
    }
}

/// An extension as its environment's log shows it.
package struct ExtensionStatus: Sendable, Hashable {
    package var name: String
    /// `Started`, `Registered`, `Ready`, `Running`, `InitError` or `ExitError`.
    package var state: String
    /// `INVOKE`, `SHUTDOWN`.
    package var events: [String]
    package var errorType: String?
}

/// The Extensions API (2020-01-01), and the subscriptions of the Telemetry API (2022-07-01) and the Logs API
/// (2020-08-15).
extension RuntimeAPIServer {
    /// Every extension, the external ones first.
    package var extensionStatuses: [ExtensionStatus] {
        extensions.members.map {
            ExtensionStatus(
                name: $0.name, state: $0.state.rawValue, events: $0.events.map(\.rawValue), errorType: $0.errorType)
        }
    }

    /// Whether there is any extension; the sandbox then ends in an orderly way.
    package var hasExtensions: Bool { !extensions.isEmpty }

    /// `Extension.InitError` or `Extension.ExitError`, when an extension has reported one.
    package var extensionError: String? { extensions.fatalError }

    /// Sends SHUTDOWN to the external extensions that want it, and returns their names.
    ///
    /// - Parameters:
    ///   - reason: `spindown`, `timeout` or `failure`.
    ///   - deadline: milliseconds since 1970.
    package func shutDownExtensions(reason: String, deadline: Int64) -> [String] {
        var writer = JSONWriter()
        writer.beginObject()
        writer.name("eventType")
        writer.string("SHUTDOWN")
        writer.name("deadlineMs")
        writer.int(Int(deadline))
        writer.name("shutdownReason")
        writer.string(reason)
        writer.endObject()
        let taken = extensions.dispatch(.shutdown, writer.buffer)
        // Before those that wait for it become busy with it.
        let held = extensions.hold(.shutdown, writer.buffer)
        for index in taken { deliver(writer.buffer, to: index) }
        return held + taken.map { extensions.members[$0].name }
    }

    func dispatchToExtensions(_ invocation: RuntimeInvocation) {
        var writer = JSONWriter()
        writer.beginObject()
        writer.name("eventType")
        writer.string("INVOKE")
        writer.name("deadlineMs")
        writer.int(Int(invocation.deadline))
        writer.name("requestId")
        writer.string(invocation.requestID)
        writer.name("invokedFunctionArn")
        writer.string(invocation.functionARN)
        if !invocation.traceID.isEmpty {
            writer.name("tracing")
            writer.beginObject()
            writer.name("type")
            writer.string("X-Amzn-Trace-Id")
            writer.name("value")
            writer.string(invocation.traceID)
            writer.endObject()
        }
        writer.endObject()
        for index in extensions.dispatch(.invoke, writer.buffer) { deliver(writer.buffer, to: index) }
    }

    private func deliver(_ event: ByteBuffer, to index: Int) {
        guard let connection = waitingExtensions.removeValue(forKey: index) else { return }
        extensions.delivered(index)
        connection.deliver(event: event)
    }

    // MARK: What connections ask

    enum ExtensionReply {
        case wait
        case document(ByteBuffer, headers: [(String, String)])
        case accepted
        case refused(RuntimeAPIRefusal)
    }

    /// A complete request of an extension.
    func extensionRequest(
        _ route: ExtensionRoute, headers: HTTPHeaders, body: ByteBuffer, from connection: RuntimeAPIConnection
    ) -> ExtensionReply {
        let identifier = headers.first(name: "Lambda-Extension-Identifier")
        if route == .register { return register(headers, body) }
        let found = extensions.find(identifier) {
            route == .initError || route == .exitError
                ? "Unknown Lambda-Extension-Identifier" : "Unknown extension \($0)"
        }
        let index: Int
        switch found {
        case .refused(let refusal): return .refused(refusal)
        case .member(let member): index = member
        }
        let errorType = headers.first(name: "Lambda-Extension-Function-Error-Type")
        switch route {
        case .register: return .wait
        case .next: return next(index, connection)
        case .initError:
            return extensions.fail(index, .initError, errorType: errorType).map { .refused($0) } ?? .accepted
        case .exitError:
            return extensions.fail(index, .exitError, errorType: errorType).map { .refused($0) } ?? .accepted
        case .subscribe(let schema): return subscribe(index, schema, body)
        }
    }

    private func register(_ headers: HTTPHeaders, _ body: ByteBuffer) -> ExtensionReply {
        let wasComplete = extensions.isComplete
        switch extensions.register(name: headers.first(name: "Lambda-Extension-Name"), body: body) {
        case .refused(let refusal): return .refused(refusal)
        case .registered(let id):
            if !wasComplete, extensions.isComplete { delegate?.extensionsRegistered() }
            let features = (headers.first(name: "Lambda-Extension-Accept-Feature") ?? "").split(separator: ",")
            var writer = JSONWriter()
            writer.beginObject()
            if features.contains(where: { $0.filter { $0 != " " && $0 != "\t" } == "accountId" }) {
                writer.name("accountId")
                writer.string(function.account)
            }
            writer.name("functionName")
            writer.string(function.name)
            writer.name("functionVersion")
            writer.string(function.version)
            writer.name("handler")
            writer.string(function.handler)
            writer.endObject()
            return .document(writer.buffer, headers: [("Lambda-Extension-Identifier", id)])
        }
    }

    private func next(_ index: Int, _ connection: RuntimeAPIConnection) -> ExtensionReply {
        switch extensions.next(index) {
        case .refuse(let refusal): return .refused(refusal)
        case .deliver(let event): return .document(event, headers: Self.eventHeaders)
        case .wait:
            // One request of an extension waits; an older one has been given up.
            waitingExtensions.updateValue(connection, forKey: index)?.cut()
            if isBusy, extensions.isReady { extensionsEnded = now }
            return .wait
        }
    }

    static var eventHeaders: [(String, String)] { [("Lambda-Extension-Event-Identifier", RequestID.make())] }

    private func subscribe(
        _ index: Int, _ schema: TelemetrySubscription.Schema, _ body: ByteBuffer
    ) -> ExtensionReply {
        guard !hasInitialised else {
            let api = schema == .telemetry ? "Telemetry" : "Logs"
            return .refused(
                .extension(
                    type: "\(api).SubscriptionClosed", message: "\(api) API subscription is closed already"))
        }
        do {
            let subscription = try TelemetrySubscription(body, schema: schema)
            if let refusal = extensions.subscribe(index, by: schema) { return .refused(refusal) }
            delegate?.extensionSubscribed(extensions.members[index].name, subscription)
            return .document(ByteBuffer(string: "\"OK\""), headers: [])
        } catch { return .refused(.validation(message: error.message)) }
    }
}
