import CArchive
import Glibc

/// Reads the entries of a zip one after another, by libarchive, from the zip's own directory at its end.
struct ZipReader: ~Copyable {
    struct Entry {
        enum Kind: Hashable {
            case file(isExecutable: Bool)
            case directory
            case link(target: [UInt8])
        }

        var path: TreePath
        var kind: Kind
        /// Seconds since 1970.
        var modified: Int?
    }

    private let archive: OpaquePointer

    /// - Parameter bytes: Must outlive the reader.
    init(_ bytes: UnsafeRawBufferPointer) throws(ArchiveError) {
        guard let archive = archive_read_new() else { throw .unreadable(reason: "out of memory") }
        // Were the directory not asked, deleted entries would come back, and links would pass for files.
        guard archive_read_support_format_zip_seekable(archive) == ARCHIVE_OK,
            archive_read_open_memory(archive, bytes.baseAddress, bytes.count) == ARCHIVE_OK
        else {
            let reason = archive.lastError
            archive_read_free(archive)
            throw .unreadable(reason: reason)
        }
        self.archive = archive
    }

    deinit { archive_read_free(archive) }

    /// The next entry; nil at the end.
    func next() throws(ArchiveError) -> Entry? {
        var pointer: OpaquePointer?
        let result = archive_read_next_header(archive, &pointer)
        if result == ARCHIVE_EOF { return nil }
        guard result == ARCHIVE_OK, let pointer else { throw .unreadable(reason: archive.lastError) }
        let name = bytes(archive_entry_pathname(pointer))
        let path = try EntryName.path(name)
        let text = path.text
        if archive_entry_is_encrypted(pointer) != 0 { throw .encrypted(name: text) }
        if archive_entry_hardlink(pointer) != nil { throw .refused(name: text, .hardLink) }
        let modified = archive_entry_mtime_is_set(pointer) != 0 ? archive_entry_mtime(pointer) : nil
        return Entry(path: path, kind: try kind(of: pointer, name: text), modified: modified)
    }

    /// Fills `buffer` with the entry's next bytes.
    ///
    /// - Returns: How many; none at the end, where the checksum has been compared.
    func read(into buffer: UnsafeMutableRawBufferPointer) throws(ArchiveError) -> Int {
        let count = archive_read_data(archive, buffer.baseAddress, buffer.count)
        guard count >= 0 else { throw .unreadable(reason: archive.lastError) }
        return count
    }

    private func kind(of entry: OpaquePointer, name: String) throws(ArchiveError) -> Entry.Kind {
        switch mode_t(archive_entry_filetype(entry)) {
        case S_IFREG: return .file(isExecutable: archive_entry_perm(entry) & 0o111 != 0)
        case S_IFDIR: return .directory
        case S_IFLNK: return .link(target: bytes(archive_entry_symlink(entry)))
        default: throw .refused(name: name, .specialFile)
        }
    }

    private func bytes(_ text: UnsafePointer<CChar>?) -> [UInt8] {
        guard let text else { return [] }
        return Array(UnsafeRawBufferPointer(start: text, count: strlen(text)))
    }
}

extension OpaquePointer {
    /// libarchive's message about what went wrong last.
    var lastError: String {
        archive_error_string(self).map { String(cString: $0) } ?? "unknown error"
    }
}

/// Runs `work` with this thread's character type set to UTF-8: libarchive converts names to that of the locale, and in
/// the C locale of a service would fail at every name beyond ASCII. Other threads keep theirs.
func withUTF8Names<Value, Failure: Error>(_ work: () throws(Failure) -> Value) throws(Failure) -> Value {
    // LC_CTYPE_MASK. C.UTF-8 is part of every glibc that we run on.
    guard let locale = newlocale(1 << LC_CTYPE, "C.UTF-8", nil) else { return try work() }
    let previous = uselocale(locale)
    defer {
        uselocale(previous)
        freelocale(locale)
    }
    return try work()
}
