import LambdaService
import ServiceLifecycle

/// Runs asynchronous invocations among the server's services. It ends after the fleet, so that it hears what became of
/// those that were running.
struct EventsWorker: ServiceLifecycle.Service {
    let functions: LambdaService

    func run() async throws {
        await cancelWhenGracefulShutdown { await functions.runEvents() }
    }
}
