import Archive
import Glibc
import Testing
import TestSupport

/// What signatures are made of: the sum of all that a zip unpacks to.
@Suite struct ManifestTests {
    private static let seal = "META-INF/seal"
    private static let entries: [ZipBytes.Entry] = [
        .file("a", "bc"), .file("run", "#!/bin/sh", mode: 0o755), .directory("d/"), .file("d/e", "f"),
        .link("d/link", to: "e"),
    ]

    private func manifest(_ zip: [UInt8]) throws -> ZipManifest {
        try zip.withUnsafeBytes { bytes in
            Result { () throws(ArchiveError) in try ZipManifest(of: bytes, without: Self.seal, longest: 8) }
        }.get()
    }

    private func digest(_ entries: [ZipBytes.Entry]) throws -> [UInt8] { try manifest(ZipBytes(entries).bytes).digest }

    // What may change without a new signature: nothing that is unpacked.
    @Test func theSameTreeHasTheSameSum() throws {
        let digest = try digest(Self.entries)
        #expect(try self.digest(Self.entries.reversed()) == digest)
        let renamed = Self.entries.map { entry in entry.with { $0.name = Array("./".utf8) + $0.name } }
        #expect(try self.digest(renamed) == digest)
        let sealed = Self.entries + [.file(Self.seal, "seal")]
        #expect(try manifest(ZipBytes(sealed).bytes) == manifest(ZipBytes(sealed.reversed()).bytes))
        #expect(try manifest(ZipBytes(sealed).bytes).digest == digest)
        #expect(try manifest(ZipBytes(sealed).bytes).omitted == Array("seal".utf8))
        #expect(try manifest(ZipBytes(Self.entries).bytes).omitted == nil)
        // Deflated, and with other times.
        let directory = TemporaryDirectory()
        defer { withExtendedLifetime(directory) {} }
        try ZipExtractor().extract(ZipBytes(Self.entries).bytes, to: directory.file("out"))
        #expect(try manifest(ZipBuilder.zip(directory: directory.file("out"))).digest == digest)
    }

    @Test func anotherTreeHasAnotherSum() throws {
        var seen: Set<[UInt8]> = [try digest(Self.entries)]
        func expectNew(_ what: String, _ change: (inout [ZipBytes.Entry]) -> Void) throws {
            var entries = Self.entries
            change(&entries)
            #expect(seen.insert(try digest(entries)).inserted, "\(what)")
        }
        try expectNew("contents") { $0[0].contents = Array("bd".utf8) }
        // AWS's own format takes names and contents together without a mark between them.
        try expectNew("a shifted boundary") { $0[0] = .file("ab", "c") }
        try expectNew("an empty file") { $0[0].contents = [] }
        try expectNew("a name") { $0[0].name = Array("A".utf8) }
        try expectNew("a mode") { $0[0].mode |= 0o111 }
        try expectNew("no mode") { $0[1].mode = 0o100_644 }
        try expectNew("a link for a file") { $0[0] = .link("a", to: "bc") }
        try expectNew("a file for a link") { $0[4] = .file("d/link", "e") }
        try expectNew("another target") { $0[4] = .link("d/link", to: "../a") }
        try expectNew("one more") { $0.append(.file("z", "")) }
        try expectNew("one more beside the seal") { $0.append(.file("META-INF/other", "seal")) }
        try expectNew("an empty directory") { $0.append(.directory("z")) }
        try expectNew("one less") { $0.removeFirst() }
        try expectNew("no directory") { $0.remove(at: 2) }
        try expectNew("a link as the seal") { $0.append(.link("META-INF/seal", to: "../a")) }
    }

