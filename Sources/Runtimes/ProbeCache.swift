import Glibc

/// Answers of earlier probes, so that a server's start need not run every interpreter again. An answer is used only
/// while the probed file is the same one and the bootstraps are the same. A damaged file is an empty one.
struct ProbeCache {
    private static let limit = 256 * 1024

    private let file: String?
    /// From what was asked to what was answered.
    private var old: [String: String] = [:]
    private var used: [String: String] = [:]
    private var changed = false

    init(file: String?) {
        self.file = file
        guard let file, let contents = try? HostFile.read(file, limit: Self.limit) else { return }
        old = Self.decode(contents)
    }

    /// One record a line: the question, then the answer's lines, separated by tabs.
    static func decode(_ contents: [UInt8]) -> [String: String] {
        guard let text = String(validating: contents, as: UTF8.self), text.hasSuffix("\n") else { return [:] }
        var entries: [String: String] = [:]
        for line in text.split(separator: "\n") {
            let fields = line.split(separator: "\t")
            guard fields.count > 1 else { return [:] }
            entries[String(fields[0])] = fields.dropFirst().joined(separator: "\n")
        }
        return entries
    }

    static func encode(_ entries: [String: String]) -> [UInt8] {
        var text = ""
        for (question, answer) in entries.sorted(by: { $0.key < $1.key }) {
            text += question + "\t" + answer.split(separator: "\n").joined(separator: "\t") + "\n"
        }
        return Array(text.utf8)
    }

    mutating func answer(path: String, runtime: String) -> String? {
        guard let question = Self.question(path: path, runtime: runtime), let answer = old[question] else { return nil }
        if let compiled = answer.split(separator: "\n").first(where: { $0.hasPrefix("compiled=") }),
            access(runtime + "/" + compiled.dropFirst("compiled=".count), R_OK) != 0
        {
            return nil
        }
        used[question] = answer
        return answer
    }

    mutating func remember(_ answer: String, path: String, runtime: String) {
        guard let question = Self.question(path: path, runtime: runtime), !answer.contains("\t") else { return }
        used[question] = answer
        changed = true
    }

    /// Keeps what was asked this time. A cache that cannot be written is only slow.
    func save() {
        guard let file, changed || used.count != old.count else { return }
        try? HostFile.replace(file, with: Self.encode(used))
    }

    /// Identifies the file behind a path. A script (pyenv's shims) is not remembered: what it starts may change without
    /// it.
    private static func question(path: String, runtime: String) -> String? {
        var status = stat()
        guard !path.contains("\t"), !path.contains("\n"), stat(path, &status) == 0,
            (try? HostFile.read(path, limit: 2)) != Array("#!".utf8)
        else { return nil }
        return [
            path, runtime, "\(status.st_dev)", "\(status.st_ino)", "\(status.st_size)",
            "\(status.st_mtim.tv_sec).\(status.st_mtim.tv_nsec)",
        ].joined(separator: "|")
    }
}
