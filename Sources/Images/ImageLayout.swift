import Glibc
import Linux

/// An OCI image layout: a directory with an index of images by tag, and blobs by digest.
/// https://github.com/opencontainers/image-spec/blob/main/image-layout.md
struct ImageLayout {
    let directory: String

    /// The layout of a repository among those that the operator keeps in `parent`; nil when there is none.
    init?(of reference: ImageReference, in parent: String) {
        directory = parent + "/" + reference.repository
        if access(directory + "/index.json", F_OK) != 0 { return nil }
    }

    /// The digest of the manifest that a reference names; nil when the layout does not have it.
    func find(_ reference: ImageReference) throws(ImageError) -> String? {
        guard let bytes = try Self.read(directory + "/index.json") else { return nil }
        let index = try ImageDocuments.decode(ImageDocuments.Index.self, bytes)
        let found = index.manifests.first { manifest in
            guard let digest = reference.digest else {
                return manifest.annotations?[ImageDocuments.refName] == reference.tag
            }
            return manifest.hex == digest
        }
        guard let found else { return nil }
        // Unpacking does not know Docker's kinds, which the usual tools do not put into layouts either.
        guard found.mediaType == ImageDocuments.manifestType else { throw .unsupportedMediaType }
        guard let digest = found.hex else { throw .invalid(reason: "its digest is of an unknown kind") }
        return digest
    }

    /// A document, of which its digest is checked; nil when it is not there.
    func document(_ digest: String) throws(ImageError) -> [UInt8]? {
        guard let bytes = try Self.read(blobs + "/sha256/" + digest) else { return nil }
        guard ImageDocuments.digest(bytes) == digest else { throw .invalid(reason: "\(digest) is damaged") }
        return bytes
    }

    func has(_ digest: String) -> Bool { access(blobs + "/sha256/" + digest, R_OK) == 0 }

    var blobs: String { directory + "/blobs" }

    /// Makes a layout at `path` in which the image with this manifest is called `image`, and the blobs are these ones:
    /// whatever becomes of the tag meanwhile.
    func alias(_ digest: String, at path: String) throws(ImageError) {
        guard let manifest = try document(digest) else { throw .notFound }
        let index = ImageDocuments.Index(manifests: [
            ImageDocuments.Descriptor(
                mediaType: ImageDocuments.manifestType, digest: "sha256:" + digest, size: manifest.count,
                annotations: [ImageDocuments.refName: "image"])
        ])
        do throws(SystemCallError) {
            try checked("mkdir", path) { mkdir(path, 0o700) }
            try checked("symlink", path) { symlink(blobs, path + "/blobs") }
        } catch {
            throw .unavailable(reason: "\(error)")
        }
        try Self.write(Array(#"{"imageLayoutVersion": "1.0.0"}"#.utf8), to: path + "/oci-layout")
        try Self.write(try ImageDocuments.encode(index), to: path + "/index.json")
    }

    /// A file of at most ``ImageDocuments/limit`` bytes; nil when there is none.
    private static func read(_ path: String) throws(ImageError) -> [UInt8]? {
        let number = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard number >= 0 else {
            if errno == ENOENT { return nil }
            throw .unavailable(reason: "open \(path): \(SystemCallError.text(errno))")
        }
        let file = Descriptor(owning: number)
        var bytes = [UInt8](repeating: 0, count: ImageDocuments.limit + 1)
        var size = 0
        while size < bytes.count {
            let count = bytes.withUnsafeMutableBytes { space in
                Glibc.read(file.number, space.baseAddress.map { $0 + size }, space.count - size)
            }
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw .unavailable(reason: "read \(path): \(SystemCallError.text(errno))") }
            if count == 0 { return Array(bytes[..<size]) }
            size += count
        }
        throw .invalid(reason: "\(path) is larger than a document may be")
    }

    private static func write(_ bytes: [UInt8], to path: String) throws(ImageError) {
        let number = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard number >= 0 else { throw .unavailable(reason: "open \(path): \(SystemCallError.text(errno))") }
        let file = Descriptor(owning: number)
        guard Glibc.write(file.number, bytes, bytes.count) == bytes.count else {
            throw .unavailable(reason: "write \(path): \(SystemCallError.text(errno))")
        }
    }
}