    @Test func whatIsLeftOutIsOneShortFile() throws {
        #expect(
            try manifest(ZipBytes(Self.entries + [.file(Self.seal, "123456789abc")]).bytes).omitted
                == Array("123456789".utf8))
        #expect(try manifest(ZipBytes(Self.entries + [.directory(Self.seal)]).bytes).omitted == nil)
        #expect(try manifest(ZipBytes(Self.entries + [.link(Self.seal, to: "../a")]).bytes).omitted == nil)
        for twice in [Self.seal, "./\(Self.seal)", "META-INF//seal"] {
            #expect(throws: ArchiveError.refused(name: Self.seal, .duplicate)) {
                try manifest(ZipBytes([.file(Self.seal, "a")] + Self.entries + [.file(twice, "b")]).bytes)
            }
        }
    }

    @Test func whatCannotBeUnpackedHasNoSum() throws {
        #expect(throws: ArchiveError.empty) { try manifest([]) }
        #expect(throws: ArchiveError.refused(name: "a", .duplicate)) {
            try digest(Self.entries + [.file("a", "other")])
        }
        #expect(throws: ArchiveError.refused(name: "out", .linkLeavesRoot)) {
            try digest(Self.entries + [.link("out", to: "../etc")])
        }
        let large = ZipBytes([.file("a", String(repeating: "x", count: 100)), .file("b", "y")]).bytes
        #expect(throws: ArchiveError.tooLarge(limit: 100)) {
            _ = try large.withUnsafeBytes { bytes in
                Result { () throws(ArchiveError) in
                    try ZipManifest(of: bytes, without: Self.seal, longest: 8, limits: .init(unzippedBytes: 100))
                }
            }.get()
        }
    }

    @Test func aSealIsAddedOrReplaced() throws {
        let directory = TemporaryDirectory()
        defer { withExtendedLifetime(directory) {} }
        var zip = ZipBytes(Self.entries).bytes
        let digest = try manifest(zip).digest
        for text in ["one", "two"] {
            zip = try zip.withUnsafeBytes { bytes in
                try ZipSeal.add(to: bytes, at: Self.seal) { given in
                    #expect(given == digest)
                    return Array(text.utf8)
                }
            }
            #expect(try manifest(zip).digest == digest)
            #expect(try manifest(zip).omitted == Array(text.utf8))
        }
        try ZipExtractor().extract(ZipBytes(Self.entries).bytes, to: directory.file("before"))
        try ZipExtractor().extract(zip, to: directory.file("after"))
        var after = treeOnDisk(directory.file("after"))
        #expect(after.removeValue(forKey: Self.seal) == "644 two")
        #expect(after.removeValue(forKey: "META-INF") == "dir 755")
        #expect(after == treeOnDisk(directory.file("before")))
        #expect(throws: ArchiveError.refused(name: Self.seal, .belowFile)) {
            try ZipBytes([.file("META-INF", "a")]).bytes.withUnsafeBytes { bytes in
                try ZipSeal.add(to: bytes, at: Self.seal) { _ in [] }
            }
        }
    }

    /// Damaged zips: whatever has the sum that was signed unpacks to the tree that was signed.
    @Test(arguments: 0..<6 as Range<UInt64>)
    func noDamageKeepsTheSumAndChangesTheTree(seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        let sealed = Self.entries + [.file(Self.seal, "seal")]
        let base = ZipBytes(sealed).bytes
        let digest = try manifest(base).digest
        let directory = TemporaryDirectory()
        defer { withExtendedLifetime(directory) {} }
        try ZipExtractor().extract(base, to: directory.file("base"))
        var tree = treeOnDisk(directory.file("base"))
        tree[Self.seal] = nil
        var counts = (refused: 0, other: 0, same: 0)
        for round in 0..<400 {
            // Damage that the checksums would tell, and damage that they go with.
            let bytes =
                round % 2 == 0
                ? Zips.mutate(base, &generator) : ZipBytes(Zips.mutate(sealed, &generator)).bytes
            guard let manifest = try? manifest(bytes) else {
                counts.refused += 1
                continue
            }
            guard manifest.digest == digest else {
                counts.other += 1
                continue
            }
            counts.same += 1
            let path = directory.file("out-\(round)")
            try ZipExtractor().extract(bytes, to: path)
            var found = treeOnDisk(path)
            found[Self.seal] = nil
            if found["META-INF"] == nil { found["META-INF"] = tree["META-INF"] }
            #expect(found == tree, "seed \(seed), round \(round)")
        }
        #expect(counts.refused > 0 && counts.other > 0 && counts.same > 0, "\(counts)")
    }
}
