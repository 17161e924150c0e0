import CLinux
import Glibc
import Linux
import Synchronization

/// Tells work on another thread that nobody waits for it any more.
final class Cancellation: Sendable {
    private let flag = Atomic(false)

    func cancel() { flag.store(true, ordering: .relaxed) }
    var isCancelled: Bool { flag.load(ordering: .relaxed) }
}

/// One program of the host that runs to its end, below a directory of its own and with bounds on everything. Blocks.
///
/// It dies with this process: the kernel kills it when the thread that started it ends, which is the one that waits.
struct HostTool: Sendable {
    struct Outcome {
        /// The exit status; nil after a signal.
        var status: Int32?
        var output: [UInt8]
        /// The last of what it wrote to standard error.
        var errors: String
    }

    private static let places = ["/usr/local/bin", "/usr/bin", "/bin"]
    private static let errorLimit = 16 << 10
    /// How often cancellation and the check are looked at, milliseconds.
    private static let interval: Int32 = 100

    let name: String
    private let path: String
    private let setpriv: String?

    /// - Throws: ``ImageError/missing(program:)``
    init(_ name: String) throws(ImageError) {
        guard let path = Self.find(name) else { throw .missing(program: name) }
        self.name = name
        self.path = path
        setpriv = Self.find("setpriv")
    }

    /// Where a program is; nil when it is not installed.
    static func find(_ name: String) -> String? {
        places.map { "\($0)/\(name)" }.first { access($0, X_OK) == 0 }
    }

    /// - Parameters:
    ///   - directory: Where it starts, its home, and its place for temporary files.
    ///   - outputLimit: With more output than this, bytes, it is killed.
    ///   - time: After so long, too.
    ///   - check: Called every now and then while it runs; what it throws ends the program.
    func run(
        _ arguments: [String], in directory: String, outputLimit: Int = 0, time: Duration, _ cancellation: Cancellation,
        check: () throws(ImageError) -> Void = {}
    ) throws(ImageError) -> Outcome {
        let child = try spawn(arguments, in: directory)
        do throws(ImageError) {
            let deadline = ContinuousClock.now + time
            while child.isWriting {
                child.read(milliseconds: Self.interval)
                if child.output.bytes.count > outputLimit { throw .invalid(reason: "\(name) answers too much") }
                if cancellation.isCancelled { throw .cancelled }
                if ContinuousClock.now > deadline { throw .unavailable(reason: "\(name) took longer than \(time)") }
                try check()
            }
        } catch {
            child.kill()
            _ = child.wait()
            throw error
        }
        return Outcome(
            status: child.wait(), output: child.output.bytes,
            errors: String(decoding: child.errors.bytes.suffix(Self.errorLimit), as: UTF8.self))
    }

    private func spawn(_ arguments: [String], in directory: String) throws(ImageError) -> Child {
        let output = try Pipe()
        let errors = try Pipe()
        let environment = [
            "PATH=" + Self.places.joined(separator: ":"), "HOME=" + directory, "TMPDIR=" + directory,
            "XDG_RUNTIME_DIR=" + directory, "LANG=C.UTF-8",
        ]
        let command = (setpriv.map { [$0, "--pdeathsig", "KILL", "--"] } ?? []) + [path] + arguments
        let process = withCStrings(command) { command in
            withCStrings(environment) { environment in
                apus_spawn_tool(
                    command[0], command, environment, directory, output.writer.number, errors.writer.number)
            }
        }
        guard process > 0 else { throw .unavailable(reason: "start \(name): \(SystemCallError.text(-process))") }
        return Child(process: process, output: output.reader, errors: errors.reader)
    }
}

private struct Pipe: ~Copyable {
    let reader: Stream
    let writer: Descriptor

    init() throws(ImageError) {
        var ends: [Int32] = [-1, -1]
        let result = apus_pipe(&ends)
        guard result == 0 else { throw .unavailable(reason: "pipe2: \(SystemCallError.text(-result))") }
        reader = Stream(owning: ends[0])
        writer = Descriptor(owning: ends[1])
    }
}

/// The read end of a pipe, and what came out of it.
private final class Stream {
    private let descriptor: Int32
    private(set) var bytes: [UInt8] = []
    private(set) var isOpen = true

    init(owning descriptor: Int32) { self.descriptor = descriptor }

    deinit { close(descriptor) }

    var poll: pollfd { pollfd(fd: isOpen ? descriptor : -1, events: Int16(POLLIN), revents: 0) }

    /// - Parameter limit: Only the last bytes are kept beyond it; none for nil.
    func read(keeping limit: Int?) {
        var buffer = [UInt8](repeating: 0, count: 65_536)
        let count = Glibc.read(descriptor, &buffer, buffer.count)
        if count < 0 && (errno == EAGAIN || errno == EINTR) { return }
        guard count > 0 else {
            isOpen = false
            return
        }
        bytes += buffer[..<count]
        if let limit, bytes.count > 2 * limit { bytes.removeFirst(bytes.count - limit) }
    }
}

private struct Child {
    let process: pid_t
    let output: Stream
    let errors: Stream

    var isWriting: Bool { output.isOpen || errors.isOpen }

    /// Reads what is there, or waits for so long.
    func read(milliseconds: Int32) {
        var waiting = [output.poll, errors.poll]
        guard Glibc.poll(&waiting, 2, milliseconds) > 0 else { return }
        if waiting[0].revents != 0 { output.read(keeping: nil) }
        if waiting[1].revents != 0 { errors.read(keeping: 16 << 10) }
    }

    func kill() { _ = Glibc.kill(-process, SIGKILL) }

    /// The exit status; nil after a signal.
    func wait() -> Int32? {
        var status: Int32 = 0
        while waitpid(process, &status, 0) < 0 {
            guard errno == EINTR else { return nil }
        }
        return status & 0x7f == 0 ? (status >> 8) & 0xff : nil
    }
}

/// Calls `body` with a null-terminated array of C strings that lives as long as the call.
private func withCStrings<Result>(
    _ strings: [String], _ body: (UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>) -> Result
) -> Result {
    var pointers: [UnsafeMutablePointer<CChar>?] = strings.map { strdup($0) }
    defer { for pointer in pointers { free(pointer) } }
    pointers.append(nil)
    return pointers.withUnsafeMutableBufferPointer { buffer in
        guard let base = buffer.baseAddress else { preconditionFailure("an array with a last element") }
        return body(base)
    }
}
