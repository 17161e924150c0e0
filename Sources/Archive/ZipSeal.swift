import Crypto

/// Adds an entry to a zip that says something about all the others.
package enum ZipSeal {
    /// A zip with the entries of another and one more, which takes the place of what was there under its name. Times
    /// and comments are left behind, as ``ZipBuilder`` leaves them. All of it is in memory.
    ///
    /// - Parameters:
    ///   - path: The new entry's.
    ///   - contents: Makes the new entry from the ``ZipManifest/digest`` of the others.
    /// - Throws: What ``ZipExtractor`` would.
    package static func add(
        to zip: UnsafeRawBufferPointer, at path: String, limits: ZipExtractor.Limits = ZipExtractor.Limits(),
        _ contents: (_ digest: [UInt8]) throws -> [UInt8]
    ) throws -> [UInt8] {
        let path = try EntryName.path(Array(path.utf8))
        let writer = try ZipWriter()
        var lines = ZipManifest.Lines()
        try ZipWalk.each(of: zip, limits: limits) { (entry, contents) throws(ArchiveError) in
            if entry.path == path { return }
            switch entry.kind {
            case .directory:
                try writer.addDirectory(entry.path)
                try lines.add(entry, contents)
            case .link(let target):
                try writer.addLink(entry.path, target: target)
                try lines.add(entry, contents)
            case .file(let isExecutable):
                var bytes: [UInt8] = []
                try contents.each { (piece) throws(ArchiveError) in bytes += piece }
                lines.add(entry, SHA256.hash(data: bytes))
                try writer.addFile(bytes, at: entry.path, isExecutable: isExecutable)
            }
        }
        let bytes = try contents(lines.digest)
        try withUTF8Names { () throws(ArchiveError) in try writer.addFile(bytes, at: path, isExecutable: false) }
        let sealed = try writer.finish()
        // A link or a file where the new entry's directory is to be would make a zip that nobody can unpack.
        try sealed.withUnsafeBytes { bytes in
            try ZipWalk.each(of: bytes, limits: limits) { (_, _) throws(ArchiveError) in }
        }
        return sealed
    }
}
