import CArchive
import Glibc

/// An open directory below which everything is reached by name and no link is ever followed.
struct DirectoryHandle: ~Copyable {
    let descriptor: Int32
    /// For messages.
    let path: String

    /// Opens the directory at `path`, which the caller trusts.
    init(_ path: String) throws(ArchiveError) {
        descriptor = try check("open", path, open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC))
        self.path = path
    }

    /// Opens the directory `name` in `parent`.
    init(_ name: [UInt8], in parent: borrowing DirectoryHandle) throws(ArchiveError) {
        let path = parent.child(name)
        let flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC
        descriptor = try check("openat", path, openat(parent.descriptor, cString(name), flags))
        self.path = path
    }

    deinit { close(descriptor) }

    func child(_ name: [UInt8]) -> String { path + "/" + String(decoding: name, as: UTF8.self) }

    /// Makes a directory; one that exists will do.
    func makeDirectory(_ name: [UInt8]) throws(ArchiveError) {
        if mkdirat(descriptor, cString(name), 0o700) != 0, errno != EEXIST {
            throw .file(operation: "mkdirat", path: child(name), errno: errno)
        }
    }

    func makeLink(_ name: [UInt8], target: [UInt8]) throws(ArchiveError) {
        try check("symlinkat", child(name), symlinkat(cString(target), descriptor, cString(name)))
    }

    /// Opens a new file for writing.
    func makeFile(_ name: [UInt8]) throws(ArchiveError) -> FileHandle {
        let flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC
        return try FileHandle(
            descriptor: check("openat", child(name), openat(descriptor, cString(name), flags, 0o600)), path: child(name)
        )
    }

    /// Opens a regular file for reading.
    func openFile(_ name: [UInt8]) throws(ArchiveError) -> FileHandle {
        let flags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC
        return try FileHandle(
            descriptor: check("openat", child(name), openat(descriptor, cString(name), flags)), path: child(name))
    }

    func setMode(_ mode: mode_t) throws(ArchiveError) {
        try check("fchmod", path, fchmod(descriptor, mode))
    }

    func sync() throws(ArchiveError) { try check("fsync", path, fsync(descriptor)) }

    /// Puts everything on disk that anybody wrote to the file system of this directory.
    func syncFileSystem() throws(ArchiveError) { try check("syncfs", path, syncfs(descriptor)) }

    /// What `name` is, a link itself when it is one.
    func status(_ name: [UInt8]) throws(ArchiveError) -> stat {
        var status = stat()
        try check("fstatat", child(name), fstatat(descriptor, cString(name), &status, AT_SYMLINK_NOFOLLOW))
        return status
    }

    func linkTarget(_ name: [UInt8]) throws(ArchiveError) -> [UInt8] {
        var target = [CChar](repeating: 0, count: Int(PATH_MAX))
        let count = readlinkat(descriptor, cString(name), &target, target.count)
        try check("readlinkat", child(name), Int32(clamping: count))
        return target.prefix(count).map { UInt8(bitPattern: $0) }
    }

    /// The names in the directory but `.` and `..`, in the order of their bytes.
    func names() throws(ArchiveError) -> [[UInt8]] {
        let own = try check("dup", path, fcntl(descriptor, F_DUPFD_CLOEXEC, 0))
        guard let stream = fdopendir(own) else {
            let code = errno
            close(own)
            throw .file(operation: "fdopendir", path: path, errno: code)
        }
        defer { closedir(stream) }
        // The duplicate shares its position with every listing before it.
        rewinddir(stream)
        var names: [[UInt8]] = []
        while true {
            errno = 0
            guard let entry = readdir(stream) else {
                guard errno == 0 else { throw .file(operation: "readdir", path: path, errno: errno) }
                return names.sorted { $0.lexicographicallyPrecedes($1) }
            }
            let name = withUnsafeBytes(of: &entry.pointee.d_name) { Array($0.prefix { $0 != 0 }) }
            if name != [0x2e], name != [0x2e, 0x2e] { names.append(name) }
        }
    }

    /// Removes `name` and, when it is a directory, everything below it.
    func removeTree(_ name: [UInt8]) throws(ArchiveError) {
        if unlinkat(descriptor, cString(name), 0) == 0 || errno == ENOENT { return }
        guard errno == EISDIR || errno == EPERM else {
            throw .file(operation: "unlinkat", path: child(name), errno: errno)
        }
        // A tree of a container image may have directories that its owner may not write to.
        _ = fchmodat(descriptor, cString(name), 0o700, 0)
        let directory = try DirectoryHandle(name, in: self)
        for inner in try directory.names() { try directory.removeTree(inner) }
        try check("unlinkat", child(name), unlinkat(descriptor, cString(name), AT_REMOVEDIR))
    }

    func rename(_ name: [UInt8], to new: [UInt8]) throws(ArchiveError) {
        if renameat(descriptor, cString(name), descriptor, cString(new)) == 0 { return }
        if errno == EEXIST || errno == ENOTEMPTY || errno == ENOTDIR { throw .exists(path: child(new)) }
        throw .file(operation: "renameat", path: child(new), errno: errno)
    }
}

/// An open file below a ``DirectoryHandle``.
struct FileHandle: ~Copyable {
    private let descriptor: Int32
    private let path: String

    init(descriptor: Int32, path: String) {
        self.descriptor = descriptor
        self.path = path
    }

    deinit { close(descriptor) }

    func write(_ bytes: UnsafeRawBufferPointer) throws(ArchiveError) {
        var rest = bytes[...]
        while !rest.isEmpty {
            let piece = UnsafeRawBufferPointer(rebasing: rest)
            let count = Glibc.write(descriptor, piece.baseAddress, piece.count)
            if count < 0, errno == EINTR { continue }
            try check("write", path, Int32(clamping: count))
            rest = rest.dropFirst(count)
        }
    }

    /// - Returns: How many bytes were read; none at the end.
    func read(into buffer: UnsafeMutableRawBufferPointer) throws(ArchiveError) -> Int {
        while true {
            let count = Glibc.read(descriptor, buffer.baseAddress, buffer.count)
            if count < 0, errno == EINTR { continue }
            try check("read", path, Int32(clamping: count))
            return count
        }
    }

    /// - Parameter modified: Seconds since 1970; nil leaves the time of writing.
    func finish(mode: mode_t, modified: Int?) throws(ArchiveError) {
        if let modified {
            let time = timespec(tv_sec: modified, tv_nsec: 0)
            try check("futimens", path, futimens(descriptor, [time, time]))
        }
        try check("fchmod", path, fchmod(descriptor, mode))
    }

    func sync() throws(ArchiveError) { try check("fsync", path, fsync(descriptor)) }
}

/// `name` as C wants it.
func cString(_ name: [UInt8]) -> [CChar] { name.map { CChar(bitPattern: $0) } + [0] }

@discardableResult
private func check(_ operation: String, _ path: String, _ result: Int32) throws(ArchiveError) -> Int32 {
    guard result >= 0 else { throw .file(operation: operation, path: path, errno: errno) }
    return result
}
