/// How one sandbox ended.
package struct SandboxExit: Sendable, Hashable {
    package enum Cause: Sendable, Hashable {
        /// The command left with this status (0–255).
        case exited(status: Int)
        /// A signal ended the command.
        case signalled(number: Int)
        /// The launcher or the sandbox's init went away.
        case lost
    }
    package var cause: Cause
    /// Whether the kernel killed a process of the sandbox because its memory limit was reached.
    package var outOfMemory: Bool
    /// Why the command never ran; nil when it did.
    package var failure: SandboxError?

    package init(cause: Cause, outOfMemory: Bool = false, failure: SandboxError? = nil) {
        self.cause = cause
        self.outOfMemory = outOfMemory
        self.failure = failure
    }
}

/// A started sandbox, as the process that faces the network holds it. The descriptors are this process's own.
///
/// Guarantees: `kill` may be called at any time and more than once; every process of the sandbox is dead before its
/// exit is delivered; the exit is delivered exactly once, even when the launcher dies.
package struct StartedSandbox: Sendable {
    /// What the sandbox was made from.
    package enum Origin: UInt8, Sendable, Hashable, CaseIterable {
        /// It was made for this.
        case new
        /// Its init waited for a command.
        case parked
        /// Its command waited for a function.
        case booted
        /// Its command was forked from one that waits for that.
        case forked
    }

    package var id: UInt64
    package var origin: Origin
    /// A listening TCP socket at 127.0.0.1:9001 in the sandbox's own network namespace. The receiver owns it.
    package var runtimeAPIListener: Int32
    /// The read end of the pipe that is the command's standard output and standard error. The receiver owns it.
    package var output: Int32
    /// A readable file of the sandbox's memory cgroup that holds its peak use in bytes as decimal text (`memory.peak`
    /// or `memory.max_usage_in_bytes`), to be read with pread; -1 where there is none. The receiver owns it.
    package var memoryPeak: Int32
    /// A file to which `1` is written to freeze every process of the sandbox, and `0` to thaw them; -1 where there is
    /// none. Writing may wait. Who is frozen can be killed. The receiver owns it.
    package var freezer: Int32
    /// The external extensions, which run already, while the command waits for ``ProcessOrder/run``; nil when there are
    /// none, and the command runs.
    package var extensions: StartedExtensions?

    package init(
        id: UInt64, origin: Origin = .new, runtimeAPIListener: Int32, output: Int32, memoryPeak: Int32,
        freezer: Int32 = -1, extensions: StartedExtensions? = nil
    ) {
        self.id = id
        self.origin = origin
        self.runtimeAPIListener = runtimeAPIListener
        self.output = output
        self.memoryPeak = memoryPeak
        self.freezer = freezer
        self.extensions = extensions
    }
}

/// The external extensions of a started sandbox. The descriptors are this process's own.
package struct StartedExtensions: Sendable {
    /// The files directly in `/opt/extensions`, sorted. Only the first ten were started.
    package var names: [String]
    /// A stream socket to the sandbox's init: ``ProcessOrder`` bytes out, ``ProcessReport`` in. The sandbox ends when
    /// it is closed. The receiver owns it.
    package var control: Int32
    /// The read end of the pipe that is the extensions' standard output and standard error. The receiver owns it.
    package var output: Int32

    package init(names: [String], control: Int32, output: Int32) {
        self.names = names
        self.control = control
        self.output = output
    }
}

/// Why a sandbox did not start.
package struct SandboxError: Error, Sendable, Hashable {
    /// The step that failed (`clone3`, `mount /tmp`, `execve`).
    package var operation: String
    package var subject: String
    package var errno: Int32

    /// The operation of a ``SandboxSpec`` that no launcher takes; the subject is the part of it that is to blame.
    package static let unspeakable = "describe"

    package init(operation: String, subject: String, errno: Int32) {
        self.operation = operation
        self.subject = subject
        self.errno = errno
    }

    /// Whether it did not start for want of its ``SandboxSpec/fileSystem``.
    package var concernsFileSystem: Bool { operation.hasSuffix("file system") }
}

/// Starts and ends sandboxes. The real one talks to the launcher; tests bring their own.
package protocol Sandboxing: Sendable {
    /// Starts a sandbox. `completion` is called once, on a thread of the launcher's client that it must not block, when
    /// the command has been executed or could not be. `exit` is called once, later, if it was started.
    func start(
        _ spec: SandboxSpec,
        completion: @escaping @Sendable (Result<StartedSandbox, SandboxError>) -> Void,
        exit: @escaping @Sendable (SandboxExit) -> Void
    )

    /// Says that a sandbox like this one will be wanted: it may start faster then. Its environment does not matter.
    func expect(_ spec: SandboxSpec)

    /// Ends what ``SandboxLimits/initializationCPUMillis`` allowed: from now on `cpuMillis` holds, and the sandbox has
    /// ordinary precedence. Does nothing for an id that has ended.
    func settle(_ id: UInt64)

    /// Gives a sandbox that still initialises ordinary precedence. Does nothing for an id that has ended.
    func raise(_ id: UInt64)

    /// The sandboxes that were made ahead end: their memory is wanted.
    func endSpares()

    /// SIGTERM to the command of a sandbox without external extensions. Does nothing for an id that has ended.
    func terminate(_ id: UInt64)

    /// A TCP socket in the sandbox's network namespace, unconnected, which does not block and which the receiver owns.
    /// `completion` is called once, on any thread, with -1 when there is none to be had.
    func makeSocket(_ id: UInt64, completion: @escaping @Sendable (Int32) -> Void)

    /// As ``makeSocket(_:completion:)``, but a UDP socket that is bound to `port` of the sandbox's loopback address.
    func makeDatagramSocket(_ id: UInt64, port: UInt16, completion: @escaping @Sendable (Int32) -> Void)

    /// Kills every process of the sandbox and frees what it held. Does nothing for an id that has ended.
    func kill(_ id: UInt64)
}

extension Sandboxing {
    package func expect(_ spec: SandboxSpec) {}
    package func settle(_ id: UInt64) {}
    package func raise(_ id: UInt64) {}
    package func endSpares() {}
    package func terminate(_ id: UInt64) {}
    package func makeSocket(_ id: UInt64, completion: @escaping @Sendable (Int32) -> Void) { completion(-1) }
    package func makeDatagramSocket(_ id: UInt64, port: UInt16, completion: @escaping @Sendable (Int32) -> Void) {
        completion(-1)
    }
}
