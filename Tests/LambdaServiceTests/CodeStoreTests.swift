import Storage
import Synchronization
import Testing
import TestSupport

@testable import LambdaService

@Suite struct CodeStoreTests {
    /// Every pass of the worker would take longer with each piece of code that was given up lately.
    @Test func codeThatWaitsForItsGraceIsLookedAtOnce() async throws {
        let directory = TemporaryDirectory()
        let blobs = try BlobStore(directory: directory.path + "/blobs")
        let store = CodeStore(
            blobs: blobs, directory: directory.path + "/code", unzippedBytes: 1 << 20, grace: .seconds(3600))
        let asked = Mutex<[String]>([])
        @Sendable func isReferenced(_ code: String) -> Bool {
            asked.withLock { $0.append(code) }
            return false
        }
        let code = try await store.accept(Harness.hello).code
        _ = try await store.collect(isReferenced: isReferenced)
        #expect(asked.withLock { $0 }.isEmpty)

        await store.release(code)
        for _ in 1...3 { #expect(try await store.collect(isReferenced: isReferenced) != nil) }
        #expect(asked.withLock { $0 } == [code])
        #expect(try await blobs.all().isEmpty)
        #expect(directory.names("code") == [code])

        // Somebody had it again, and gave it up again.
        _ = try await store.accept(Harness.hello)
        await store.release(code)
        _ = try await store.collect(isReferenced: isReferenced)
        #expect(asked.withLock { $0 } == [code, code])
        #expect(try await blobs.all().isEmpty)
    }
}
