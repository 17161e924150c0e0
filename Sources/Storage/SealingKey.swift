import Crypto
import FoundationEssentials
import Glibc

/// A key that encrypts what is secret at rest: AES-256-GCM. The store never holds environment variables, access keys or
/// sessions in any other form.
package struct SealingKey: Sendable {
    /// Why the key cannot be had, or does not fit.
    package enum Failure: Error, CustomStringConvertible {
        case file(operation: String, path: String, errno: Int32)
        /// The file does not hold 32 bytes.
        case notAKey(path: String)
        /// What was encrypted was so with another key, for something else, or has been changed.
        case undecipherable

        package var description: String {
            switch self {
            case .file(let operation, let path, let code):
                "Cannot use the key of what is secret: \(operation) \(path): \(String(cString: strerror(code)))."
            case .notAKey(let path):
                "\(path) is not the key that the server's secrets were encrypted with: put the right one back."
            case .undecipherable: "This was encrypted with another key."
            }
        }
    }

    private static let size = 32
    private let key: SymmetricKey

    /// A key of its own, which is gone with the process.
    package static func random() -> SealingKey { SealingKey(key: SymmetricKey(size: .bits256)) }

    /// The key in a file; where there is none yet, a new one, mode 0600 and on disk when this returns.
    package init(file path: String) throws(Failure) {
        if let bytes = try Self.read(path) {
            guard bytes.count == Self.size else { throw .notAKey(path: path) }
            key = SymmetricKey(data: bytes)
            return
        }
        key = SymmetricKey(size: .bits256)
        try Self.write(key.withUnsafeBytes { Array($0) }, to: path)
    }

    private init(key: SymmetricKey) { self.key = key }

    /// - Parameter context: What the text belongs to: only with the same is it opened again.
    /// - Returns: Nonce, ciphertext and tag.
    package func seal(_ text: [UInt8], context: String) throws -> [UInt8] {
        let box = try AES.GCM.seal(text, using: key, authenticating: Array(context.utf8))
        return Array(box.nonce) + Array(box.ciphertext) + Array(box.tag)
    }

    package func open(_ box: [UInt8], context: String) throws(Failure) -> [UInt8] {
        do {
            return Array(
                try AES.GCM.open(AES.GCM.SealedBox(combined: box), using: key, authenticating: Array(context.utf8)))
        } catch {
            throw .undecipherable
        }
    }

    /// - Returns: nil when there is no such file.
    private static func read(_ path: String) throws(Failure) -> [UInt8]? {
        let descriptor = Glibc.open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW)
        guard descriptor >= 0 else {
            if errno == ENOENT { return nil }
            throw .file(operation: "open", path: path, errno: errno)
        }
        defer { close(descriptor) }
        var bytes = [UInt8](repeating: 0, count: size + 1)
        let count = bytes.withUnsafeMutableBytes { Glibc.read(descriptor, $0.baseAddress, $0.count) }
        guard count >= 0 else { throw .file(operation: "read", path: path, errno: errno) }
        return Array(bytes.prefix(count))
    }

    /// The file appears whole or not at all.
    private static func write(_ bytes: [UInt8], to path: String) throws(Failure) {
        let temporary = path + ".new"
        unlink(temporary)
        let descriptor = Glibc.open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard descriptor >= 0 else { throw .file(operation: "open", path: temporary, errno: errno) }
        defer { close(descriptor) }
        let count = bytes.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
        guard count == bytes.count, fsync(descriptor) == 0 else {
            throw .file(operation: "write", path: temporary, errno: errno)
        }
        guard rename(temporary, path) == 0 else { throw .file(operation: "rename", path: path, errno: errno) }
        let parent = path.lastIndex(of: "/").map { String(path[..<$0]) } ?? "."
        let directory = Glibc.open(parent.isEmpty ? "/" : parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard directory >= 0 else { throw .file(operation: "open", path: parent, errno: errno) }
        defer { close(directory) }
        guard fsync(directory) == 0 else { throw .file(operation: "fsync", path: parent, errno: errno) }
    }
}
