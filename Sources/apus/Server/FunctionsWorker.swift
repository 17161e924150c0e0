import LambdaService
import ServiceLifecycle

/// Runs the functions' background work among the server's services, and ends it at a graceful shutdown.
struct FunctionsWorker: ServiceLifecycle.Service {
    let functions: LambdaService

    func run() async throws {
        await cancelWhenGracefulShutdown { await functions.run() }
    }
}
