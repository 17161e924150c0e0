#if canImport(Glibc)
    import Glibc
#endif

/// Small files of procfs, sysfs and cgroupfs: read whole, written with one call.
package enum KernelFile {
    /// No file that is read here is larger (mountinfo of a busy host).
    package static let maximumSize = 4 << 20

    /// The whole content of `path` below `directory`.
    package static func read(_ path: String, in directory: Int32 = AT_FDCWD) throws(SystemCallError) -> String {
        let file = Descriptor(
            owning: try checked("openat", path) { openat(directory, path, O_RDONLY | O_CLOEXEC) })
        return String(decoding: try read(file.number, named: path), as: UTF8.self)
    }

    /// What is left to read of a descriptor.
    package static func read(_ descriptor: Int32, named name: String) throws(SystemCallError) -> [UInt8] {
        var content: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 16384)
        while content.count < maximumSize {
            let count = try checked("read", name) { Glibc.read(descriptor, &chunk, chunk.count) }
            if count == 0 { return content }
            content += chunk[..<count]
        }
        throw SystemCallError("read", name, errno: EFBIG)
    }

    /// Writes `text` with one call, as kernel files want it.
    package static func write(_ text: String, to path: String, in directory: Int32 = AT_FDCWD) throws(SystemCallError) {
        let file = Descriptor(
            owning: try checked("openat", path) { openat(directory, path, O_WRONLY | O_CLOEXEC) })
        var text = text
        let written = try checked("write", path) {
            text.withUTF8 { Glibc.write(file.number, $0.baseAddress, $0.count) }
        }
        if written != text.utf8.count { throw SystemCallError("write", path, errno: EIO) }
    }

    /// The names in a directory, without `.` and `..`.
    package static func names(in path: String) throws(SystemCallError) -> [String] {
        guard let stream = opendir(path) else { throw SystemCallError("opendir", path, errno: errno) }
        defer { closedir(stream) }
        var names: [String] = []
        while let entry = Glibc.readdir(stream) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if name != "." && name != ".." { names.append(name) }
        }
        return names
    }
}
