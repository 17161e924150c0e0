import Synchronization

/// What somebody who is made later wants to hear.
final class Hook<Value>: Sendable {
    /// A bare function in a generic place such as a mutex is wrapped once more by every access: calls would take longer
    /// and longer.
    private struct Body: Sendable { let call: @Sendable (Value) -> Void }

    private let body = Mutex<Body?>(nil)

    func set(_ call: @escaping @Sendable (Value) -> Void) { body.withLock { $0 = Body(call: call) } }

    /// Does nothing until something is set.
    func call(_ value: Value) { body.withLock { $0 }?.call(value) }
}
