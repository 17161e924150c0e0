import Crypto

/// What a zip holds, summed up: zips that unpack to different trees have different sums, zips that unpack to the same
/// one (whatever their compression, order, times and comments) have the same.
///
/// The manifest itself is a text that nobody stores; whoever needs it makes it from the entries. Each entry is a line:
/// its kind (`file`, `program` for one that may be executed, `link`, `directory`), a space, the SHA-256 of its contents
/// or of its target in hex (of nothing, for a directory), a space, its path and a NUL. The lines are in the order of
/// the paths' bytes. Kinds and digests have no space in them and names have no NUL, so that no two trees share a text.
package struct ZipManifest: Sendable, Hashable {
    /// SHA-256 of the manifest.
    package var digest: [UInt8]
    /// What is in the entry that the manifest does without; nil when the zip has none, or when it is no file.
    package var omitted: [UInt8]?

    /// Reads the zip by the rules of ``ZipExtractor``, which would unpack just that.
    ///
    /// - Parameters:
    ///   - omitted: The path of a file that the manifest is to leave out.
    ///   - longest: How much of that file is kept: a byte more than `longest` shows that it is longer.
    /// - Throws: What ``ZipExtractor`` would.
    package init(
        of zip: UnsafeRawBufferPointer, without omitted: String, longest: Int,
        limits: ZipExtractor.Limits = ZipExtractor.Limits()
    ) throws(ArchiveError) {
        var lines = Lines()
        var kept: [UInt8]?
        let path = try EntryName.path(Array(omitted.utf8))
        try ZipWalk.each(of: zip, limits: limits) { (entry, contents) throws(ArchiveError) in
            if entry.path == path, case .file = entry.kind {
                var bytes: [UInt8] = []
                try contents.each { (piece) throws(ArchiveError) in
                    bytes += piece.prefix(longest + 1 - bytes.count)
                }
                kept = bytes
            } else {
                try lines.add(entry, contents)
            }
        }
        digest = lines.digest
        self.omitted = kept
    }

    /// As ``init(of:without:longest:limits:)``, of a file; nil when the zip has no file at `omitted`, which takes no
    /// reading of the others.
    package static func sealed(
        zipAt file: String, by omitted: String, longest: Int, limits: ZipExtractor.Limits = ZipExtractor.Limits()
    ) throws(ArchiveError) -> ZipManifest? {
        try ZipFile.mapping(file) { (zip) throws(ArchiveError) -> ZipManifest? in
            guard try ZipWalk.names(omitted, in: zip) else { return nil }
            return try ZipManifest(of: zip, without: omitted, longest: longest, limits: limits)
        }
    }
}

extension ZipManifest {
    /// The manifest in the making.
    struct Lines {
        private var lines: [(path: [UInt8], text: [UInt8])] = []

        mutating func add(_ entry: ZipReader.Entry, _ contents: borrowing ZipContents) throws(ArchiveError) {
            var hash = SHA256()
            if case .link(let target) = entry.kind { hash.update(data: target) }
            try contents.each { (piece) throws(ArchiveError) in hash.update(bufferPointer: piece) }
            add(entry, hash.finalize())
        }

        mutating func add(_ entry: ZipReader.Entry, _ contents: SHA256Digest) {
            let kind =
                switch entry.kind {
                case .file(isExecutable: false): "file"
                case .file(isExecutable: true): "program"
                case .link: "link"
                case .directory: "directory"
                }
            let path = entry.path.bytes
            lines.append((path, Array("\(kind) \(Self.hex(contents)) ".utf8) + path + [0]))
        }

        var digest: [UInt8] {
            var hash = SHA256()
            for line in lines.sorted(by: { $0.path.lexicographicallyPrecedes($1.path) }) {
                hash.update(data: line.text)
            }
            return Array(hash.finalize())
        }

        private static func hex(_ digest: SHA256Digest) -> String {
            let digits = Array("0123456789abcdef".utf8)
            return String(decoding: digest.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
        }
    }
}
