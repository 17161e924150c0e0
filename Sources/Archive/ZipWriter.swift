import CArchive
import Glibc

/// Writes one zip into memory, by libarchive.
struct ZipWriter: ~Copyable {
    /// Where libarchive's callback leaves the bytes.
    private final class Output {
        var bytes: [UInt8] = []
    }

    private let archive: OpaquePointer
    private let output: Output

    init() throws(ArchiveError) {
        guard let archive = archive_write_new() else { throw .unreadable(reason: "out of memory") }
        let output = Output()
        // Blocks are for tapes: without the two calls about them, zeros would follow the zip's end.
        guard archive_write_set_format_zip(archive) == ARCHIVE_OK,
            archive_write_set_options(archive, "zip:hdrcharset=UTF-8") == ARCHIVE_OK,
            archive_write_set_bytes_per_block(archive, 0) == ARCHIVE_OK,
            archive_write_set_bytes_in_last_block(archive, 1) == ARCHIVE_OK,
            archive_write_open(
                archive, Unmanaged.passUnretained(output).toOpaque(), nil,
                { _, context, bytes, count in
                    guard let context, let bytes else { return -1 }
                    Unmanaged<Output>.fromOpaque(context).takeUnretainedValue().bytes +=
                        UnsafeRawBufferPointer(start: bytes, count: count)
                    return count
                }, nil) == ARCHIVE_OK
        else {
            let reason = archive.lastError
            archive_write_free(archive)
            throw .unreadable(reason: reason)
        }
        self.archive = archive
        self.output = output
    }

    deinit { archive_write_free(archive) }

    func addDirectory(_ path: TreePath) throws(ArchiveError) {
        try header(path, type: S_IFDIR, mode: 0o755)
    }

    func addLink(_ path: TreePath, target: [UInt8]) throws(ArchiveError) {
        try header(path, type: S_IFLNK, mode: 0o777, link: target)
    }

    /// - Parameter size: How long the file is.
    /// - Throws: `.file` with `EIO` when it has become longer or shorter meanwhile.
    func addFile(
        _ file: borrowing FileHandle, at path: TreePath, size: Int, isExecutable: Bool
    ) throws(ArchiveError) {
        try header(path, type: S_IFREG, mode: isExecutable ? 0o755 : 0o644, size: size)
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 65_536, alignment: 16)
        defer { buffer.deallocate() }
        var total = 0
        while case let count = try file.read(into: buffer), count > 0 {
            total += count
            if total > size { break }
            guard archive_write_data(archive, buffer.baseAddress, count) == count else {
                throw .unreadable(reason: archive.lastError)
            }
        }
        guard total == size else { throw .file(operation: "read", path: path.text, errno: EIO) }
    }

    func addFile(_ bytes: [UInt8], at path: TreePath, isExecutable: Bool) throws(ArchiveError) {
        try header(path, type: S_IFREG, mode: isExecutable ? 0o755 : 0o644, size: bytes.count)
        guard bytes.isEmpty || archive_write_data(archive, bytes, bytes.count) == bytes.count else {
            throw .unreadable(reason: archive.lastError)
        }
    }

    /// The zip's bytes. Nothing can be added any more.
    func finish() throws(ArchiveError) -> [UInt8] {
        guard archive_write_close(archive) == ARCHIVE_OK else { throw .unreadable(reason: archive.lastError) }
        return output.bytes
    }

    private func header(
        _ path: TreePath, type: mode_t, mode: mode_t, size: Int = 0, link: [UInt8]? = nil
    ) throws(ArchiveError) {
        guard let entry = archive_entry_new() else { throw .unreadable(reason: "out of memory") }
        defer { archive_entry_free(entry) }
        archive_entry_set_pathname(entry, cString(path.bytes))
        archive_entry_set_mode(entry, type | mode)
        archive_entry_set_size(entry, Int64(size))
        if let link { archive_entry_set_symlink(entry, cString(link)) }
        guard archive_write_header(archive, entry) == ARCHIVE_OK else { throw .unreadable(reason: archive.lastError) }
    }
}
