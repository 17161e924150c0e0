/// Walks through a zip as ``ZipExtractor`` does, and refuses what it refuses, without unpacking anything.
enum ZipWalk {
    /// Shows every entry, in the order of the zip.
    ///
    /// - Parameter visit: Gets the entry's contents too; it may leave them unread.
    static func each(
        of zip: UnsafeRawBufferPointer, limits: ZipExtractor.Limits,
        _ visit: (ZipReader.Entry, borrowing ZipContents) throws(ArchiveError) -> Void
    ) throws(ArchiveError) {
        // A zip that begins with its end record has no entries; libarchive does not take that for a zip.
        if zip.isEmpty || zip.starts(with: [0x50, 0x4b, 5, 6]) { throw .empty }
        try ZipNames.check(zip)
        try withUTF8Names { () throws(ArchiveError) in
            let contents = ZipContents(of: try ZipReader(zip), limit: limits.unzippedBytes)
            var tree = Tree()
            var entries = 0
            while let entry = try contents.next() {
                if entry.path == .root, entry.kind == .directory { continue }
                guard entry.path != .root else { throw .refused(name: ".", .emptyName) }
                entries += 1
                try tree.insert(entry.kind.node, at: entry.path)
                if tree.nodes.count > limits.entries { throw .tooManyEntries(limit: limits.entries) }
                if case .link(let target) = entry.kind { try contents.count(target.count) }
                try visit(entry, contents)
            }
            if entries == 0 { throw .empty }
            try tree.checkLinks()
        }
    }

    /// Whether the zip has an entry at a path, whatever it is.
    static func names(_ path: String, in zip: UnsafeRawBufferPointer) throws(ArchiveError) -> Bool {
        let path = try EntryName.path(Array(path.utf8))
        return try withUTF8Names { () throws(ArchiveError) in
            let reader = try ZipReader(zip)
            while let entry = try reader.next() {
                if entry.path == path { return true }
            }
            return false
        }
    }
}

/// The contents of a zip's entries, one after the other, within a limit that all of them share.
struct ZipContents: ~Copyable {
    private final class Total {
        var bytes = 0
    }

    private let reader: ZipReader
    private let limit: Int
    private let total = Total()

    init(of reader: consuming ZipReader, limit: Int) {
        self.reader = reader
        self.limit = limit
    }

    func next() throws(ArchiveError) -> ZipReader.Entry? { try reader.next() }

    /// Shows the current entry's contents in pieces; none for what is no file.
    func each(_ visit: (UnsafeRawBufferPointer) throws(ArchiveError) -> Void) throws(ArchiveError) {
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 65_536, alignment: 16)
        defer { buffer.deallocate() }
        while case let filled = try reader.read(into: buffer), filled > 0 {
            try count(filled)
            try visit(UnsafeRawBufferPointer(rebasing: buffer[..<filled]))
        }
    }

    func count(_ bytes: Int) throws(ArchiveError) {
        total.bytes += bytes
        if total.bytes > limit { throw .tooLarge(limit: limit) }
    }
}
