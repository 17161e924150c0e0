import CArchive
import Glibc

/// Zips a directory for upload. The same files give the same bytes: entries are in the order of their names, without
/// times and owners, and of the modes only the execute bit counts.
package enum ZipBuilder {
    /// What version control and interpreters leave beside code.
    private static let skipped: Set<[UInt8]> = [Array(".git".utf8), Array("__pycache__".utf8)]

    /// Zips what is below `directory`. Links stay links; execute bits are kept; sockets, pipes and devices are left
    /// out. Blocks for as long as it takes.
    ///
    /// - Throws: ``ArchiveError/empty`` when no file is in it, `.refused` for a name or link that ``ZipExtractor``
    ///   would refuse, `.file` when one cannot be read.
    package static func zip(directory: String) throws(ArchiveError) -> [UInt8] {
        try withUTF8Names { () throws(ArchiveError) in
            let writer = try ZipWriter()
            var tree = Tree()
            try add(DirectoryHandle(directory), at: .root, to: writer, &tree)
            if tree.nodes.values.allSatisfy({ $0 == .directory(isExplicit: true) }) { throw .empty }
            try tree.checkLinks()
            return try writer.finish()
        }
    }

    private static func add(
        _ directory: consuming DirectoryHandle, at parent: TreePath, to writer: borrowing ZipWriter, _ tree: inout Tree
    ) throws(ArchiveError) {
        for name in try directory.names() where !skipped.contains(name) {
            let path = try EntryName.path(parent.appending(name).bytes)
            let status = try directory.status(name)
            switch status.st_mode & S_IFMT {
            case S_IFDIR:
                try tree.insert(.directory(isExplicit: true), at: path)
                try writer.addDirectory(path)
                try add(DirectoryHandle(name, in: directory), at: path, to: writer, &tree)
            case S_IFLNK:
                let target = try directory.linkTarget(name)
                try tree.insert(.link(target: target), at: path)
                try writer.addLink(path, target: target)
            case S_IFREG:
                try tree.insert(.file, at: path)
                let file = try directory.openFile(name)
                try writer.addFile(file, at: path, size: Int(status.st_size), isExecutable: status.st_mode & 0o111 != 0)
            default:
                continue
            }
        }
    }
}
