import CArchive
import Glibc

/// Unpacks an untrusted zip into a new directory, completely or not at all.
///
/// Everything is written by calls relative to an open directory that follow no links, links last; sizes are counted
/// while writing, whatever the headers promise. Files come out as 0644, or 0755 when the zip has any execute bit for
/// them, directories as 0755. All of it is on disk before it appears under its name.
///
/// Every call blocks for as long as it takes.
package struct ZipExtractor: Sendable {
    package struct Limits: Sendable, Hashable {
        /// Bytes of all files and link targets together. AWS allows 262,144,000 (250 MiB).
        package var unzippedBytes: Int
        /// Files, links and directories, those included that only the names of others imply.
        package var entries: Int

        package init(unzippedBytes: Int = 262_144_000, entries: Int = 100_000) {
            self.unzippedBytes = unzippedBytes
            self.entries = entries
        }
    }

    /// What was unpacked.
    package struct Summary: Sendable, Hashable {
        /// Bytes of all files and link targets together.
        package var unzippedBytes: Int
        /// Files, links and directories with an entry of their own.
        package var entries: Int
    }

    /// With more entries than this, one sync of the whole file system is cheaper than one for each.
    private static let entriesToSyncSingly = 64
    package static let incomingPrefix = ".incoming-"

    package let limits: Limits

    package init(limits: Limits = Limits()) { self.limits = limits }

    /// Unpacks the zip in `bytes` into a new directory at `destination`, whose parent must exist.
    ///
    /// - Throws: `.exists` when something other than an empty directory is there already; else as ``ArchiveError``
    ///   says.
    @discardableResult
    package func extract(_ bytes: UnsafeRawBufferPointer, to destination: String) throws(ArchiveError) -> Summary {
        // A zip that begins with its end record has no entries; libarchive does not take that for a zip.
        if bytes.isEmpty || bytes.starts(with: [0x50, 0x4b, 5, 6]) { throw .empty }
        try ZipNames.check(bytes)
        return try Self.make(destination) { (root) throws(ArchiveError) in
            try withUTF8Names { () throws(ArchiveError) in try fill(root, from: bytes) }
        }
    }

    /// Makes a new directory that appears under its name when `fill` is done with it.
    static func make<Value>(
        _ destination: String, _ fill: (borrowing DirectoryHandle) throws(ArchiveError) -> Value
    ) throws(ArchiveError) -> Value {
        let (parent, name) = try split(destination)
        let directory = try DirectoryHandle(parent)
        let incoming = Array((incomingPrefix + String(UInt64.random(in: 0 ... .max), radix: 16)).utf8)
        do throws(ArchiveError) {
            try directory.makeDirectory(incoming)
            let value = try fill(DirectoryHandle(incoming, in: directory))
            try directory.rename(incoming, to: name)
            try directory.sync()
            return value
        } catch {
            try? directory.removeTree(incoming)
            throw error
        }
    }

    /// As ``extract(_:to:)-(UnsafeRawBufferPointer,_)``.
    @discardableResult
    package func extract(_ bytes: [UInt8], to destination: String) throws(ArchiveError) -> Summary {
        try bytes.withUnsafeBytes { buffer in
            Result { () throws(ArchiveError) in try extract(buffer, to: destination) }
        }.get()
    }

    /// As ``extract(_:to:)-(UnsafeRawBufferPointer,_)``, from a file that nobody may shorten meanwhile.
    @discardableResult
    package func extract(fileAt path: String, to destination: String) throws(ArchiveError) -> Summary {
        try ZipFile.mapping(path) { (bytes) throws(ArchiveError) in try extract(bytes, to: destination) }
    }

    /// Removes what a process that died while unpacking left in `directory`, the parent of destinations.
    package static func sweep(_ directory: String) throws(ArchiveError) {
        let directory = try DirectoryHandle(directory)
        for name in try directory.names() where name.starts(with: incomingPrefix.utf8) {
            try directory.removeTree(name)
        }
    }

    /// Removes an unpacked directory. It disappears from its name at once, completely or not at all.
    package static func remove(_ destination: String) throws(ArchiveError) {
        let (parent, name) = try split(destination)
        let directory = try DirectoryHandle(parent)
        let doomed = Array((incomingPrefix + String(UInt64.random(in: 0 ... .max), radix: 16)).utf8)
        do throws(ArchiveError) {
            try directory.rename(name, to: doomed)
        } catch .file(_, _, ENOENT) {
            return
        }
        try directory.removeTree(doomed)
    }
}

