import Glibc

/// Files that a person named on the command line.
enum LocalFile {
    /// The whole of a file.
    ///
    /// - Throws: ``ClientError/usage(_:)`` when it cannot be read.
    static func read(_ path: String) throws(ClientError) -> [UInt8] {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw .usage("Cannot read \(path): \(String(cString: strerror(errno))).") }
        defer { close(descriptor) }
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 1 << 16)
        while true {
            let count = Glibc.read(descriptor, &chunk, chunk.count)
            guard count >= 0 else { throw .usage("Cannot read \(path): \(String(cString: strerror(errno))).") }
            if count == 0 { return bytes }
            bytes += chunk[..<count]
        }
    }

    /// Writes all of `bytes`, or as much as a closed pipe lets through.
    static func write(_ bytes: [UInt8], to descriptor: Int32) {
        bytes.withUnsafeBytes { buffer in
            var rest = buffer[...]
            while !rest.isEmpty {
                let count = Glibc.write(descriptor, UnsafeRawBufferPointer(rebasing: rest).baseAddress, rest.count)
                guard count > 0 else { return }
                rest = rest.dropFirst(count)
            }
        }
    }

    /// Makes a file, or replaces it in one step: nobody finds half of it.
    ///
    /// - Throws: ``ClientError/usage(_:)`` when it cannot be written.
    static func replace(_ path: String, with bytes: [UInt8]) throws(ClientError) {
        let temporary = "\(path).\(UInt64.random(in: 0 ... .max))"
        let descriptor = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o666)
        guard descriptor >= 0 else { throw .usage("Cannot write \(path): \(String(cString: strerror(errno))).") }
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            guard count > 0 else { break }
            rest = rest.dropFirst(count)
        }
        let isWritten = rest.isEmpty && close(descriptor) == 0 && rename(temporary, path) == 0
        guard isWritten else {
            let reason = String(cString: strerror(errno))
            unlink(temporary)
            throw .usage("Cannot write \(path): \(reason).")
        }
    }

    static func isDirectory(_ path: String) -> Bool {
        var status = stat()
        return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
    }
}
