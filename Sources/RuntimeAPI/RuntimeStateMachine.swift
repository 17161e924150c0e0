import NIOCore

/// Which request the runtime may make when. Pure: it decides, ``RuntimeAPIServer`` acts.
///
/// The states' names, and which transitions are refused with which words, are those of Lambda's runtime interface
/// emulator.
struct RuntimeStateMachine {
    private enum State {
        case started
        case initFailed
        /// Has initialised and waits to be restored.
        case restoreReady
        case restoring
        case restoreFailed
        case ready
        case running(RuntimeInvocation)
        case responded(requestID: String)

        var name: String {
            switch self {
            case .started: "Started"
            case .initFailed: "InitError"
            case .restoreReady: "RestoreReady"
            case .restoring: "Restoring"
            case .restoreFailed: "RuntimeRestoreErrorState"
            case .ready: "Ready"
            case .running: "Running"
            case .responded: "RuntimeResponseSentState"
            }
        }
    }

    enum NextAction {
        /// The request waits; `becameReady` says that the runtime was not ready before.
        case wait(becameReady: Bool)
        /// The current invocation, which no request has taken yet or whose first taker may have lost it.
        case deliver(RuntimeInvocation)
        case refuse(RuntimeAPIRefusal)
    }

    private var state = State.started

    /// Whether the runtime waits for an invocation.
    var isReady: Bool { if case .ready = state { true } else { false } }

    /// Whether the runtime waits to be restored.
    var isRestoreReady: Bool { if case .restoreReady = state { true } else { false } }

    /// `GET …/invocation/next`.
    mutating func next() -> NextAction {
        switch state {
        case .started, .restoring, .responded:
            state = .ready
            return .wait(becameReady: true)
        case .ready: return .wait(becameReady: false)
        case .running(let invocation): return .deliver(invocation)
        case .initFailed, .restoreReady, .restoreFailed: return .refuse(refusal(to: "Ready"))
        }
    }

    /// `GET …/restore/next`: the request waits; nil when it may.
    mutating func restoreNext() -> RuntimeAPIRefusal? {
        guard case .started = state else { return refusal(to: "Ready") }
        state = .restoreReady
        return nil
    }

    /// Whether the runtime runs what is to run after a restoration.
    var isRestoring: Bool { if case .restoring = state { true } else { false } }

    /// The fleet restores the environment. Only while the runtime waits for that.
    mutating func restore() {
        guard case .restoreReady = state else { preconditionFailure("restore in state \(state.name)") }
        state = .restoring
    }

    /// `POST …/restore/error`; nil when it is accepted.
    mutating func restoreError() -> RuntimeAPIRefusal? {
        guard case .restoring = state else { return refusal(to: "RuntimeRestoreErrorState") }
        state = .restoreFailed
        return nil
    }

    /// The fleet has an invocation. Only while the runtime is ready.
    mutating func dispatch(_ invocation: RuntimeInvocation) {
        guard case .ready = state else { preconditionFailure("dispatch in state \(state.name)") }
        state = .running(invocation)
    }

    /// Whether the current invocation's response is wanted in parts.
    var streams: Bool { if case .running(let invocation) = state { invocation.streams } else { false } }

    /// Whether the runtime may answer `requestID` now; nil when it may.
    func refusal(ofAnswerTo requestID: Substring, as kind: AnswerKind) -> RuntimeAPIRefusal? {
        switch state {
        case .running(let invocation) where invocation.requestID == requestID: nil
        case .responded(let last) where last == requestID: refusal(to: kind.stateName)
        default: .invalidRequestID
        }
    }

    /// The runtime has answered the current invocation.
    mutating func answered() {
        guard case .running(let invocation) = state else { preconditionFailure("answer in state \(state.name)") }
        state = .responded(requestID: invocation.requestID)
    }

    /// `POST …/init/error`; nil when it is accepted.
    mutating func initError() -> RuntimeAPIRefusal? {
        guard case .started = state else { return refusal(to: "InitError") }
        state = .initFailed
        return nil
    }

    enum AnswerKind {
        case response
        case error

        var stateName: String {
            switch self {
            case .response: "InvocationResponse"
            case .error: "InvocationErrorResponse"
            }
        }
    }

    private func refusal(to successor: String) -> RuntimeAPIRefusal { .transition(from: state.name, to: successor) }
}
