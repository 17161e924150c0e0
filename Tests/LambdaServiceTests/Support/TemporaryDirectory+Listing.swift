import FoundationEssentials
import TestSupport

extension TemporaryDirectory {
    /// The names in a directory below this one; none when there is no such directory.
    func names(_ directory: String) -> [String] {
        (try? FileManager.default.contentsOfDirectory(atPath: file(directory)).sorted()) ?? []
    }

    /// What is in a file; nil when there is none.
    func text(_ name: String) -> String? {
        FileManager.default.contents(atPath: file(name)).map { String(decoding: $0, as: UTF8.self) }
    }

    /// The files below a directory below this one, at any depth.
    func files(_ directory: String) -> [String] {
        (try? FileManager.default.subpathsOfDirectory(atPath: file(directory)).sorted()) ?? []
    }
}
