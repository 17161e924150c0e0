import Glibc
import Testing
import TestSupport

@testable import Archive

/// Layers over layers: what AWS's developer guide says of files in several layers ("each subsequent layer may overwrite
/// files of the ones before").
@Suite struct TreeMergeTests {
    private let directory = TemporaryDirectory()

    private func tree(_ name: String, _ entries: [ZipBytes.Entry]) throws -> String {
        try ZipExtractor().extract(ZipBytes(entries).bytes, to: directory.file(name))
        return directory.file(name)
    }

    private func merge(_ sources: [String]) throws -> [String: String] {
        try TreeMerge.merge(sources, to: directory.file("out"))
        return treeOnDisk(directory.file("out"))
    }

    @Test func theLastOneWins() throws {
        let merged = try merge([
            tree("1", [.file("a", "1"), .file("d/x", "1"), .file("d/only1", "1"), .link("l", to: "a")]),
            tree("2", [.file("a", "2", mode: 0o755), .file("d/x", "2"), .directory("empty/")]),
            tree("3", [.file("d/x", "3"), .link("l", to: "d")]),
        ])
        #expect(
            merged == [
                "a": "755 2", "d": "dir 755", "d/x": "644 3", "d/only1": "644 1", "l": "→ d", "empty": "dir 755",
            ])
        #expect(status(directory.file("out")).map { $0.st_mode & 0o7777 } == 0o755)
    }

    /// A file takes the place of a directory with all that is in it, and the other way round.
    @Test func filesAndDirectoriesReplaceEachOther() throws {
        let merged = try merge([
            tree("1", [.file("a/b", "1"), .file("c", "1"), .file("e/f", "1")]),
            tree("2", [.file("a", "2"), .file("c/d", "2"), .link("e", to: "c")]),
        ])
        #expect(merged == ["a": "644 2", "c": "dir 755", "c/d": "644 2", "e": "→ c"])
    }

    /// Nothing is written through a link of another layer.
    @Test func linksAreNotFollowed() throws {
        let outside = directory.file("outside")
        mkdir(outside, 0o755)
        let first = try tree("1", [.file("d/x", "1")])
        let second = directory.file("2")
        mkdir(second, 0o755)
        symlink(outside, second + "/d")
        #expect(try merge([first, second]) == ["d": "→ \(outside)"])
        #expect(treeOnDisk(outside).isEmpty)
        #expect(treeOnDisk(first) == ["d": "dir 755", "d/x": "644 1"])
    }

    @Test func takesNoRoomForTheFiles() throws {
        let first = try tree("1", [.file("a", "1")])
        _ = try merge([first])
        #expect(status(first + "/a")?.st_ino == status(directory.file("out/a"))?.st_ino)
    }

    /// What is done where the file system has no hard links.
    @Test func copies() throws {
        let first = try tree("1", [.file("run", "#!", mode: 0o755), .link("l", to: "run")])
        mkdir(directory.file("copy"), 0o755)
        let source = try DirectoryHandle(first)
        let target = try DirectoryHandle(directory.file("copy"))
        for name in ["run", "l"].map({ Array($0.utf8) }) {
            try target.copy(name, in: source, status: source.status(name))
        }
        #expect(treeOnDisk(directory.file("copy")) == ["run": "755 #!", "l": "→ run"])
        #expect(status(first + "/run")?.st_ino != status(directory.file("copy/run"))?.st_ino)
    }

    @Test func leavesNothingWhenItFails() throws {
        let first = try tree("1", [.file("a", "1")])
        #expect(throws: ArchiveError.self) { try merge([first, directory.file("missing")]) }
        #expect(treeOnDisk(directory.path).keys.sorted() == ["1", "1/a"])
        _ = try tree("out", [.file("b", "1")])
        #expect(throws: ArchiveError.exists(path: directory.file("out"))) { try merge([first]) }
    }

    /// As much as the extractor counted.
    @Test func measures() throws {
        let entries: [ZipBytes.Entry] = [.file("a/b", "12345"), .link("a/l", to: "b"), .directory("empty/")]
        let counted = try ZipExtractor().extract(ZipBytes(entries).bytes, to: directory.file("1"))
        #expect(counted.unzippedBytes == 6)
        #expect(try TreeMerge.size(of: directory.file("1")) == counted.unzippedBytes)
    }
}
