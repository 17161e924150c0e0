import Glibc
import Linux

/// Small files of the host, read and written whole.
enum HostFile {
    /// The contents, up to `limit` bytes.
    static func read(_ path: String, limit: Int) throws(RuntimeFiles.Failure) -> [UInt8] {
        let number = open(path, O_RDONLY | O_CLOEXEC)
        guard number >= 0 else { throw .init(operation: "open", path: path, errno: errno) }
        let file = Descriptor(owning: number)
        var contents = [UInt8](repeating: 0, count: limit)
        var filled = 0
        while filled < limit {
            let count = contents.withUnsafeMutableBytes {
                Glibc.read(file.number, $0.baseAddress?.advanced(by: filled), limit - filled)
            }
            if count < 0 && errno == EINTR { continue }
            guard count >= 0 else { throw .init(operation: "read", path: path, errno: errno) }
            if count == 0 { break }
            filled += count
        }
        contents.removeLast(limit - filled)
        return contents
    }

    /// Writes under a temporary name beside `path`, then renames: nobody sees half a file.
    static func replace(_ path: String, with contents: [UInt8]) throws(RuntimeFiles.Failure) {
        let temporary = path + ".\(getpid())-" + String(UInt64.random(in: 0 ... .max), radix: 36)
        let number = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o644)
        guard number >= 0 else { throw .init(operation: "create", path: temporary, errno: errno) }
        let file = Descriptor(owning: number)
        do throws(RuntimeFiles.Failure) {
            try write(contents, to: file.number, path: temporary)
            guard fchmod(file.number, 0o644) == 0 else {
                throw .init(operation: "chmod", path: temporary, errno: errno)
            }
            guard rename(temporary, path) == 0 else { throw .init(operation: "rename", path: path, errno: errno) }
        } catch {
            unlink(temporary)
            throw error
        }
    }

    private static func write(_ contents: [UInt8], to number: Int32, path: String) throws(RuntimeFiles.Failure) {
        var done = 0
        while done < contents.count {
            let count = contents.withUnsafeBytes {
                Glibc.write(number, $0.baseAddress?.advanced(by: done), contents.count - done)
            }
            if count < 0 && errno == EINTR { continue }
            guard count > 0 else { throw .init(operation: "write", path: path, errno: errno) }
            done += count
        }
    }

    /// The path with every symbolic link resolved; nil when nothing is there.
    static func resolve(_ path: String) -> String? {
        guard let resolved = realpath(path, nil) else { return nil }
        defer { free(resolved) }
        return String(cString: resolved)
    }

    /// What the symbolic link at `path` says; nil when it is none.
    static func linkTarget(_ path: String) -> String? {
        var buffer = [CChar](repeating: 0, count: Int(PATH_MAX))
        let count = readlink(path, &buffer, buffer.count)
        guard count > 0 else { return nil }
        return String(decoding: buffer.prefix(count).map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    /// Whether a directory, which is no link, can be changed only by this process's user and by root.
    static func isTrustworthy(_ path: String) -> Bool {
        var status = stat()
        return lstat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR && status.st_mode & 0o022 == 0
            && (status.st_uid == geteuid() || status.st_uid == 0)
    }

    static func isDirectory(_ path: String) -> Bool {
        var status = stat()
        return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
    }

    static func isExecutableFile(_ path: String) -> Bool {
        var status = stat()
        return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFREG && access(path, X_OK) == 0
    }

    /// The names in a directory, sorted; none when it cannot be read.
    static func list(_ path: String) -> [String] {
        guard let directory = opendir(path) else { return [] }
        defer { closedir(directory) }
        var names: [String] = []
        while let entry = readdir(directory) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if name != "." && name != ".." { names.append(name) }
        }
        return names.sorted()
    }
}
