import CLinux
import Linux
import Synchronization

#if canImport(Glibc)
    import Glibc
#endif

/// The server's end of the launcher: starts it, asks it for sandboxes, and tells what becomes of them.
///
/// Everything that comes back is delivered on one thread of its own. `start` and `kill` never wait: what the socket
/// does not take at once is queued, within a bound for starts (EAGAIN past it). When the launcher dies, every sandbox
/// that it had is dead, too, before its exit is delivered as `.lost`.
package final class LauncherClient: Sandboxing {
    /// What the launcher found when it started.
    package let readiness: LauncherReadiness
    /// A listening TCP socket at ``LauncherReadiness/endpointAddress`` that only sandboxes can reach; -1 when they have
    /// no link. The caller of ``launch(executable:configuration:)`` owns it.
    package let endpointListener: Int32

    private let connection: LauncherConnection

    private init(connection: LauncherConnection, readiness: LauncherReadiness, endpointListener: Int32) {
        self.connection = connection
        self.readiness = readiness
        self.endpointListener = endpointListener
    }

    /// The launcher beside the running program.
    package static func defaultExecutable() -> String {
        var buffer = [CChar](repeating: 0, count: 4096)
        let count = readlink("/proc/self/exe", &buffer, buffer.count)
        let path = String(decoding: buffer.prefix(max(0, count)).map { UInt8(bitPattern: $0) }, as: UTF8.self)
        let directory = path.lastIndex(of: "/").map { path[..<$0] } ?? "."
        return directory + "/apus-launcher"
    }

    /// Starts a launcher and waits until it is ready: a fraction of a second.
    /// - Throws: ``SandboxError`` when the launcher cannot be started, or cannot work here; its operation and subject
    /// say
    ///   what failed.
    package static func launch(
        executable: String = LauncherClient.defaultExecutable(), configuration: LauncherConfiguration
    ) async throws -> LauncherClient {
        let connection = LauncherConnection()
        let ready = try await withCheckedThrowingContinuation { continuation in
            // The launcher dies with the thread that spawned it (PDEATHSIG), so that thread is the one that then reads
            // from it until its end; shutdown() ends both.
            WorkThread.start {
                connection.run(executable: executable, configuration: configuration) { continuation.resume(with: $0) }
            }
        }
        return LauncherClient(
            connection: connection, readiness: ready.readiness, endpointListener: ready.endpointListener)
    }

    package func start(
        _ spec: SandboxSpec,
        completion: @escaping @Sendable (Result<StartedSandbox, SandboxError>) -> Void,
        exit: @escaping @Sendable (SandboxExit) -> Void
    ) {
        connection.start(spec, completion: completion, exit: exit)
    }

    package func expect(_ spec: SandboxSpec) { connection.expect(spec) }

    package func kill(_ id: UInt64) { connection.kill(id) }

    package func terminate(_ id: UInt64) { connection.terminate(id) }

    package func makeSocket(_ id: UInt64, completion: @escaping @Sendable (Int32) -> Void) {
        connection.makeSocket(id, completion: completion)
    }

    package func makeDatagramSocket(_ id: UInt64, port: UInt16, completion: @escaping @Sendable (Int32) -> Void) {
        connection.makeSocket(id, datagramPort: port, completion: completion)
    }

    package func settle(_ id: UInt64) { connection.settle(id) }

    package func raise(_ id: UInt64) { connection.raise(id) }

    package func endSpares() { connection.endSpares() }

    /// Ends the launcher and with it every sandbox; their exits are delivered first. Returns at once; `completion` is
    /// called when all is over. Does nothing the second time.
    package func shutdown(completion: @escaping @Sendable () -> Void = {}) { connection.shutdown(completion) }

    /// The launcher's process, for tests and reports.
    package var processID: Int32 { connection.processID }
}

/// A thread that runs one closure.
enum WorkThread {
    private final class Body {
        let run: @Sendable () -> Void
        init(_ run: @escaping @Sendable () -> Void) { self.run = run }
    }

    static func start(_ run: @escaping @Sendable () -> Void) {
        let body = Unmanaged.passRetained(Body(run))
        var thread = pthread_t()
        let result = pthread_create(
            &thread, nil,
            { context in
                if let context { Unmanaged<Body>.fromOpaque(context).takeRetainedValue().run() }
                return nil
            }, body.toOpaque())
        if result == 0 {
            pthread_detach(thread)
        } else {
            // No thread to be had: better late than never, on the caller's.
            body.takeRetainedValue().run()
        }
    }
}
