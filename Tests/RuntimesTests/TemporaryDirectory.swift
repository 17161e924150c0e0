import Glibc

/// A directory of one test's own, removed with it.
final class TemporaryDirectory: Sendable {
    let path: String

    init() throws {
        var template = Array("/tmp/apus-runtimes-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw Failure(errno: errno) }
        path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    struct Failure: Error { var errno: Int32 }

    /// Makes a file and the directories above it; its absolute path.
    @discardableResult
    func file(_ name: String, _ contents: String = "", mode: mode_t = 0o644) throws -> String {
        directory(name.split(separator: "/").dropLast().joined(separator: "/"))
        let full = path + "/" + name
        let number = open(full, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
        guard number >= 0 else { throw Failure(errno: errno) }
        defer { close(number) }
        let bytes = Array(contents.utf8)
        guard write(number, bytes, bytes.count) == bytes.count, fchmod(number, mode) == 0 else {
            throw Failure(errno: errno)
        }
        return full
    }

    /// A program that answers a probe with `answer`.
    @discardableResult
    func program(_ name: String, answers answer: String) throws -> String {
        try file(name, "#!/bin/sh\n/bin/cat <<'END'\n\(answer)\nEND\n", mode: 0o755)
    }

    @discardableResult
    func directory(_ name: String) -> String {
        var sofar = path
        for component in name.split(separator: "/") {
            sofar += "/" + component
            mkdir(sofar, 0o755)
        }
        return sofar
    }

    func link(_ name: String, to target: String) {
        symlink(target, path + "/" + name)
    }

    deinit { remove(path) }

    private func remove(_ path: String) {
        var status = stat()
        guard lstat(path, &status) == 0 else { return }
        if status.st_mode & S_IFMT == S_IFDIR {
            for name in names(in: path) { remove(path + "/" + name) }
            rmdir(path)
        } else {
            unlink(path)
        }
    }

    private func names(in path: String) -> [String] {
        guard let directory = opendir(path) else { return [] }
        defer { closedir(directory) }
        var names: [String] = []
        while let entry = readdir(directory) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if name != "." && name != ".." { names.append(name) }
        }
        return names
    }
}

func contents(_ path: String) throws -> [UInt8] {
    let number = open(path, O_RDONLY | O_CLOEXEC)
    guard number >= 0 else { throw TemporaryDirectory.Failure(errno: errno) }
    defer { close(number) }
    var bytes = [UInt8](repeating: 0, count: 1 << 20)
    let count = read(number, &bytes, bytes.count)
    return Array(bytes.prefix(max(0, count)))
}
