import Glibc
import Images
import Synchronization

/// Images that a test makes up: by the reference's text, and what becomes of unpacking them.
final class FakeImages: ImageSource {
    private struct State {
        var images: [ImageReference: Result<ResolvedImage, ImageError>] = [:]
        var failure: ImageError?
        var unpacked: [String] = []
    }
    private let state = Mutex(State())

    func set(_ reference: String, _ outcome: Result<ResolvedImage, ImageError>) {
        guard let reference = ImageReference(reference) else { return }
        state.withLock { $0.images[reference] = outcome }
    }

    func failUnpacking(with failure: ImageError?) { state.withLock { $0.failure = failure } }

    /// The digests of what has been unpacked.
    var unpacked: [String] { state.withLock { $0.unpacked } }

    func resolve(_ reference: ImageReference) async throws(ImageError) -> ResolvedImage {
        guard let outcome = state.withLock({ $0.images[reference] }) else { throw .notFound }
        return try outcome.get()
    }

    func unpack(
        _ reference: ImageReference, digest: String, to destination: String, limit: Int
    ) async throws(ImageError) {
        if let failure = state.withLock({ $0.failure }) { throw failure }
        if mkdir(destination, 0o755) != 0 { throw .unavailable(reason: "mkdir: \(errno)") }
        state.withLock { $0.unpacked.append(digest) }
    }
}
