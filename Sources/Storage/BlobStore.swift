import Crypto
import Glibc

/// Immutable byte sequences in files, named by their SHA-256: equal bytes are kept once.
///
/// A blob appears under its final name only when all of it is on disk. What a dead process left half written is swept
/// when the store is opened. One process uses the directory.
///
/// Layout: `DIRECTORY/ab/cd/abcd…` (64 digits) and `DIRECTORY/incoming/` for what is being written.
package struct BlobStore: Sendable {
    /// The size of the pieces in which files are copied.
    private static let pieceSize = 1 << 20

    private let directory: String
    private let writer = BlockingQueue(label: "apus.blobs.write")
    private let reader = BlockingQueue(label: "apus.blobs.read")

    private var incoming: String { directory + "/incoming" }

    /// Opens the store, making its directory (not the parents of that) when there is none. Blocks; call it while
    /// starting.
    ///
    /// - Throws: ``StorageError``, `.file`.
    package init(directory: String) throws(StorageError) {
        self.directory = directory
        try Files.makeDirectory(directory)
        try Files.makeDirectory(incoming)
        // What is put is no safer than the directory's own name.
        try Files.syncDirectory(directory + "/..")
        for name in try Files.names(in: incoming) { try Files.remove(incoming + "/" + name) }
    }

    /// Where a blob is, or would be. The file must not be changed.
    package func path(of id: BlobID) -> String { Self.path(of: id, in: directory) }

    /// Keeps `bytes`; when this returns they are on disk. Doing it again changes nothing, but mends a file that does
    /// not hold them any more.
    package func put(_ bytes: some Collection<UInt8> & Sendable) async throws(StorageError) -> BlobID {
        try await writer.run { () throws(StorageError) in
            let keep = { (buffer: UnsafeBufferPointer<UInt8>) in
                Result { () throws(StorageError) in try put(UnsafeRawBufferPointer(buffer)) }
            }
            let contiguous = bytes.withContiguousStorageIfAvailable(keep)
            return try (contiguous ?? Array(bytes).withUnsafeBufferPointer(keep)).get()
        }
    }

    /// Keeps a copy of what the file at `path` holds.
    package func put(fileAt path: String) async throws(StorageError) -> BlobID {
        try await writer.run { () throws(StorageError) in
            let source = try OpenFile(path, O_RDONLY)
            let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: Self.pieceSize, alignment: 16)
            defer { buffer.deallocate() }
            var hash = SHA256()
            return try write { (file) throws(StorageError) in
                while true {
                    let count = try source.read(into: buffer)
                    if count == 0 { break }
                    let piece = UnsafeRawBufferPointer(rebasing: buffer[..<count])
                    hash.update(bufferPointer: piece)
                    try file.write(piece)
                }
                return BlobID(digest: hash.finalize())
            }
        }
    }

    /// The bytes of a blob.
    ///
    /// - Throws: `.file` with `ENOENT` when it is not kept, `.corruptBlob` when the disk no longer holds what was put.
    package func read(_ id: BlobID) async throws(StorageError) -> [UInt8] {
        let path = path(of: id)
        return try await reader.run { () throws(StorageError) in
            let file = try OpenFile(path, O_RDONLY | O_NOFOLLOW)
            let size = try file.size()
            var bytes = [UInt8](repeating: 0, count: size)
            let count = bytes.withUnsafeMutableBytes { buffer in
                Result { () throws(StorageError) in try file.read(into: buffer) }
            }
            guard try count.get() == size, BlobID(digest: SHA256.hash(data: bytes)) == id else {
                throw .corruptBlob(id: id.hex)
            }
            return bytes
        }
    }

    /// Whether a blob of this name is kept.
    package func contains(_ id: BlobID) async throws(StorageError) -> Bool {
        let path = path(of: id)
        return try await reader.run { () throws(StorageError) in try Files.size(of: path) != nil }
    }

    /// Removes a blob.
    ///
    /// - Returns: Whether it was there.
    @discardableResult
    package func delete(_ id: BlobID) async throws(StorageError) -> Bool {
        let path = path(of: id)
        let parent = Self.parent(of: id, in: directory)
        return try await writer.run { () throws(StorageError) in
            guard try Files.remove(path) else { return false }
            try Files.syncDirectory(parent)
            return true
        }
    }

    /// Every blob that is kept, in the order of the names: what garbage collection compares with what is in use.
    package func all() async throws(StorageError) -> [BlobID] {
        try await reader.run { () throws(StorageError) in
            var ids: [BlobID] = []
            for first in try Files.names(in: directory) where first.utf8.count == 2 {
                for second in try Files.names(in: "\(directory)/\(first)") {
                    let names = try Files.names(in: "\(directory)/\(first)/\(second)")
                    ids += names.compactMap { BlobID($0) }
                }
            }
            return ids
        }
    }
}

extension BlobStore {
    private static func parent(of id: BlobID, in directory: String) -> String {
        "\(directory)/\(id.hex.prefix(2))/\(id.hex.dropFirst(2).prefix(2))"
    }

    private static func path(of id: BlobID, in directory: String) -> String {
        parent(of: id, in: directory) + "/" + id.hex
    }

    private func put(_ bytes: UnsafeRawBufferPointer) throws(StorageError) -> BlobID {
        var hash = SHA256()
        hash.update(bufferPointer: bytes)
        let id = BlobID(digest: hash.finalize())
        if try holds(bytes, at: path(of: id)) {
            // Whoever put it may have died between its rename and the sync of the directory.
            try syncParents(of: id)
            return id
        }
        return try write { (file) throws(StorageError) in
            try file.write(bytes)
            return id
        }
    }

    /// Whether the file at `path` is there and holds just `bytes`.
    private func holds(_ bytes: UnsafeRawBufferPointer, at path: String) throws(StorageError) -> Bool {
        guard try Files.size(of: path) == bytes.count else { return false }
        let file = try OpenFile(path, O_RDONLY | O_NOFOLLOW)
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: Self.pieceSize, alignment: 16)
        defer { buffer.deallocate() }
        var rest = bytes[...]
        while case let count = try file.read(into: buffer), count > 0 {
            guard rest.prefix(count).elementsEqual(buffer.prefix(count)) else { return false }
            rest = rest.dropFirst(count)
        }
        return rest.isEmpty
    }

    /// Has `fill` write a new file and say what it is, then moves that to its name.
    private func write(
        _ fill: (borrowing OpenFile) throws(StorageError) -> BlobID
    ) throws(StorageError) -> BlobID {
        let name = String(UInt64.random(in: 0 ... .max), radix: 16)
        let temporary = "\(incoming)/\(getpid())-\(name)"
        do throws(StorageError) {
            let file = try OpenFile(temporary, O_WRONLY | O_CREAT | O_EXCL)
            let id = try fill(file)
            try file.sync()
            try Files.makeDirectory("\(directory)/\(id.hex.prefix(2))")
            try Files.makeDirectory(Self.parent(of: id, in: directory))
            try Files.rename(temporary, to: path(of: id))
            try syncParents(of: id)
            return id
        } catch {
            _ = try? Files.remove(temporary)
            throw error
        }
    }

    private func syncParents(of id: BlobID) throws(StorageError) {
        try Files.syncDirectory(Self.parent(of: id, in: directory))
        try Files.syncDirectory("\(directory)/\(id.hex.prefix(2))")
        try Files.syncDirectory(directory)
    }
}