extension ZipExtractor {
    private static func split(_ path: String) throws(ArchiveError) -> (parent: String, name: [UInt8]) {
        guard let slash = path.lastIndex(of: "/") else { return (".", Array(path.utf8)) }
        let name = Array(path[path.index(after: slash)...].utf8)
        guard !name.isEmpty else { throw .file(operation: "mkdirat", path: path, errno: EINVAL) }
        return (slash == path.startIndex ? "/" : String(path[..<slash]), name)
    }

    private func fill(
        _ root: borrowing DirectoryHandle, from bytes: UnsafeRawBufferPointer
    ) throws(ArchiveError) -> Summary {
        let reader = try ZipReader(bytes)
        var tree = Tree()
        var summary = Summary(unzippedBytes: 0, entries: 0)
        while let entry = try reader.next() {
            if entry.path == .root, entry.kind == .directory { continue }
            guard entry.path != .root else { throw .refused(name: ".", .emptyName) }
            summary.entries += 1
            try tree.insert(entry.kind.node, at: entry.path)
            if tree.nodes.count > limits.entries { throw .tooManyEntries(limit: limits.entries) }
            switch entry.kind {
            case .directory: break
            case .link(let target): try count(target.count, in: &summary)
            case .file(let isExecutable):
                try write(entry, mode: isExecutable ? 0o755 : 0o644, from: reader, below: root, summary: &summary)
            }
        }
        if summary.entries == 0 { throw .empty }
        try tree.checkLinks()
        try finish(root, tree, syncingEach: tree.nodes.count <= Self.entriesToSyncSingly)
        return summary
    }

    private func count(_ bytes: Int, in summary: inout Summary) throws(ArchiveError) {
        summary.unzippedBytes += bytes
        if summary.unzippedBytes > limits.unzippedBytes { throw .tooLarge(limit: limits.unzippedBytes) }
    }

    private func write(
        _ entry: ZipReader.Entry, mode: mode_t, from reader: borrowing ZipReader, below root: borrowing DirectoryHandle,
        summary: inout Summary
    ) throws(ArchiveError) {
        let name = entry.path.components[entry.path.components.count - 1]
        let file = try root.descending(entry.path.parent, making: true) { (directory) throws(ArchiveError) in
            try directory.makeFile(name)
        }
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 65_536, alignment: 16)
        defer { buffer.deallocate() }
        while case let filled = try reader.read(into: buffer), filled > 0 {
            try count(filled, in: &summary)
            try file.write(UnsafeRawBufferPointer(rebasing: buffer[..<filled]))
        }
        try file.finish(mode: mode, modified: entry.modified)
        if summary.entries <= Self.entriesToSyncSingly { try file.sync() }
    }

    /// Makes the links and the directories that have no files, sets the modes of directories, and puts all of it on
    /// disk.
    private func finish(
        _ root: borrowing DirectoryHandle, _ tree: Tree, syncingEach: Bool
    ) throws(ArchiveError) {
        for (path, node) in tree.nodes {
            if case .directory = node {
                try root.descending(path, making: true) { (_) throws(ArchiveError) in }
            }
        }
        for (path, node) in tree.nodes {
            guard case .link(let target) = node else { continue }
            let name = path.components[path.components.count - 1]
            try root.descending(path.parent, making: false) { (directory) throws(ArchiveError) in
                try directory.makeLink(name, target: target)
            }
        }
        for (path, node) in tree.nodes {
            guard case .directory = node else { continue }
            try root.descending(path, making: false) { (directory) throws(ArchiveError) in
                try directory.setMode(0o755)
                if syncingEach { try directory.sync() }
            }
        }
        try root.setMode(0o755)
        if syncingEach { try root.sync() } else { try root.syncFileSystem() }
    }
}

extension ZipReader.Entry.Kind {
    var node: Tree.Node {
        switch self {
        case .directory: .directory(isExplicit: true)
        case .link(let target): .link(target: target)
        case .file: .file
        }
    }
}

extension DirectoryHandle {
    /// Runs `work` in the directory at `path` below this one.
    borrowing func descending<Value: ~Copyable>(
        _ path: TreePath, making: Bool, _ work: (borrowing DirectoryHandle) throws(ArchiveError) -> Value
    ) throws(ArchiveError) -> Value {
        guard let first = path.components.first else { return try work(self) }
        if making { try makeDirectory(first) }
        let rest = TreePath(components: Array(path.components.dropFirst()))
        return try DirectoryHandle(first, in: self).descending(rest, making: making, work)
    }
}
