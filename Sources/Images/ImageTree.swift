import CArchive
import CLinux
import Glibc
import Linux

/// A directory that an image is being unpacked into, or has been. Nobody else changes it but the program that unpacks.
struct ImageTree {
    /// What an image may take, unpacked.
    struct Limits: Sendable, Hashable {
        /// Bytes of its files.
        var bytes: Int
        /// Files, directories and links.
        var entries = 1_000_000
    }

    let path: String

    /// - Throws: ``ImageError/tooLarge(limit:)``, ``ImageError/tooManyFiles(limit:)``
    func check(_ limits: Limits) throws(ImageError) {
        var bytes = 0
        var entries = 0
        try walk { entry throws(ImageError) in
            entries += 1
            if entries > limits.entries { throw .tooManyFiles(limit: limits.entries) }
            guard let status = entry.pointee.fts_statp?.pointee, status.st_mode & S_IFMT != S_IFDIR else { return }
            // A file with several names is there once.
            bytes += Int(status.st_size) / max(1, Int(status.st_nlink))
            if bytes > limits.bytes { throw .tooLarge(limit: limits.bytes) }
        }
    }

    /// Lets the owner, who has no other rights over it, look at and remove every part of it.
    func open() throws(ImageError) {
        try walk { entry throws(ImageError) in
            guard Int32(entry.pointee.fts_info) == FTS_D, let status = entry.pointee.fts_statp?.pointee else { return }
            let mode = status.st_mode & 0o7777
            if mode & 0o700 != 0o700 { _ = chmod(entry.pointee.fts_accpath, mode | 0o700) }
        }
        _ = chmod(path, 0o755)
    }

    /// Every entry below the directory, directories before what is in them. What vanishes meanwhile is left out.
    private func walk(
        _ visit: (UnsafeMutablePointer<FTSENT>) throws(ImageError) -> Void
    ) throws(ImageError) {
        guard let copy = strdup(path) else { throw .unavailable(reason: "out of memory") }
        defer { free(copy) }
        var paths: [UnsafeMutablePointer<CChar>?] = [copy, nil]
        guard let stream = fts_open(&paths, FTS_PHYSICAL | FTS_NOCHDIR, nil) else {
            throw .unavailable(reason: "fts_open \(path): \(SystemCallError.text(errno))")
        }
        defer { fts_close(stream) }
        while let entry = fts_read(stream) {
            if [FTS_DP, FTS_NS].contains(Int32(entry.pointee.fts_info)) { continue }
            try visit(entry)
        }
    }
}
