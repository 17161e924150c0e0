import AWSWire
import NIOCore

/// Which extension may make which request when. Pure: it decides, ``RuntimeAPIServer`` acts.
///
/// The states' names, which transitions are refused and with which words are those of Lambda's runtime interface
/// emulator.
struct ExtensionRegistry {
    enum Event: String {
        case invoke = "INVOKE"
        case shutdown = "SHUTDOWN"
    }

    enum State: String {
        case started = "Started"
        case registered = "Registered"
        /// Waits for an event.
        case ready = "Ready"
        /// Has an event.
        case running = "Running"
        case initError = "InitError"
        case exitError = "ExitError"
    }

    struct Member {
        var id: String
        var name: String
        /// Whether it is a process of its own, started from `/opt/extensions`; otherwise it is part of the runtime's.
        var isExternal: Bool
        var state = State.started
        var events: [Event] = []
        /// What it said in its error's header.
        var errorType: String?
        /// By which API it has subscribed to telemetry.
        var telemetry: TelemetrySubscription.Schema?
        /// The event that waits to be asked for: its connection was lost.
        var event: ByteBuffer?
    }

    /// Ten, as on AWS.
    static let maximum = 10

    private(set) var members: [Member]
    /// Whether extensions may still register.
    private(set) var isOpen = true
    /// The first error that an extension reported, as the invocation's error type has it.
    private(set) var fatalError: String?

    /// - Parameter names: of the external extensions.
    init(externals names: [String]) {
        members = names.map { Member(id: RequestID.make(), name: $0, isExternal: true) }
    }

    var isEmpty: Bool { members.isEmpty }

    /// Whether all external extensions have registered: the runtime may start.
    var isComplete: Bool { members.allSatisfy { $0.state != .started } }

    /// Whether no extension is at work: all wait for events.
    var isReady: Bool { members.allSatisfy { $0.state == .ready && $0.event == nil } }

    /// The runtime has initialised.
    mutating func close() { isOpen = false }

    // MARK: Requests

    enum Registration {
        case registered(id: String)
        case refused(RuntimeAPIRefusal)
    }

    /// `POST …/extension/register`.
    mutating func register(name: String?, body: ByteBuffer) -> Registration {
        guard let name, !name.isEmpty else {
            return .refused(.extension(type: "Extension.InvalidExtensionName", message: "Empty extension name"))
        }
        let names: [String]
        switch Self.events(in: body) {
        case .success(let found): names = found
        case .failure(let refusal): return .refused(refusal)
        }
        let known = members.firstIndex { $0.name == name && $0.isExternal }
        var events: [Event] = []
        for text in names {
            let event = Event(rawValue: text)
            let isWrong = known == nil && event == .shutdown
            guard let event, !isWrong else {
                let reason = isWrong ? "ShutdownEventNotSupportedForInternalExtension" : "ErrorInvalidEventType"
                return .refused(.extension(type: "Extension.InvalidEventType", message: "\(text): \(reason)"))
            }
            if !events.contains(event) { events.append(event) }
        }
        if let known {
            guard members[known].state == .started else {
                return .refused(transition(members[known], to: .registered, named: name))
            }
            members[known].state = .registered
            members[known].events = events
            return .registered(id: members[known].id)
        }
        return registerInternal(name, events)
    }

    private mutating func registerInternal(_ name: String, _ events: [Event]) -> Registration {
        guard isOpen else {
            return .refused(
                .extension(
                    type: "Extension.RegistrationClosed", message: "Extension registration closed already"))
        }
        guard members.count < Self.maximum else {
            return .refused(
                .extension(
                    type: "Extension.TooManyExtensions", message: "Extension limit (\(Self.maximum)) reached"))
        }
        guard !members.contains(where: { $0.name == name }) else {
            return .refused(
                .extension(
                    type: "Extension.InvalidExtensionState", message: "Extension with this name already registered"))
        }
        let member = Member(id: RequestID.make(), name: name, isExternal: false, state: .registered, events: events)
        members.append(member)
        return .registered(id: member.id)
    }

    /// The `events` of a registration's body.
    private static func events(in body: ByteBuffer) -> Result<[String], RuntimeAPIRefusal> {
        func refusal(_ message: String) -> Result<[String], RuntimeAPIRefusal> {
            .failure(.extension(type: "InvalidRequestFormat", message: message))
        }
        if body.readableBytes == 0 { return refusal("unexpected end of JSON input") }
        guard let value = try? JSONValue(parsing: body) else { return refusal("the body is not valid JSON") }
        guard value.kind == .object || value.isNull else { return refusal("the body is not a JSON object") }
        if value["configurationKeys"]?.elements.isEmpty == false {
            return refusal("configurationKeys are deprecated; use environment variables instead")
        }
        guard let events = value["events"], !events.isNull else { return .success([]) }
        let names = events.elements.compactMap(\.string)
        guard events.kind == .array, names.count == events.elements.count, names.count <= 16 else {
            return refusal("events is not a list of strings")
        }
        return .success(names)
    }

