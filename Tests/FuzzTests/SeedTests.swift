import FoundationEssentials
import Testing

/// What `make fuzz` begins with, and what it once found, read without libFuzzer.
@Suite struct SeedTests {
    static let folder = String(#filePath.dropLast("SeedTests.swift".count)) + "Seeds"

    @Test(arguments: FuzzTarget.all.map(\.name)) func seeds(of name: String) throws {
        let target = try #require(FuzzTarget.all.first { $0.name == name })
        let files = try FileManager.default.contentsOfDirectory(atPath: "\(Self.folder)/\(name)")
        #expect(!files.isEmpty)
        for file in files {
            let bytes = try Data(contentsOf: URL(filePath: "\(Self.folder)/\(name)/\(file)"))
            do {
                try target.check(Array(bytes))
            } catch {
                Issue.record("\(name)/\(file): \(error)")
            }
            // And what a connection that breaks would leave of it.
            try target.check(Array(bytes.prefix(bytes.count / 2)))
        }
    }

    @Test func everyFolderIsATargets() throws {
        let folders = try FileManager.default.contentsOfDirectory(atPath: Self.folder)
        #expect(folders.sorted() == FuzzTarget.all.map(\.name).sorted())
    }
}
