import AWSWire
import Archive
import Crypto
import Images
import Signing
import Storage

/// The code of functions and layers: the zip files as blobs, and the unpacked trees that environments mount.
///
/// Code is named by the SHA-256 of its zip file, so equal code is kept once, whoever owns it. Garbage collection is by
/// suspicion: whoever stops referring to code says so, and ``collect(isReferenced:)`` looks whether anybody else does.
/// Between ``accept(_:)`` and ``release(_:)`` code is safe although no function refers to it yet.
actor CodeStore {
    /// A zip file that has been unpacked and kept.
    struct Accepted: Sendable {
        /// SHA-256 in hex, or the name of an image's tree.
        var code: String
        /// Bytes of the zip file.
        var size: Int
        /// Nil for a zip file.
        var image: FunctionImage?
        /// Nil when it is not signed, or when its signature is not good.
        var signature: CodeSignature?
    }

    private struct Suspect {
        var since: ContinuousClock.Instant
        /// Nothing referred to it when it was looked at: only its tree is left, for some time.
        var isWaiting = false
    }

    private let blobs: BlobStore
    private let trees: CodeTrees
    /// How long a tree without a reference is kept for the environments that still have it mounted.
    private let grace: Duration
    private let clock = ContinuousClock()
    /// So many archives are unpacked or removed at a time; the others wait.
    private let queues = [BlockingQueue(label: "apus.lambda.code.0"), BlockingQueue(label: "apus.lambda.code.1")]
    private var nextQueue = 0

    /// How many requests hold a piece of code.
    private var held: [String: Int] = [:]
    /// Code that may be without a reference.
    private var suspects: [String: Suspect] = [:]
    /// Code that is being removed, and who waits for the end of that.
    private var removing: [String: [CheckedContinuation<Void, Never>]] = [:]

    init(blobs: BlobStore, directory: String, unzippedBytes: Int, grace: Duration) {
        self.blobs = blobs
        trees = CodeTrees(
            directory: directory, extractor: ZipExtractor(limits: ZipExtractor.Limits(unzippedBytes: unzippedBytes)))
        self.grace = grace
    }
}

// MARK: Coming

extension CodeStore {
    /// Keeps a zip file and unpacks it, which alone shows that it can be. The caller must ``release(_:)`` it.
    ///
    /// - Throws: ``ArchiveError``, ``StorageError``.
    func accept(_ zip: [UInt8]) async throws -> Accepted {
        let code = Hexadecimal.encode(SHA256.hash(data: zip))
        await hold(code)
        do {
            let trees = trees
            try await queue().run { () throws in try trees.add(code, zip: zip) }
            _ = try await blobs.put(zip)
            return Accepted(code: code, size: zip.count)
        } catch {
            release(code)
            throw error
        }
    }

    /// The request that accepted or held the code has committed its reference, or has failed.
    func release(_ code: String) {
        let others = (held[code] ?? 1) - 1
        held[code] = others > 0 ? others : nil
        discard(code)
    }

    /// Puts the unpacked tree in place; nothing when it is there.
    func unpack(_ code: String) async throws {
        guard let blob = BlobID(code) else { throw StorageError.corruptBlob(id: code) }
        let (trees, path) = (trees, blobs.path(of: blob))
        try await queue().run { () throws in try trees.add(code, zipAt: path) }
    }

    /// Puts the tree of an image in place; nothing when it is there.
    ///
    /// - Throws: ``ImageError``, ``StorageError``.
    func unpack(_ image: FunctionImage, from source: any ImageSource, limit: Int) async throws {
        let trees = trees
        guard let path = try await queue().run({ () throws in try trees.place(for: image.tree) }) else { return }
        guard let reference = image.reference else { throw ImageError.notFound }
        try await source.unpack(reference, digest: image.digest, to: path, limit: limit)
    }

    /// Puts the merged tree of unpacked layers in place; nothing when it is there.
    ///
    /// - Parameter layers: The SHA-256 of their zip files in hex; the last one's files win.
    func merge(_ layers: [String], as name: String) async throws {
        let trees = trees
        if try await queue().run({ () throws in try trees.contains(name: name) }) { return }
        for layer in layers { try await unpack(layer) }
        try await queue().run { () throws in try trees.merge(layers, as: name) }
    }

