import CArchive
import Glibc

/// Lays directory trees over each other. The files are hard links to those of the trees where the file system has them,
/// copies elsewhere: nobody may write to either.
///
/// Every call blocks for as long as it takes.
package enum TreeMerge {
    /// Makes a new directory at `destination`, whose parent must exist, with what is in the directories at `sources`:
    /// where several have something of one name, the last one's is there, and directories are merged.
    ///
    /// All of it is on disk before it appears under its name.
    ///
    /// - Throws: `.exists` when something other than an empty directory is there already, else `.file`.
    package static func merge(_ sources: [String], to destination: String) throws(ArchiveError) {
        try ZipExtractor.make(destination) { (root) throws(ArchiveError) in
            // The last one first: what is there already wins.
            for source in sources.reversed() { try overlay(DirectoryHandle(source), onto: root) }
            try root.setMode(0o755)
            try root.syncFileSystem()
        }
    }

    /// Bytes of all files and link targets below the directory at `path`, as ``ZipExtractor/Summary`` counts them.
    package static func size(of path: String) throws(ArchiveError) -> Int { try size(of: DirectoryHandle(path)) }

    private static func size(of directory: borrowing DirectoryHandle) throws(ArchiveError) -> Int {
        var bytes = 0
        for name in try directory.names() {
            let status = try directory.status(name)
            if isDirectory(status) {
                bytes += try size(of: DirectoryHandle(name, in: directory))
            } else {
                bytes += Int(status.st_size)
            }
        }
        return bytes
    }

    private static func overlay(
        _ source: borrowing DirectoryHandle, onto target: borrowing DirectoryHandle
    ) throws(ArchiveError) {
        for name in try source.names() {
            let status = try source.status(name)
            let present = try target.statusIfThere(name)
            guard isDirectory(status) else {
                if present == nil { try target.link(name, in: source, status: status) }
                continue
            }
            if let present, !isDirectory(present) { continue }
            try target.makeDirectory(name)
            let inner = try DirectoryHandle(name, in: target)
            try overlay(DirectoryHandle(name, in: source), onto: inner)
            try inner.setMode(0o755)
        }
    }

    private static func isDirectory(_ status: stat) -> Bool { status.st_mode & S_IFMT == S_IFDIR }
}

extension DirectoryHandle {
    /// As `status(_:)`, and nil when there is nothing of that name.
    fileprivate func statusIfThere(_ name: [UInt8]) throws(ArchiveError) -> stat? {
        do throws(ArchiveError) {
            return try status(name)
        } catch .file(_, _, ENOENT) {
            return nil
        }
    }

    /// Has the file or symbolic link `name` of another directory here, too.
    fileprivate func link(
        _ name: [UInt8], in source: borrowing DirectoryHandle, status: stat
    ) throws(ArchiveError) {
        if linkat(source.descriptor, cString(name), descriptor, cString(name), 0) == 0 { return }
        // A file has as many links as the file system allows, or it has none at all.
        guard [EMLINK, EPERM, EXDEV, EOPNOTSUPP].contains(errno) else {
            throw .file(operation: "linkat", path: child(name), errno: errno)
        }
        try copy(name, in: source, status: status)
    }

    func copy(_ name: [UInt8], in source: borrowing DirectoryHandle, status: stat) throws(ArchiveError) {
        if status.st_mode & S_IFMT == S_IFLNK { return try makeLink(name, target: source.linkTarget(name)) }
        let original = try source.openFile(name)
        let copy = try makeFile(name)
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 65_536, alignment: 16)
        defer { buffer.deallocate() }
        while case let count = try original.read(into: buffer), count > 0 {
            try copy.write(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
        }
        try copy.finish(mode: status.st_mode & 0o777, modified: status.st_mtim.tv_sec)
    }
}
