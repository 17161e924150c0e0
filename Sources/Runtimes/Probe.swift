import Glibc
import Linux

/// One short-lived child process whose standard output is an answer.
final class Probe {
    /// More than this is no answer.
    private static let limit = 64 * 1024

    private let process: pid_t
    private let output: Descriptor

    /// Starts `arguments` with a process group of its own, without input and without its errors being heard. Nil when
    /// it cannot be started.
    init?(_ arguments: [String], environment: [String: String]) {
        var ends: [Int32] = [-1, -1]
        let kind = Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue)
        guard let path = arguments.first, socketpair(AF_UNIX, kind, 0, &ends) == 0 else { return nil }
        let reading = Descriptor(owning: ends[0])
        let writing = Descriptor(owning: ends[1])
        var actions = posix_spawn_file_actions_t()
        var attributes = posix_spawnattr_t()
        guard posix_spawn_file_actions_init(&actions) == 0 else { return nil }
        defer { posix_spawn_file_actions_destroy(&actions) }
        guard posix_spawnattr_init(&attributes) == 0 else { return nil }
        defer { posix_spawnattr_destroy(&attributes) }
        posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        posix_spawn_file_actions_adddup2(&actions, writing.number, 1)
        posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0)
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETPGROUP))
        posix_spawnattr_setpgroup(&attributes, 0)
        var child: pid_t = 0
        let outcome = withCStrings(arguments) { arguments in
            withCStrings(environment.map { $0.key + "=" + $0.value }) { environment in
                posix_spawn(&child, path, &actions, &attributes, arguments, environment)
            }
        }
        guard outcome == 0 else { return nil }
        process = child
        output = reading
    }

    /// What it printed, if it left with status 0 before the deadline. The process is gone
    /// afterwards: call it once.
    func answer(until deadline: ContinuousClock.Instant) -> String? {
        var text: [UInt8] = []
        var complete = false
        var buffer = [UInt8](repeating: 0, count: 4096)
        while text.count < Self.limit {
            let left = (deadline - ContinuousClock.now) / .milliseconds(1)
            var waiting = pollfd(fd: output.number, events: Int16(POLLIN), revents: 0)
            let ready = poll(&waiting, 1, Int32(max(0, min(left, 60_000))))
            if ready < 0 && errno == EINTR { continue }
            guard ready > 0 else { break }
            let count = read(output.number, &buffer, buffer.count)
            if count < 0 && errno == EINTR { continue }
            guard count > 0 else {
                complete = count == 0
                break
            }
            text.append(contentsOf: buffer.prefix(count))
        }
        // Output has ended, so a well-behaved process is about to leave by itself; everything else is ended here.
        if !complete { kill(-process, SIGKILL) }
        var status: Int32 = 0
        while waitpid(process, &status, complete ? WNOHANG : 0) <= 0 {
            if complete {
                guard ContinuousClock.now < deadline else {
                    kill(-process, SIGKILL)
                    complete = false
                    continue
                }
                usleep(500)
            } else if errno != EINTR {
                break
            }
        }
        return complete && status == 0 ? String(validating: text, as: UTF8.self) : nil
    }
}
