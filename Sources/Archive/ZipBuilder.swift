import CArchive
import Glibc

/// Zips a directory for upload. The same files give the same bytes: entries are in the order of their names and dated
/// 1980-01-01, the zip format's first day.
package enum ZipBuilder {
    /// What version control and interpreters leave beside code.
    private static let skipped: Set<String> = [".git", "__pycache__"]
    private static let firstDay: time_t = 315_532_800
    private static let chunk = 1 << 16

    /// Zips what is in `directory`. Links stay links; execute bits are kept; sockets, pipes and devices are left out.
    /// Blocks for as long as it takes.
    ///
    /// - Returns: the zip.
    /// - Throws: ``ArchiveError/empty`` when no file is in it, `.file` when one cannot be read.
    package static func zip(directory: String) throws(ArchiveError) -> [UInt8] {
        let entries = try list(directory, below: "")
        guard entries.contains(where: { $0.kind != .directory }) else { throw .empty }
        let output = Output()
        guard let archive = archive_write_new() else { throw .unreadable(reason: "out of memory") }
        defer { archive_write_free(archive) }
        guard archive_write_set_format_zip(archive) == ARCHIVE_OK,
            archive_write_set_options(archive, "zip:hdrcharset=UTF-8") == ARCHIVE_OK,
            archive_write_open(
                archive, Unmanaged.passUnretained(output).toOpaque(), nil,
                { _, client, bytes, count in
                    guard let client, let bytes else { return -1 }
                    Unmanaged<Output>.fromOpaque(client).takeUnretainedValue().bytes +=
                        UnsafeRawBufferPointer(start: bytes, count: count)
                    return count
                }, nil) == ARCHIVE_OK
        else { throw .unreadable(reason: archive.lastError) }
        try withUTF8Names { () throws(ArchiveError) in
            for entry in entries { try add(entry, of: directory, to: archive) }
        }
        guard archive_write_close(archive) == ARCHIVE_OK else { throw .unreadable(reason: archive.lastError) }
        return withExtendedLifetime(output) { output.bytes }
    }

    private final class Output {
        var bytes: [UInt8] = []
    }

    private struct Entry {
        enum Kind: Equatable {
            case directory, file, link
        }
        var path: String
        var kind: Kind
        var status: stat
    }

    /// What is below a directory, parents before their contents, names in byte order.
    private static func list(_ root: String, below parent: String) throws(ArchiveError) -> [Entry] {
        let place = parent.isEmpty ? root : "\(root)/\(parent)"
        guard let directory = opendir(place) else { throw .file(operation: "opendir", path: place, errno: errno) }
        defer { closedir(directory) }
        var names: [String] = []
        while let entry = readdir(directory) {
            let name = withUnsafeBytes(of: entry.pointee.d_name) { bytes in
                String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            if name != ".", name != "..", !skipped.contains(name) { names.append(name) }
        }
        var found: [Entry] = []
        for name in names.sorted(by: { $0.utf8.lexicographicallyPrecedes($1.utf8) }) {
            let path = parent.isEmpty ? name : "\(parent)/\(name)"
            var status = stat()
            guard lstat("\(root)/\(path)", &status) == 0 else {
                throw .file(operation: "lstat", path: "\(root)/\(path)", errno: errno)
            }
            switch status.st_mode & S_IFMT {
            case S_IFDIR:
                found.append(Entry(path: path, kind: .directory, status: status))
                found += try list(root, below: path)
            case S_IFREG: found.append(Entry(path: path, kind: .file, status: status))
            case S_IFLNK: found.append(Entry(path: path, kind: .link, status: status))
            default: continue
            }
        }
        return found
    }

    private static func add(_ entry: Entry, of root: String, to archive: OpaquePointer) throws(ArchiveError) {
        guard let header = archive_entry_new() else { throw .unreadable(reason: "out of memory") }
        defer { archive_entry_free(header) }
        let source = "\(root)/\(entry.path)"
        archive_entry_set_pathname(header, entry.kind == .directory ? entry.path + "/" : entry.path)
        archive_entry_set_mtime(header, firstDay, 0)
        let isExecutable = entry.status.st_mode & 0o111 != 0
        switch entry.kind {
        case .directory:
            archive_entry_set_mode(header, S_IFDIR | 0o755)
        case .file:
            archive_entry_set_mode(header, S_IFREG | (isExecutable ? 0o755 : 0o644))
            archive_entry_set_size(header, Int64(entry.status.st_size))
        case .link:
            archive_entry_set_mode(header, S_IFLNK | 0o777)
            archive_entry_set_symlink(header, try target(of: source))
        }
        guard archive_write_header(archive, header) == ARCHIVE_OK else { throw .unreadable(reason: archive.lastError) }
        if entry.kind == .file { try copy(source, to: archive) }
    }

    private static func target(of link: String) throws(ArchiveError) -> String {
        var buffer = [UInt8](repeating: 0, count: Int(PATH_MAX))
        let count = buffer.withUnsafeMutableBytes { space -> Int in
            guard let start = space.bindMemory(to: CChar.self).baseAddress else { return -1 }
            return readlink(link, start, space.count)
        }
        guard count >= 0 else { throw .file(operation: "readlink", path: link, errno: errno) }
        return String(decoding: buffer[..<count], as: UTF8.self)
    }

    private static func copy(_ path: String, to archive: OpaquePointer) throws(ArchiveError) {
        let file = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW)
        guard file >= 0 else { throw .file(operation: "open", path: path, errno: errno) }
        defer { close(file) }
        var buffer = [UInt8](repeating: 0, count: chunk)
        while true {
            let count = read(file, &buffer, buffer.count)
            guard count >= 0 else { throw .file(operation: "read", path: path, errno: errno) }
            if count == 0 { return }
            guard archive_write_data(archive, buffer, count) == count else {
                throw .unreadable(reason: archive.lastError)
            }
        }
    }
}
