import Linux
import Sandbox

#if canImport(Glibc)
    import Glibc
#endif

/// One sandbox, as the launcher's loop knows it. Owns its descriptors.
struct SandboxRecord {
    enum State: Hashable {
        /// Made ahead: no request has it yet.
        case spare
        /// The error pipe is still open.
        case starting
        /// The server has been told that the command runs.
        case running
        /// The server has been told that it does not; the init is on its way out.
        case failed
    }

    /// What the server gets of a sandbox with external extensions.
    struct Extensions {
        var names: [String]
        var control: Int32
        /// Read end.
        var output: Int32
    }

    /// The server's; 0 while nobody has asked for it.
    var id: UInt64
    var state = State.starting
    /// Why the command does not run, though the server has been told that it does.
    var failure: SandboxError?
    var origin = StartedSandbox.Origin.new
    var pidfd: Int32
    /// The launcher's end of ``SandboxStart/Ahead``'s socket; -1 when there is none any more.
    var binding: Int32 = -1
    /// Read ends.
    var errorPipe: Int32
    var statusPipe: Int32
    var output: Int32
    /// Nil without external extensions, and once the server has it.
    var extensions: Extensions?
    var network: EnvironmentNetwork
    var group: ControlGroup
    /// Microseconds of processor time in each period once initialization is over.
    var settledQuota: Int
    var precedence = Precedence.ordinary
    /// What its group and its mounts allow by now.
    var limits: SandboxLimits

    /// Whether it was called running before its error pipe told.
    var isAwaited: Bool { state == .running && errorPipe >= 0 && origin == .parked }

    /// The command's wait status, if the init has written it.
    func commandStatus() -> Int32? {
        var status: Int32 = 0
        let size = MemoryLayout<Int32>.size
        return read(statusPipe, &status, size) == size ? status : nil
    }

    mutating func setPrecedence(_ wanted: Precedence) {
        if wanted != precedence { group.setPrecedence(wanted) }
        precedence = wanted
    }

    func closeDescriptors() {
        let extensions = [extensions?.control ?? -1, extensions?.output ?? -1]
        for descriptor in [pidfd, binding, errorPipe, statusPipe, output] + extensions where descriptor >= 0 {
            close(descriptor)
        }
    }
}

/// Small numbers that are in use by at most one sandbox at a time: its slot, from which its user id follows.
struct Slots {
    private var free: [Int]

    init(count: Int) { free = Array((0..<count).reversed()) }

    /// How many are free.
    var count: Int { free.count }

    mutating func take() -> Int? { free.popLast() }

    mutating func give(_ slot: Int) { free.append(slot) }
}
