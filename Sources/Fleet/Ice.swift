import NIOPosix
import Synchronization

#if canImport(Glibc)
    import Glibc
#endif

/// The freezer of one sandbox: says whether its processes run.
///
/// What is said last holds. Writing to a control group may have to wait for whoever changes others, so it is done on a
/// thread of its own: thawing never waits behind the freezing of many others.
final class Ice: Sendable {
    private static let freezing = NIOThreadPool.started()
    private static let thawing = NIOThreadPool.started()

    private let isWanted = Atomic<Bool>(false)
    private let isClosing = Atomic<Bool>(false)
    /// -1 once closed.
    private let file: Mutex<(descriptor: Int32, isFrozen: Bool)>

    /// Takes over the descriptor (``StartedSandbox/freezer``).
    init(_ descriptor: Int32) { file = Mutex((descriptor, false)) }

    /// No process of the sandbox runs, from now on or soon.
    func freeze() {
        isWanted.store(true, ordering: .sequentiallyConsistent)
        Self.freezing.submit { _ in self.apply() }
    }

    func thaw() {
        isWanted.store(false, ordering: .sequentiallyConsistent)
        Self.thawing.submit { _ in self.apply() }
    }

    /// Thaws for good, and lets go of the file.
    func close() {
        isWanted.store(false, ordering: .sequentiallyConsistent)
        isClosing.store(true, ordering: .sequentiallyConsistent)
        Self.thawing.submit { _ in self.apply() }
    }

    private func apply() {
        file.withLock { file in
            // Read under the lock: whoever comes last acts on what was said last.
            let wanted = isWanted.load(ordering: .sequentiallyConsistent)
            guard file.descriptor >= 0 else { return }
            if wanted != file.isFrozen {
                var byte = UInt8(ascii: wanted ? "1" : "0")
                // Fails only for a group that is gone, and everything in it.
                _ = pwrite(file.descriptor, &byte, 1, 0)
                file.isFrozen = wanted
            }
            if isClosing.load(ordering: .sequentiallyConsistent), !wanted {
                _ = Glibc.close(file.descriptor)
                file.descriptor = -1
            }
        }
    }
}

extension NIOThreadPool {
    /// One thread, for as long as the process lives.
    fileprivate static func started() -> NIOThreadPool {
        let pool = NIOThreadPool(numberOfThreads: 1)
        pool.start()
        return pool
    }
}