    /// What each of these zip files unfolds to, in bytes.
    func unzippedSizes(_ codes: [String]) async throws -> [Int] {
        var sizes: [Int] = []
        for code in codes {
            try await unpack(code)
            let trees = trees
            sizes.append(try await queue().run { () throws in try trees.size(code) })
        }
        return sizes
    }

    /// What the signature of a zip file says that was accepted or is held.
    ///
    /// - Throws: ``SigningProfilesError`` too.
    func examine(_ code: String, by authority: SigningAuthority) async throws -> PackageFinding {
        guard let blob = BlobID(code) else { throw StorageError.corruptBlob(id: code) }
        let (limits, path) = (trees.extractor.limits, blobs.path(of: blob))
        return try await queue().run { () throws in try authority.examine(zipAt: path, limits: limits) }
    }

    /// Whether an unpacked tree has a file by a name, directly in it.
    func contains(_ file: String, in tree: String) async throws -> Bool {
        let trees = trees
        return try await queue().run { () throws in try trees.contains(name: "\(tree)/\(file)") }
    }

    /// Where the zip file is; nil when `code` is no digest.
    nonisolated func zipFile(_ code: String) -> String? { BlobID(code).map(blobs.path) }

    private func queue() -> BlockingQueue {
        nextQueue = (nextQueue + 1) % queues.count
        return queues[nextQueue]
    }

    /// Keeps code from being cleared away until it is released. Whether it is there yet is for the caller to see.
    func hold(_ code: String) async {
        while removing[code] != nil {
            await withCheckedContinuation { removing[code]?.append($0) }
        }
        held[code, default: 0] += 1
    }
}

// MARK: Going

extension CodeStore {
    /// Sweeps what a dead process left behind and suspects all that is there. Called before the first ``accept(_:)``:
    /// no environment runs yet, so nothing need be kept for one.
    func reopen() async throws {
        let trees = trees
        let unpacked = try await queue().run { () throws in try trees.open() }
        let expired = clock.now.advanced(by: .zero - grace)
        for code in try await blobs.all().map(\.hex) + unpacked { suspects[code] = Suspect(since: expired) }
    }

    /// A function or layer does not refer to this code, or to this merged tree, any more. Its environments may run on
    /// for as long as an invocation lasts.
    func discard(_ code: String) { suspects[code] = Suspect(since: clock.now) }

    /// Nobody refers to any code.
    func discardAll() async throws {
        let trees = trees
        let unpacked = try await queue().run { () throws in try trees.names() }
        for code in try await blobs.all().map(\.hex) + unpacked { discard(code) }
    }

    /// Removes suspected code that nothing refers to: the zip file at once, the tree when no environment can have it.
    ///
    /// - Parameter isReferenced: Whether any function refers to this code, as of now.
    /// - Returns: When the next tree will be due; nil when none is waiting.
    func collect(isReferenced: @Sendable (String) async throws -> Bool) async throws -> Duration? {
        let looked = clock.now
        for (code, suspect) in suspects where !suspect.isWaiting || suspect.since.advanced(by: grace) <= looked {
            if held[code] != nil || removing[code] != nil { continue }
            removing[code] = []
            defer { for waiter in removing.removeValue(forKey: code) ?? [] { waiter.resume() } }
            guard let since = suspects[code]?.since else { continue }
            if try await isReferenced(code) {
                if suspects[code]?.since == since { suspects[code] = nil }
                continue
            }
            if let blob = BlobID(code) { try await blobs.delete(blob) }
            if since.advanced(by: grace) <= clock.now {
                let trees = trees
                try await queue().run { () throws in try trees.remove(code) }
                if suspects[code]?.since == since { suspects[code] = nil }
            } else if suspects[code]?.since == since {
                suspects[code]?.isWaiting = true
            }
        }
        return suspects.filter { held[$0.key] == nil }.values.map(\.since).min().map { since in
            max(.milliseconds(1), clock.now.duration(to: since.advanced(by: grace)))
        }
    }
}
