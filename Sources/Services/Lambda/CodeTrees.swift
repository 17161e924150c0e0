import Archive
import Glibc
import Storage

/// The unpacked code that environments mount: one directory for each zip file, named by its SHA-256 in hex, one for
/// each combination of layers, named by ``LayerReference``, and one for each image, named by ``FunctionImage``. A
/// directory bears that name only when all of it is on disk. Everything here blocks.
struct CodeTrees: Sendable {
    /// An absolute path. The launcher knows it as its code directory.
    let directory: String
    let extractor: ZipExtractor

    /// Makes the directory where there is none, and takes away what a dead process left half made or half removed.
    ///
    /// - Returns: The code that is unpacked.
    func open() throws -> [String] {
        try make()
        try ZipExtractor.sweep(directory)
        return try names()
    }

    /// What is unpacked or merged.
    func names() throws -> [String] {
        guard let stream = opendir(directory) else {
            throw StorageError.file(operation: "opendir", path: directory, errno: errno)
        }
        defer { closedir(stream) }
        var names: [String] = []
        while let entry = readdir(stream) {
            let name = withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
                String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            if BlobID(name) != nil || LayerReference.isTree(name) || FunctionImage.isTree(name) { names.append(name) }
        }
        return names
    }

    /// Unpacks a zip file in memory; nothing when its tree is there.
    func add(_ code: String, zip: [UInt8]) throws {
        try add(code) { _ = try extractor.extract(zip, to: $0) }
    }

    /// Unpacks a zip file; nothing when its tree is there.
    func add(_ code: String, zipAt path: String) throws {
        try add(code) { _ = try extractor.extract(fileAt: path, to: $0) }
    }

    /// Lays unpacked layers over each other, the last one on top; nothing when that is there.
    func merge(_ layers: [String], as name: String) throws {
        try add(name) { path in
            try TreeMerge.merge(layers.map { directory + "/" + $0 }, to: path)
        }
    }

    /// Bytes of all that is in an unpacked zip file.
    func size(_ code: String) throws -> Int { try TreeMerge.size(of: directory + "/" + code) }

    func remove(_ code: String) throws { try ZipExtractor.remove(directory + "/" + code) }

    private func add(_ code: String, make fill: (_ path: String) throws -> Void) throws {
        let path = directory + "/" + code
        if try contains(path) { return }
        try make()
        do {
            try fill(path)
        } catch ArchiveError.exists {
            // Another function with the same code was quicker.
        }
    }

    func contains(name: String) throws -> Bool { try contains(directory + "/" + name) }

    /// Where a tree that others make is to be; nil when it is there.
    func place(for name: String) throws -> String? {
        if try contains(name: name) { return nil }
        try make()
        return directory + "/" + name
    }

    private func contains(_ path: String) throws -> Bool {
        var status = stat()
        if lstat(path, &status) == 0 { return true }
        guard errno == ENOENT else { throw StorageError.file(operation: "lstat", path: path, errno: errno) }
        return false
    }

    private func make() throws {
        if mkdir(directory, 0o755) != 0, errno != EEXIST {
            throw StorageError.file(operation: "mkdir", path: directory, errno: errno)
        }
    }
}
