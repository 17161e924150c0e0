import ArgumentParser
import Dispatch

/// Runs the command with the main thread waiting as an ordinary one.
///
/// An `async` main hands its thread to the runtime, which parks it for good where the C library's set*id calls no
/// longer reach it: in a server that gave up root, that thread would keep it.
@main
enum Main {
    static func main() {
        let done = DispatchSemaphore(value: 0)
        Task.detached {
            await Apus.main()
            done.signal()
        }
        done.wait()
    }
}
