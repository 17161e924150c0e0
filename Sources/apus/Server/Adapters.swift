import LambdaService
import Runtimes
import ServiceLifecycle

extension RuntimeCatalogue {
    /// What the functions' service asks for a runtime.
    var resolution: ResolveRuntime {
        { identifier in
            do throws(RuntimeUnavailable) {
                return .success(try resolve(identifier))
            } catch {
                return .failure(RuntimeProblem(error.description))
            }
        }
    }
}
