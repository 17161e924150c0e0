package import Glibc

/// A directory of a test's own, removed with all that is in it when the test lets go of it.
///
/// What cannot be made ends the process: a test without its files has nothing to say.
package final class TemporaryDirectory: Sendable {
    package let path: String

    package init() {
        var template = Array("/tmp/apus-test-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { fatalError("mkdtemp: errno \(errno)") }
        path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    deinit { removeTree(path) }

    /// The path of `name` in the directory, whether or not there is such a file.
    package func file(_ name: String) -> String { path + "/" + name }

    /// Makes or replaces a file, and makes the directories above it.
    ///
    /// - Returns: Its path.
    @discardableResult
    package func write(_ name: String, _ text: String = "", mode: mode_t = 0o644) -> String {
        write(name, Array(text.utf8), mode: mode)
    }

    /// As ``write(_:_:mode:)-(_,String,_)``.
    @discardableResult
    package func write(_ name: String, _ bytes: [UInt8], mode: mode_t = 0o644) -> String {
        directory(name.split(separator: "/").dropLast().joined(separator: "/"))
        writeFile(file(name), bytes)
        // Whatever the process's mask.
        guard chmod(file(name), mode) == 0 else { fatalError("chmod \(name): errno \(errno)") }
        if mode & 0o111 != 0 { waitUntilExecutable(file(name)) }
        return file(name)
    }

    /// Makes a directory and those above it.
    ///
    /// - Returns: Its path.
    @discardableResult
    package func directory(_ name: String) -> String {
        var path = path
        for component in name.split(separator: "/") {
            path += "/" + component
            guard mkdir(path, 0o755) == 0 || errno == EEXIST else { fatalError("mkdir \(name): errno \(errno)") }
        }
        return path
    }

    /// Makes a symbolic link.
    package func link(_ name: String, to target: String) {
        guard symlink(target, file(name)) == 0 else { fatalError("symlink \(name): errno \(errno)") }
    }
}

/// Links are removed, not followed.
private func removeTree(_ path: String) {
    if unlink(path) == 0 { return }
    guard let directory = opendir(path) else { return }
    defer { closedir(directory) }
    while let entry = readdir(directory) {
        let name = withUnsafeBytes(of: &entry.pointee.d_name) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
        if name != ".", name != ".." { removeTree(path + "/" + name) }
    }
    rmdir(path)
}
