import FoundationEssentials
import Glibc

/// A directory of a test's own, removed when the test lets go of it.
final class TemporaryDirectory: Sendable {
    let path: String

    init() throws {
        var template = Array("/tmp/apus-lambda-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw Failure(code: errno) }
        path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    /// The names in a directory below this one; none when there is no such directory.
    func names(_ directory: String) -> [String] {
        (try? FileManager.default.contentsOfDirectory(atPath: "\(path)/\(directory)").sorted()) ?? []
    }

    /// The files below a directory below this one, at any depth.
    func files(_ directory: String) -> [String] {
        (try? FileManager.default.subpathsOfDirectory(atPath: "\(path)/\(directory)").sorted()) ?? []
    }

    struct Failure: Error { var code: Int32 }
}
