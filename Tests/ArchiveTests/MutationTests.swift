import Archive
import Glibc
import Testing
import TestSupport

/// Zips with seeded damage: whatever it is, nothing crashes, nothing is written elsewhere, and a refusal leaves
/// nothing.
@Suite struct MutationTests {
    private static func deflated() throws -> [UInt8] {
        let source = TemporaryDirectory()
        defer { withExtendedLifetime(source) {} }
        mkdir(source.file("d"), 0o755)
        writeFile(source.file("d/a.txt"), Array(String(repeating: "hello, hello. ", count: 300).utf8))
        writeFile(source.file("run"), Array("#!/bin/sh\n".utf8))
        symlink("d/a.txt", source.file("link"))
        return try ZipBuilder.zip(directory: source.path)
    }

    private static let stored = ZipBytes([
        .file("a/b/c.txt", "contents"), .directory("a/b/d/"), .link("a/link", to: "b/c.txt"),
        .file("e", "", mode: 0o755),
    ]).bytes

    @Test(arguments: 0..<8 as Range<UInt64>)
    func damagedZipsDoNoHarm(seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        let bases = [Self.stored, try Self.deflated()]
        var refused = 0
        for round in 0..<250 {
            let directory = TemporaryDirectory()
            defer { withExtendedLifetime(directory) {} }
            mkdir(directory.file("box"), 0o755)
            let bytes = Zips.mutate(bases[round % 2], &generator)
            let extractor = ZipExtractor(limits: .init(unzippedBytes: 1 << 20, entries: 50))
            do throws(ArchiveError) {
                try extractor.extract(bytes, to: directory.file("box/out"))
            } catch {
                refused += 1
                #expect(treeOnDisk(directory.file("box")).isEmpty, "seed \(seed), round \(round): left something")
            }
            let all = treeOnDisk(directory.path)
            #expect(
                all.keys.allSatisfy { $0 == "box" || $0 == "box/out" || $0.hasPrefix("box/out/") },
                "seed \(seed), round \(round): wrote outside")
            for (path, node) in all where node.hasPrefix("→ ") {
                #expect(!leavesRoot(path, node), "seed \(seed), round \(round): \(path) \(node)")
            }
        }
        #expect((25..<250).contains(refused), "the damage should be refused often, yet not be total")
    }

    private func leavesRoot(_ path: String, _ node: String) -> Bool {
        let target = node.dropFirst(2)
        if target.hasPrefix("/") { return true }
        var depth = path.split(separator: "/").count - 3
        for component in target.split(separator: "/") where component != "." {
            depth += component == ".." ? -1 : 1
            if depth < 0 { return true }
        }
        return false
    }
}

/// Damage.
enum Zips {
    /// Entries of which a few are others, more or fewer.
    static func mutate(_ entries: [ZipBytes.Entry], _ generator: inout SeededGenerator) -> [ZipBytes.Entry] {
        var entries = entries
        for _ in 0..<Int.random(in: 1...2, using: &generator) where !entries.isEmpty {
            let index = Int.random(in: 0..<entries.count, using: &generator)
            let byte = UInt8.random(in: 0x61...0x63, using: &generator)
            switch Int.random(in: 0..<7, using: &generator) {
            case 0: entries[index].contents.append(byte)
            case 1: entries[index].contents = []
            case 2: entries[index].name = [byte]
            case 3: entries[index].mode = [0o100_644, 0o100_755, 0o120_777].randomElement(using: &generator) ?? 0
            case 4: entries.remove(at: index)
            case 5: entries.shuffle(using: &generator)
            default: entries.append(.file(String(UnicodeScalar(byte)), "new"))
            }
        }
        return entries
    }

    static func mutate(_ base: [UInt8], _ generator: inout SeededGenerator) -> [UInt8] {
        var bytes = base
        for _ in 0..<Int.random(in: 1...4, using: &generator) where !bytes.isEmpty {
            let position = Int.random(in: 0..<bytes.count, using: &generator)
            switch Int.random(in: 0..<6, using: &generator) {
            case 0: bytes[position] ^= 1 << UInt8.random(in: 0..<8, using: &generator)
            case 1: bytes[position] = [0, 0xff, 0x2e, 0x2f, 0x5c].randomElement(using: &generator) ?? 0
            case 2: bytes.removeSubrange(position..<min(bytes.count, position + 3))
            case 3: bytes.insert(contentsOf: Array("../".utf8), at: position)
            case 4: bytes.removeLast(min(bytes.count, Int.random(in: 1...8, using: &generator)))
            default:
                // Whole fields: what is checked by sizes and offsets should see the extremes.
                let extremes: [UInt8] = Bool.random(using: &generator) ? [0xff, 0xff, 0xff, 0xff] : [0, 0, 0, 0]
                let end = min(bytes.count, position + 4)
                bytes.replaceSubrange(position..<end, with: extremes.prefix(end - position))
            }
        }
        return bytes
    }
}