    enum Found {
        case member(Int)
        case refused(RuntimeAPIRefusal)
    }

    /// The extension that a request's `Lambda-Extension-Identifier` names.
    func find(_ identifier: String?, unknown: (String) -> String) -> Found {
        guard let identifier, !identifier.isEmpty else {
            return .refused(
                .extension(
                    type: "Extension.MissingExtensionIdentifier", message: "Missing Lambda-Extension-Identifier header")
            )
        }
        guard Self.isIdentifier(identifier) else {
            return .refused(
                .extension(
                    type: "Extension.InvalidExtensionIdentifier", message: "Invalid Lambda-Extension-Identifier"))
        }
        let id = identifier.lowercased()
        // Who has not registered has not been told its id.
        guard let index = members.firstIndex(where: { $0.id == id && $0.state != .started }) else {
            return .refused(.extension(type: "Extension.UnknownExtensionIdentifier", message: unknown(id)))
        }
        return .member(index)
    }

    /// A UUID as text.
    private static func isIdentifier(_ text: String) -> Bool {
        let bytes = Array(text.utf8)
        return bytes.count == 36
            && bytes.enumerated().allSatisfy { index, byte in
                [8, 13, 18, 23].contains(index)
                    ? byte == UInt8(ascii: "-")
                    : (0x30...0x39).contains(byte) || (0x61...0x66).contains(byte | 0x20)
            }
    }

    enum NextAction {
        case wait
        case deliver(ByteBuffer)
        case refuse(RuntimeAPIRefusal)
    }

    /// `GET …/extension/event/next`.
    mutating func next(_ index: Int) -> NextAction {
        switch members[index].state {
        case .registered, .running:
            // Asking again with an event in hand means to be through with it.
            members[index].state = .ready
            guard let event = members[index].event else { return .wait }
            delivered(index)
            return .deliver(event)
        case .ready:
            guard let event = members[index].event else { return .wait }
            delivered(index)
            return .deliver(event)
        case .started, .initError, .exitError: return .refuse(transition(members[index], to: .ready))
        }
    }

    /// `POST …/extension/init/error` or `…/exit/error`; nil when it is accepted.
    mutating func fail(_ index: Int, _ state: State, errorType: String?) -> RuntimeAPIRefusal? {
        guard let errorType, !errorType.isEmpty else {
            return .extension(
                type: "Extension.MissingHeader", message: "Lambda-Extension-Function-Error-Type not found")
        }
        let present = members[index].state
        if present == state { return nil }
        switch (state, present) {
        case (.initError, .registered), (.exitError, .registered), (.exitError, .ready), (.exitError, .running):
            members[index].state = state
            members[index].errorType = errorType
            if fatalError == nil { fatalError = "Extension.\(state.rawValue)" }
            return nil
        default: return transition(members[index], to: state)
        }
    }

    /// A subscription of the Telemetry or the Logs API: the first decides which of the two it is; nil when it may be.
    mutating func subscribe(_ index: Int, by schema: TelemetrySubscription.Schema) -> RuntimeAPIRefusal? {
        guard members[index].telemetry ?? schema == schema else {
            return .validation(message: "the extension has subscribed by the other API already")
        }
        members[index].telemetry = schema
        return nil
    }

    // MARK: Events

    /// Gives `event` to those that want it; returns them.
    mutating func dispatch(_ kind: Event, _ event: ByteBuffer) -> [Int] {
        var taken: [Int] = []
        for index in members.indices where members[index].state == .ready && members[index].events.contains(kind) {
            members[index].event = event
            taken.append(index)
        }
        return taken
    }

    /// Leaves `event` for those at work that want it; returns their names.
    mutating func holdForBusy(_ kind: Event, _ event: ByteBuffer) -> [String] {
        var names: [String] = []
        for index in members.indices where members[index].state == .running && members[index].events.contains(kind) {
            members[index].event = event
            names.append(members[index].name)
        }
        return names
    }

    /// An event that is being written to the extension's connection.
    mutating func delivered(_ index: Int) {
        members[index].state = .running
        members[index].event = nil
    }

    private func transition(_ member: Member, to state: State, named name: String? = nil) -> RuntimeAPIRefusal {
        .extension(
            type: "Extension.InvalidExtensionState",
            message: "State transition from \(member.state.rawValue) to \(state.rawValue) failed for extension "
                + "\(name ?? member.id). Error: State transition is not allowed")
    }
}
