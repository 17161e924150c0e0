import CArchive
import Glibc

/// A zip file on disk, read without a copy of it.
enum ZipFile {
    /// Runs `work` with the bytes of a file that nobody may shorten meanwhile.
    ///
    /// - Throws: `.empty` for a file without any, `.file` when it cannot be read, else what `work` throws.
    static func mapping<Value>(
        _ path: String, _ work: (UnsafeRawBufferPointer) throws(ArchiveError) -> Value
    ) throws(ArchiveError) -> Value {
        let file = open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { throw .file(operation: "open", path: path, errno: errno) }
        defer { close(file) }
        var status = stat()
        guard fstat(file, &status) == 0 else { throw .file(operation: "fstat", path: path, errno: errno) }
        let size = Int(status.st_size)
        if size == 0 { throw .empty }
        guard let memory = mmap(nil, size, PROT_READ, MAP_PRIVATE, file, 0), memory != MAP_FAILED else {
            throw .file(operation: "mmap", path: path, errno: errno)
        }
        defer { munmap(memory, size) }
        return try work(UnsafeRawBufferPointer(start: memory, count: size))
    }
}
