import Archive
import Glibc
import Testing
import TestSupport

@Suite struct ExtractionTests {
    private let directory = TemporaryDirectory()

    private func extract(_ entries: [ZipBytes.Entry], _ limits: ZipExtractor.Limits = .init()) throws(ArchiveError)
        -> [String: String]
    {
        try ZipExtractor(limits: limits).extract(ZipBytes(entries).bytes, to: directory.file("out"))
        return treeOnDisk(directory.file("out"))
    }

    /// Expects `error`, and that nothing at all is left.
    private func expectRefusal(
        _ error: ArchiveError, _ entries: [ZipBytes.Entry], _ limits: ZipExtractor.Limits = .init(),
        at location: SourceLocation = #_sourceLocation
    ) {
        #expect(throws: error, sourceLocation: location) { try extract(entries, limits) }
        #expect(treeOnDisk(directory.path).isEmpty, "something was left", sourceLocation: location)
    }

    @Test func filesDirectoriesAndLinksComeOutReadableByAll() throws {
        let tree = try extract([
            .file("secret.txt", "s", mode: 0o600), .file("bin/run", "#!", mode: 0o4700), .directory("empty/"),
            .link("bin/again", to: "run"), .link("up", to: "bin/../bin/./run"), .file("deep/er/est.txt", "d"),
            .link("dangling", to: "nowhere/at/all"), .file("naïve/ä.txt", "ä").with { $0.flags = 0x800 },
            .file("dir/./dot//file", "n"), .file("..data", "two dots are a name, too"),
        ])
        #expect(
            tree == [
                "secret.txt": "644 s", "bin": "dir 755", "bin/run": "755 #!", "empty": "dir 755", "bin/again": "→ run",
                "up": "→ bin/../bin/./run", "deep": "dir 755", "deep/er": "dir 755", "deep/er/est.txt": "644 d",
                "dangling": "→ nowhere/at/all", "naïve": "dir 755", "naïve/ä.txt": "644 ä", "dir": "dir 755",
                "dir/dot": "dir 755", "dir/dot/file": "644 n", "..data": "644 two dots are a name, too",
            ])
        #expect(status(directory.file("out")).map { $0.st_mode & 0o7777 } == 0o755)
        #expect(treeOnDisk(directory.path).keys.allSatisfy { $0.hasPrefix("out") }, "only the result stands there")
    }

    @Test func manyFilesAreAllThere() throws {
        let tree = try extract((0..<500).map { .file("d\($0 % 7)/f\($0)", "\($0)") })
        #expect(tree.count == 507)
        #expect(tree["d6/f496"] == "644 496")
    }

    @Test(arguments: [
        ("../x", ArchiveError.Refusal.parentInName), ("a/../../x", .parentInName), ("a/..", .parentInName),
        ("/etc/x", .absoluteName), ("//x", .absoluteName), ("C:/x", .absoluteName), ("a\\..\\x/y", .backslashInName),
        ("..\\x", .parentInName), ("a/..\\x", .backslashInName), (String(repeating: "a", count: 256), .nameTooLong),
        (String(repeating: "abcdefg/", count: 257) + "x", .nameTooLong),
        (String(repeating: "a/", count: 128) + "x", .tooDeep), ("a\0b", .nulInName),
    ])
    func hostileNamesAreRefused(name: String, refusal: ArchiveError.Refusal) {
        #expect {
            try extract([.file("good"), .file(name)])
        } throws: { error in
            if case ArchiveError.refused(_, refusal) = error { true } else { false }
        }
        #expect(treeOnDisk(directory.path).isEmpty)
    }

    @Test func namesMadeOnDOSLoseTheirBackslashesNotTheirChecks() {
        let entry = ZipBytes.Entry.file("a\\..\\..\\x").with { $0.system = 0 }
        #expect(throws: ArchiveError.self) { try extract([entry]) }
        #expect(treeOnDisk(directory.path).isEmpty)
    }

    @Test func anEmptyNameIsRefused() {
        #expect(throws: ArchiveError.self) { try extract([.file("")]) }
        #expect(throws: ArchiveError.self) { try extract([.file("./.")]) }
        #expect(treeOnDisk(directory.path).isEmpty)
    }

    @Test func twoNamesForOneEntryAreRefused() {
        expectRefusal(
            .refused(name: "good", .ambiguousName),
            [.file("../evil").with { $0.directoryName = Array("good".utf8) }])
    }

    @Test(arguments: [
        "/etc/passwd", "..", "../x", "a/../../x", "", "sub/../../../etc", "l/../../..",
    ])
    func linksThatLeaveTheRootAreRefused(target: String) {
        #expect(throws: ArchiveError.self) { try extract([.file("good"), .link("link", to: target)]) }
        #expect(treeOnDisk(directory.path).isEmpty)
    }

    @Test func linksAreFollowedAsTheKernelWould() throws {
        // The text of q stays inside; walked, a/b/up is a, a/.. the root, and one more leads out.
        expectRefusal(
            .refused(name: "q", .linkLeavesRoot),
            [.directory("a/b/"), .link("a/b/up", to: ".."), .link("q", to: "a/b/up/../..")])
        // The same in any order, and through a link to a link.
        expectRefusal(
            .refused(name: "q", .linkLeavesRoot),
            [.link("q", to: "p/../.."), .link("p", to: "a/b/up"), .link("a/b/up", to: ".."), .file("a/b/f")])
        // A link in a circle leads nowhere, and harms nobody.
        #expect(try extract([.link("x", to: "y"), .link("y", to: "x")]) == ["x": "→ y", "y": "→ x"])
    }

    /// What symlink(2) would refuse is refused before anything is made of it.
    @Test func linksAreNoLongerThanPaths() throws {
        let target = String(repeating: "a/", count: 2_048)
        expectRefusal(.refused(name: "link", .linkTooLong), [.link("link", to: target)])
        // Some file systems keep no more than 1,024 bytes.
        let short = String(target.prefix(1_000))
        #expect(try extract([.link("link", to: short)]) == ["link": "→ \(short)"])
    }

    /// A link may have the kernel follow forty others, each over two thousand steps: some thousands of such links, a
    /// small zip, would keep the check busy for hours.
    @Test(.timeLimit(.minutes(10))) func linksMayNotAskForEndlessWalks() throws {
        let steps = String(repeating: "d/../", count: 800)
        let links = String(repeating: "long/", count: 39)
        let entries = (0..<20).map { ZipBytes.Entry.link("\($0)", to: links) }
        #expect {
            try extract([.directory("d/"), .link("long", to: steps)] + entries)
        } throws: { error in
            if case ArchiveError.refused(_, .tooManySteps) = error { true } else { false }
        }
        #expect(treeOnDisk(directory.path).isEmpty)
    }

    @Test func nothingIsWrittenThroughALink() {
        let outside = directory.file("outside")
        mkdir(outside, 0o755)
        #expect(throws: ArchiveError.refused(name: "link/file", .belowFile)) {
            try extract([.directory("d/"), .link("link", to: "d"), .file("link/file")])
        }
        #expect(throws: ArchiveError.refused(name: "link", .duplicate)) {
            try extract([.file("link/file"), .link("link", to: "d")])
        }
        #expect(throws: ArchiveError.refused(name: "link", .duplicate)) {
            try extract([.link("link", to: "d"), .file("link")])
        }
        #expect(treeOnDisk(directory.path) == ["outside": "dir 755"])
    }

    @Test func oneNameIsTakenOnce() throws {
        expectRefusal(.refused(name: "a", .duplicate), [.file("a"), .file("a")])
        expectRefusal(.refused(name: "a/b", .duplicate), [.file("a/b"), .file("./a//b")])
        expectRefusal(.refused(name: "a", .duplicate), [.file("a"), .directory("a/")])
        expectRefusal(.refused(name: "a", .duplicate), [.directory("a/"), .directory("a/")])
        expectRefusal(.refused(name: "a", .duplicate), [.file("a/b"), .file("a")])
        expectRefusal(.refused(name: "a/b", .belowFile), [.file("a"), .file("a/b")])
        #expect(try extract([.file("a/b"), .directory("a/"), .file("A")]).count == 3)
    }

    @Test(arguments: [UInt32(0o020_644), 0o060_644, 0o140_644])
    func specialFilesAreRefused(mode: UInt32) {
        expectRefusal(.refused(name: "dev", .specialFile), [.file("dev").with { $0.mode = mode }])
    }

    @Test func aPipeComesOutAsAFile() throws {
        // libarchive takes the type for a mistake of the zip's maker; whatever it is, no pipe is made.
        #expect(try extract([.file("pipe").with { $0.mode = 0o010_644 }]) == ["pipe": "644 x"])
    }

    @Test func encryptedEntriesAreRefused() {
        expectRefusal(
            .encrypted(name: "a"), [.file("a", String(repeating: "x", count: 40)).with { $0.flags = 1 }])
    }

    @Test func whatIsTooLargeIsCountedWhileWriting() throws {
        let ten = String(repeating: "x", count: 10)
        let limits = ZipExtractor.Limits(unzippedBytes: 20, entries: 3)
        expectRefusal(.tooLarge(limit: 20), [.file("a", ten), .file("b", ten), .file("c")], limits)
        expectRefusal(.tooLarge(limit: 20), [.file("a", ten), .file("b", ten), .link("c", to: "a")], limits)
        expectRefusal(
            .tooManyEntries(limit: 3), [.file("a"), .directory("b/"), .link("c", to: "a"), .directory("d/")], limits)
        // Names make directories, too: a hundred thousand deep ones could ask for millions.
        expectRefusal(.tooManyEntries(limit: 3), [.file("a/b/c/d")], limits)
        #expect(try extract([.file("a", ten), .file("b", ten), .file("c", "")], limits).count == 3)
    }

    @Test func aBombStopsAtTheLimit() throws {
        // Sixteen mebibytes of zeros, a thousandth of that when deflated.
        mkdir(directory.file("in"), 0o755)
        writeFile(directory.file("in/zeros"), [UInt8](repeating: 0, count: 16 << 20))
        let zip = try ZipBuilder.zip(directory: directory.file("in"))
        #expect(zip.count < 64 << 10)
        #expect(throws: ArchiveError.tooLarge(limit: 1 << 20)) {
            try ZipExtractor(limits: .init(unzippedBytes: 1 << 20)).extract(zip, to: directory.file("out"))
        }
        #expect(treeOnDisk(directory.path).keys.sorted() == ["in", "in/zeros"])
    }

    @Test func damagedZipsAreRefused() {
        let wrong = ZipBytes([.file("good"), .file("a", "abc").with { $0.claimedChecksum = 1 }]).bytes
        let whole = ZipBytes([.file("a", "abc"), .file("b", "def")]).bytes
        let damaged: [[UInt8]] = [
            wrong, Array(whole.dropLast(1)), Array(whole.prefix(60)), Array(whole.dropFirst(20)),
            Array("not a zip".utf8),
            Array("PK\u{3}\u{4}".utf8), [UInt8](repeating: 0, count: 100_000),
        ]
        for bytes in damaged {
            #expect {
                try ZipExtractor().extract(bytes, to: directory.file("out"))
            } throws: { error in
                if case ArchiveError.unreadable = error { true } else { false }
            }
            #expect(treeOnDisk(directory.path).isEmpty)
        }
    }

    @Test func nothingIsNoZip() {
        #expect(throws: ArchiveError.empty) { try ZipExtractor().extract([], to: directory.file("out")) }
        expectRefusal(.empty, [])
        expectRefusal(.empty, [.directory("./")])
    }

    @Test func theDestinationMustBeFree() throws {
        let zip = ZipBytes([.file("a")]).bytes
        try ZipExtractor().extract(zip, to: directory.file("out"))
        #expect(throws: ArchiveError.exists(path: directory.file("out"))) {
            try ZipExtractor().extract(zip, to: directory.file("out"))
        }
        #expect(treeOnDisk(directory.path) == ["out": "dir 755", "out/a": "644 x"])
        #expect(throws: ArchiveError.file(operation: "open", path: directory.file("none"), errno: ENOENT)) {
            try ZipExtractor().extract(zip, to: directory.file("none/out"))
        }
        try ZipExtractor.remove(directory.file("out"))
        try ZipExtractor.remove(directory.file("out"))
        #expect(treeOnDisk(directory.path).isEmpty)
    }

    @Test func filesAreReadAsBytesAre() throws {
        writeFile(directory.file("a.zip"), ZipBytes([.file("a")]).bytes)
        writeFile(directory.file("empty.zip"), [])
        let summary = try ZipExtractor().extract(fileAt: directory.file("a.zip"), to: directory.file("out"))
        #expect(summary.unzippedBytes == 1)
        #expect(summary.entries == 1)
        #expect(treeOnDisk(directory.file("out")) == ["a": "644 x"])
        #expect(throws: ArchiveError.empty) {
            try ZipExtractor().extract(fileAt: directory.file("empty.zip"), to: directory.file("two"))
        }
    }

    @Test func whatADeadProcessLeftIsSwept() throws {
        mkdir(directory.file(".incoming-abc"), 0o755)
        writeFile(directory.file(".incoming-abc/half"), [1])
        symlink("/etc", directory.file(".incoming-abc/link"))
        mkdir(directory.file("kept"), 0o755)
        try ZipExtractor.sweep(directory.path)
        #expect(treeOnDisk(directory.path) == ["kept": "dir 755"])
        #expect(status("/etc") != nil)
    }
}
