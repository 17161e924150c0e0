import Glibc
import TestSupport

/// What is below a directory, for comparison: `PATH` → `MODE CONTENTS`, `dir MODE` or `→ TARGET`.
func treeOnDisk(_ root: String, _ below: String = "") -> [String: String] {
    var found: [String: String] = [:]
    guard let directory = opendir(root + below) else { return [:] }
    defer { closedir(directory) }
    while let entry = readdir(directory) {
        let name = withUnsafeBytes(of: &entry.pointee.d_name) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
        if name == "." || name == ".." { continue }
        let path = below + "/" + name
        var status = stat()
        lstat(root + path, &status)
        let mode = String(status.st_mode & 0o7777, radix: 8)
        switch status.st_mode & S_IFMT {
        case S_IFDIR:
            found[String(path.dropFirst())] = "dir \(mode)"
            found.merge(treeOnDisk(root, path)) { first, _ in first }
        case S_IFLNK:
            var target = [CChar](repeating: 0, count: 4_096)
            let count = readlink(root + path, &target, target.count)
            let text = String(decoding: target.prefix(count).map { UInt8(bitPattern: $0) }, as: UTF8.self)
            found[String(path.dropFirst())] = "→ \(text)"
        default:
            found[String(path.dropFirst())] = "\(mode) \(String(decoding: readFile(root + path), as: UTF8.self))"
        }
    }
    return found
}
