package import Runtimes

/// Makes a runtime identifier (`python3.13`) concrete on this machine, as the catalogue of runtimes does. Called on any
/// thread and must be quick: whoever answers has looked at the machine before.
package typealias ResolveRuntime = @Sendable (_ identifier: String) throws(RuntimeUnavailable) -> ResolvedRuntime

/// Sees to it that functions can be run with a runtime, which may take seconds; answers why they cannot, in a sentence,
/// nil when they can.
package typealias PrepareRuntime = @Sendable (_ identifier: String) async -> String?

/// Tells the fleet how many invocations of a function may run at once; nil takes the reservation back.
package typealias SetReservedConcurrency =
    @Sendable (_ account: String, _ region: String, _ name: String, _ executions: Int?) -> Void
