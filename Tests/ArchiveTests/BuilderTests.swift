import Archive
import Glibc
import Testing
import TestSupport

@Suite struct BuilderTests {
    private let directory = TemporaryDirectory()

    private func make(_ root: String) {
        mkdir(directory.file(root), 0o700)
        for name in ["src", "empty", ".git", "src/__pycache__"] { mkdir(directory.file("\(root)/\(name)"), 0o700) }
        writeFile(directory.file("\(root)/src/b.py"), Array("b".utf8))
        writeFile(directory.file("\(root)/src/ä.py"), Array("ä".utf8))
        writeFile(directory.file("\(root)/bootstrap"), Array("#!/bin/sh".utf8))
        writeFile(directory.file("\(root)/.git/HEAD"), [1])
        writeFile(directory.file("\(root)/src/__pycache__/b.pyc"), [1])
        chmod(directory.file("\(root)/bootstrap"), 0o700)
        symlink("src/b.py", directory.file("\(root)/link"))
        mkfifo(directory.file("\(root)/pipe"), 0o600)
    }

    @Test func aZippedDirectoryUnzipsToItself() throws {
        make("in")
        let zip = try ZipBuilder.zip(directory: directory.file("in"))
        try ZipExtractor().extract(zip, to: directory.file("out"))
        #expect(
            treeOnDisk(directory.file("out")) == [
                "src": "dir 755", "empty": "dir 755", "src/b.py": "644 b", "src/ä.py": "644 ä",
                "bootstrap": "755 #!/bin/sh", "link": "→ src/b.py",
            ])
        // The end record, without a comment, is the last of it: some readers look nowhere else.
        #expect(Array(zip.suffix(22).prefix(4)) == [0x50, 0x4b, 5, 6])
    }

    @Test func theSameFilesMakeTheSameBytes() throws {
        make("one")
        make("two")
        let old = timespec(tv_sec: 1_000_000_000, tv_nsec: 0)
        utimensat(AT_FDCWD, directory.file("two/bootstrap"), [old, old], 0)
        #expect(
            try ZipBuilder.zip(directory: directory.file("one")) == ZipBuilder.zip(directory: directory.file("two")))
    }

    @Test func whatCouldNotBeUploadedIsNotZipped() throws {
        mkdir(directory.file("in"), 0o755)
        mkdir(directory.file("in/sub"), 0o755)
        #expect(throws: ArchiveError.empty) { try ZipBuilder.zip(directory: directory.file("in")) }
        symlink("../../etc", directory.file("in/sub/out"))
        #expect(throws: ArchiveError.refused(name: "sub/out", .linkLeavesRoot)) {
            try ZipBuilder.zip(directory: directory.file("in"))
        }
        #expect(throws: ArchiveError.file(operation: "open", path: directory.file("none"), errno: ENOENT)) {
            try ZipBuilder.zip(directory: directory.file("none"))
        }
    }
}
