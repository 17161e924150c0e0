import Glibc
import Storage
import Testing
import TestSupport

@Suite struct BlobStoreTests {
    private let directory = TemporaryDirectory()

    private func open() throws -> BlobStore { try BlobStore(directory: directory.file("blobs")) }

    @Test func bytesAreKeptUnderTheirDigest() async throws {
        let store = try open()
        let id = try await store.put(Array("abc".utf8))
        // The one-block example of FIPS 180-4.
        #expect(id.hex == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
        #expect(Array(id.digest.prefix(3)) == [0xba, 0x78, 0x16])
        #expect(store.path(of: id) == directory.file("blobs/ba/78/\(id.hex)"))
        #expect(readFile(store.path(of: id)) == Array("abc".utf8))
        #expect(try await store.read(id) == Array("abc".utf8))
        #expect(try await store.contains(id))
    }

    @Test func puttingTwiceKeepsOneFile() async throws {
        let store = try open()
        let id = try await store.put(Array("again".utf8))
        let before = try #require(status(store.path(of: id)))
        #expect(try await store.put("again".utf8.lazy.map { $0 }) == id)
        #expect(status(store.path(of: id))?.st_ino == before.st_ino)
        #expect(try await store.all() == [id])
    }

    @Test func filesAndBytesMeetUnderOneName() async throws {
        let store = try open()
        var generator = SeededGenerator(seed: 7)
        // Around the size of the pieces in which files are copied.
        for size in [0, 1, 1 << 20, (1 << 20) + 1, 3_000_000] {
            let bytes = (0..<size).map { _ in UInt8.random(in: 0...255, using: &generator) }
            writeFile(directory.file("source"), bytes)
            let id = try await store.put(fileAt: directory.file("source"))
            #expect(try await store.put(bytes) == id)
            #expect(try await store.read(id) == bytes)
        }
        #expect(try await store.all().count == 5)
    }

    @Test func manyAtOnceAreAllKept() async throws {
        let store = try open()
        let ids = try await withThrowingTaskGroup(of: BlobID.self) { group in
            for number in 0..<64 { group.addTask { try await store.put(Array("blob \(number % 16)".utf8)) } }
            return try await group.reduce(into: Set()) { $0.insert($1) }
        }
        #expect(try await Set(store.all()) == ids)
        #expect(ids.count == 16)
    }

    @Test func deletingRemovesAndSaysWhetherThereWasOne() async throws {
        let store = try open()
        let id = try await store.put([1, 2, 3])
        #expect(try await store.delete(id))
        #expect(try await !store.delete(id))
        #expect(try await !store.contains(id))
        await #expect(throws: StorageError.file(operation: "open", path: store.path(of: id), errno: ENOENT)) {
            try await store.read(id)
        }
    }

    @Test func whatADeadProcessLeftIsSwept() async throws {
        let kept = try await open().put([9])
        writeFile(directory.file("blobs/incoming/4711-abc"), [1])
        let store = try open()
        #expect(status(directory.file("blobs/incoming/4711-abc")) == nil)
        #expect(try await store.all() == [kept])
    }

    @Test func aFailedPutLeavesNothing() async throws {
        let store = try open()
        await #expect(throws: StorageError.file(operation: "read", path: directory.path, errno: EISDIR)) {
            try await store.put(fileAt: directory.path)
        }
        #expect(try await store.all().isEmpty)
        #expect(rmdir(directory.file("blobs/incoming")) == 0, "something is left in it")
    }

    @Test func aChangedFileIsNoticed() async throws {
        let store = try open()
        let id = try await store.put([1, 2, 3])
        chmod(store.path(of: id), 0o600)
        writeFile(store.path(of: id), [1, 2, 4])
        await #expect(throws: StorageError.corruptBlob(id: id.hex)) { try await store.read(id) }
        // It is mended by putting the bytes again, whatever has become of it.
        for damaged: [UInt8] in [[1, 2, 4], [1], [], [1, 2, 3, 4]] {
            writeFile(store.path(of: id), damaged)
            #expect(try await store.put([1, 2, 3]) == id)
            #expect(try await store.read(id) == [1, 2, 3])
        }
    }

    @Test(arguments: [
        "", "ab", String(repeating: "A", count: 64), String(repeating: "g", count: 64),
        String(repeating: "a", count: 65),
        "../" + String(repeating: "a", count: 61), String(repeating: "é", count: 32),
    ])
    func onlyDigestsAreNames(text: String) {
        #expect(BlobID(text) == nil)
    }
}
