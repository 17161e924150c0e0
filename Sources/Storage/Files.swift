import Glibc

/// An open file, closed once, when its owner is done with it.
struct OpenFile: ~Copyable {
    private let descriptor: Int32
    private let path: String

    /// Opens `path` close-on-exec.
    init(_ path: String, _ flags: Int32, mode: mode_t = 0o600) throws(StorageError) {
        descriptor = try retrying("open", path) { Glibc.open(path, flags | O_CLOEXEC, mode) }
        self.path = path
    }

    deinit { Glibc.close(descriptor) }

    func size() throws(StorageError) -> Int {
        var status = stat()
        try retrying("fstat", path) { fstat(descriptor, &status) }
        return Int(status.st_size)
    }

    func sync() throws(StorageError) {
        try retrying("fsync", path) { fsync(descriptor) }
    }

    func write(_ bytes: UnsafeRawBufferPointer) throws(StorageError) {
        var rest = bytes[...]
        while !rest.isEmpty {
            let piece = UnsafeRawBufferPointer(rebasing: rest)
            let count = try retrying("write", path) { Glibc.write(descriptor, piece.baseAddress, piece.count) }
            rest = rest.dropFirst(count)
        }
    }

    /// Fills `buffer` from its beginning as far as the file goes; fewer bytes mean the end of the file.
    func read(into buffer: UnsafeMutableRawBufferPointer) throws(StorageError) -> Int {
        var filled = 0
        while filled < buffer.count {
            let piece = UnsafeMutableRawBufferPointer(rebasing: buffer[filled...])
            let count = try retrying("read", path) { Glibc.read(descriptor, piece.baseAddress, piece.count) }
            if count == 0 { break }
            filled += count
        }
        return filled
    }
}

/// Operations on paths below a directory that is ours alone.
enum Files {
    /// Makes a directory for its owner alone; one that exists will do.
    static func makeDirectory(_ path: String) throws(StorageError) {
        if mkdir(path, 0o700) != 0, errno != EEXIST { throw .file(operation: "mkdir", path: path, errno: errno) }
    }

    /// Puts the entries of a directory on disk.
    static func syncDirectory(_ path: String) throws(StorageError) {
        try OpenFile(path, O_RDONLY | O_DIRECTORY).sync()
    }

    static func rename(_ old: String, to new: String) throws(StorageError) {
        try retrying("rename", new) { Glibc.rename(old, new) }
    }

    /// - Returns: Whether there was such a file.
    @discardableResult
    static func remove(_ path: String) throws(StorageError) -> Bool {
        if unlink(path) == 0 { return true }
        guard errno == ENOENT else { throw .file(operation: "unlink", path: path, errno: errno) }
        return false
    }

    /// The size of a regular file; nil when there is nothing of that name.
    static func size(of path: String) throws(StorageError) -> Int? {
        var status = stat()
        if lstat(path, &status) == 0 { return Int(status.st_size) }
        guard errno == ENOENT || errno == ENOTDIR else { throw .file(operation: "lstat", path: path, errno: errno) }
        return nil
    }

    /// The names in a directory but `.` and `..`, sorted; none when there is no such directory.
    static func names(in path: String) throws(StorageError) -> [String] {
        guard let directory = opendir(path) else {
            guard errno == ENOENT || errno == ENOTDIR else {
                throw .file(operation: "opendir", path: path, errno: errno)
            }
            return []
        }
        defer { closedir(directory) }
        var names: [String] = []
        while true {
            errno = 0
            guard let entry = readdir(directory) else {
                guard errno == 0 else { throw .file(operation: "readdir", path: path, errno: errno) }
                return names.sorted()
            }
            let name = withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
                String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            if name != ".", name != ".." { names.append(name) }
        }
    }
}

/// Repeats a system call for as long as a signal interrupts it.
@discardableResult
private func retrying<Result: SignedInteger>(
    _ operation: String, _ path: String, _ call: () -> Result
) throws(StorageError) -> Result {
    while true {
        let result = call()
        if result >= 0 { return result }
        guard errno == EINTR else { throw .file(operation: operation, path: path, errno: errno) }
    }
}
