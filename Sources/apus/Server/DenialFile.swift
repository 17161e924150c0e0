import AWSWire
import Glibc
import Identity
import Logging
import NIOCore
import Synchronization

/// What was done in permissive mode that no policy allows: a file of JSON lines, mode 0600, each thing once.
/// `apus iam report` makes policies of it.
final class DenialFile: DenialLog {
    /// How many different denials are kept; a suite that makes more has seen enough.
    static let limit = 100_000

    private struct State {
        var seen: Set<Denial> = []
        var descriptor: Int32
    }

    private let state: Mutex<State>
    private let logger: Logger

    static func path(in directory: String) -> String { "\(directory)/denied.jsonl" }

    /// - Throws: ``DataDirectoryError`` when the file cannot be opened.
    init(in directory: String, logger: Logger) throws(DataDirectoryError) {
        let path = Self.path(in: directory)
        let seen = try Self.read(path)
        let descriptor = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard descriptor >= 0 else { throw .cannotUse(path: path, errno: errno) }
        state = Mutex(State(seen: Set(seen), descriptor: descriptor))
        self.logger = logger
    }

    deinit { state.withLock { _ = close($0.descriptor) } }

    /// A line goes to the system's cache the first time, which takes microseconds, and nowhere from then on.
    func note(_ denial: Denial) {
        let isNew = state.withLock { state in
            guard state.seen.count < Self.limit, state.seen.insert(denial).inserted else { return false }
            let line = Self.line(denial)
            _ = line.withUnsafeBytes { write(state.descriptor, $0.baseAddress, $0.count) }
            return true
        }
        guard isNew else { return }
        logger.warning(
            "allowed what no policy allows",
            metadata: [
                "principal": "\(denial.principal)", "action": "\(denial.action)", "resource": "\(denial.resource)",
            ])
    }

    private static func line(_ denial: Denial) -> [UInt8] {
        var writer = JSONWriter()
        writer.beginObject()
        for (name, value) in [
            ("principal", denial.principal), ("action", denial.action), ("resource", denial.resource),
        ] {
            writer.name(name)
            writer.string(value)
        }
        writer.endObject()
        return Array(writer.buffer.readableBytesView) + [UInt8(ascii: "\n")]
    }

    /// What a file holds; nothing when there is none. Lines that cannot be read, such as one that a crash cut off, are
    /// left out.
    static func read(_ path: String) throws(DataDirectoryError) -> [Denial] {
        guard let file = fopen(path, "re") else {
            if errno == ENOENT { return [] }
            throw .cannotUse(path: path, errno: errno)
        }
        defer { fclose(file) }
        var (line, capacity) = (UnsafeMutablePointer<CChar>?.none, 0)
        defer { free(line) }
        var denials: [Denial] = []
        while case let count = getline(&line, &capacity, file), count > 0, let start = line {
            let bytes = ByteBuffer(bytes: UnsafeRawBufferPointer(start: start, count: count))
            guard let value = try? JSONValue(parsing: bytes), let principal = value["principal"]?.string,
                let action = value["action"]?.string, let resource = value["resource"]?.string
            else { continue }
            denials.append(Denial(principal: principal, action: action, resource: resource))
        }
        return denials
    }
}
