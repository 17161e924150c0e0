import Dispatch

/// Runs blocking work one piece after another on a thread that is neither an event loop nor one of the cooperative
/// pool's. Nothing runs, and no thread is kept, while there is no work.
///
/// The queue itself has no bound: whoever submits is suspended until its own piece is done, so there are never more
/// pieces than callers. Work that has been submitted runs to its end, whether or not its caller is cancelled.
package struct BlockingQueue: Sendable {
    private let queue: DispatchQueue

    /// - Parameter label: Names the thread in a debugger.
    package init(label: String) {
        queue = DispatchQueue(label: label)
    }

    /// Runs `work` and answers with what it returned or threw.
    package func run<Value: Sendable, Failure: Error>(
        _ work: @escaping @Sendable () throws(Failure) -> Value
    ) async throws(Failure) -> Value {
        let result: Result<Value, Failure> = await withCheckedContinuation { continuation in
            queue.async {
                do throws(Failure) {
                    continuation.resume(returning: .success(try work()))
                } catch {
                    continuation.resume(returning: .failure(error))
                }
            }
        }
        return try result.get()
    }
}
