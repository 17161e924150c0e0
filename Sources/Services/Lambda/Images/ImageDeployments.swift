import Images
import Synchronization

/// Fetches and unpacks images beside all other work: one of several gigabytes does not hold up functions from zip
/// files.
///
/// What is owed is in the store; here is only what came of it until the deployer has noted that down.
final class ImageDeployments: Sendable {
    private struct Job: Sendable {
        /// Of the settings that want the image.
        var deployment: String
        var image: FunctionImage
    }
    private enum Progress {
        case waiting
        case ended(ImageError?)
    }
    /// What is known of one deployment.
    enum Outcome {
        /// To be asked again when it has ended, of which the deployer is told.
        case unknown
        case inPlace
        case failed(ImageError)
    }

    private let source: any ImageSource
    private let code: CodeStore
    private let limit: Int
    private let progress = Mutex<[String: Progress]>([:])
    /// No function has more than one deployment at a time, so there are never more jobs than functions.
    private let jobs: AsyncStream<Job>
    private let submit: AsyncStream<Job>.Continuation

    /// - Parameter limit: Bytes of an image, unpacked.
    init(source: any ImageSource, code: CodeStore, limit: Int) {
        self.source = source
        self.code = code
        self.limit = limit
        (jobs, submit) = AsyncStream.makeStream(of: Job.self)
    }

    /// What came of a deployment, which this begins when it is new. An end is told once.
    func outcome(of deployment: String, _ image: FunctionImage) -> Outcome {
        progress.withLock { progress in
            switch progress[deployment] {
            case .waiting: return .unknown
            case .ended(let failure):
                progress[deployment] = nil
                return failure.map(Outcome.failed) ?? .inPlace
            case nil:
                progress[deployment] = .waiting
                submit.yield(Job(deployment: deployment, image: image))
                return .unknown
            }
        }
    }

    /// Works until the task is cancelled. Runs at most once.
    ///
    /// - Parameter ended: Called after each job.
    func run(ended: @Sendable () -> Void) async {
        for await job in jobs {
            let failure = await fetch(job.image)
            if failure == .cancelled { continue }
            progress.withLock { $0[job.deployment] = .ended(failure) }
            // The function may be gone by now.
            await code.discard(job.image.tree)
            ended()
        }
    }

    /// Puts an image's tree in place; nothing when it is there.
    func fetch(_ image: FunctionImage) async -> ImageError? {
        do {
            try await code.unpack(image, from: source, limit: limit)
            return nil
        } catch let error as ImageError {
            return error
        } catch {
            return .unavailable(reason: "\(error)")
        }
    }
}
