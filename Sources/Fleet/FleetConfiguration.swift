import AWSWire
import Linux
import NIOCore

#if canImport(Glibc)
    import Glibc
#endif

/// The fleet's limits and times. The defaults are Lambda's.
package struct FleetConfiguration: Sendable {
    /// Invocations that may run at once in one account and region.
    package var accountConcurrency = 1000
    /// Invocations that may come in a second for each that may run at once, in an account or on a reservation; for
    /// provisioned concurrency, before they run on demand.
    package var requestsPerConcurrency = 10
    /// Environments that one function may start within ``burstWindow``; an invocation that would need one more is
    /// throttled.
    package var burstEnvironments = 1000
    package var burstWindow = Duration.seconds(10)
    /// Environments of one version's provisioned concurrency that initialise at a time.
    package var provisionedWidth = 4
    /// How often in a row their initialisation may fail before it is given up.
    package var provisionedAttempts = 6
    /// How long to wait after the first failure; doubled after each that follows, up to the limit.
    package var provisionedRetryDelay = Duration.milliseconds(100)
    package var provisionedRetryLimit = Duration.seconds(60)
    /// How old an environment becomes before it is replaced, as AWS does every few hours, however busy it is: less than
    /// its credentials last, which are variables and cannot be renewed.
    package var lifetime = Duration.seconds(6 * 3600)
    /// How long to wait when a provisioned one cannot be replaced yet, because another is starting.
    package var recyclingDelay = Duration.seconds(10)
    /// Environments of one SnapStart version that initialise ahead at a time.
    package var snapshotWidth = 2
    /// How many of them may wait to be restored, however many were lately.
    package var snapshotLimit = 16
    /// As many wait as were restored within this time, at least one.
    package var snapshotWindow = Duration.seconds(60)
    /// None waits any more when none has been restored for so long. AWS drops a version's snapshot after 14 days.
    package var snapshotIdleTimeout = Duration.seconds(3600)
    /// How long the restoration of an environment may take.
    package var restoreTimeout = Duration.seconds(10)
    /// How long an environment waits for its next invocation before it ends.
    package var idleTimeout = Duration.seconds(600)
    /// How long an environment is idle before its processes are frozen; nil for never.
    package var freezeDelay: Duration? = .seconds(1)
    /// What environments may hold together, MiB; nil for no limit. The idle ones give way before others start.
    package var memoryMiB: Int?
    /// How long an environment that is to be started waits for memory.
    package var memoryPatience = Duration.seconds(5)
    /// The processors that environments share.
    package var processors = System.coreCount
    /// Environments that initialise at a time, others wait: for no longer than ``admissionHold`` for each before them,
    /// and less while a processor is idle.
    package var admissionWidth = 2 * System.coreCount
    package var admissionHold = Duration.milliseconds(500)
    /// How often that is looked at while somebody waits.
    package var admissionPace = Duration.milliseconds(10)
    /// How long after a warm invocation others are expected, to which they yield.
    package var warmth = Duration.seconds(1)
    package var hasIdleProcessor: @Sendable () -> Bool = {
        // Who asks runs, too.
        Processors.runnable().map { $0 <= System.coreCount } ?? false
    }
    /// How long INIT may take before the first invocation runs it once more, within the function's own timeout.
    package var initTimeout = Duration.seconds(10)
    /// How long INIT may take in provisioned concurrency and for SnapStart, where the function's own timeout is not
    /// longer.
    package var provisionedInitTimeout = Duration.seconds(130)
    /// How long a runtime that reported an initialisation error may take to end by itself.
    package var initErrorGrace = Duration.seconds(1)
    /// How long the news of a runtime's end may take after its response was cut off.
    package var truncationGrace = Duration.milliseconds(200)
    /// How long an invocation waits for an environment that has answered but not yet asked for more work, before
    /// another environment is started for it.
    package var patience = Duration.milliseconds(20)
    /// How long running invocations may take to finish when the fleet shuts down.
    package var shutdownGrace = Duration.seconds(20)
    /// How long the sandboxes may take to vanish after that.
    package var teardownGrace = Duration.seconds(5)
    /// How long a sandbox with internal extensions may take to end, and one with external ones.
    package var internalShutdownGrace = Duration.milliseconds(500)
    package var externalShutdownGrace = Duration.milliseconds(2000)
    /// How much of it the runtime may take before the external extensions hear of the end.
    package var runtimeShutdownGrace = Duration.milliseconds(300)
    /// Bytes a second of one environment's output that are read; more waits in the pipe and then holds the writer up.
    package var outputBytesPerSecond = 8 * 1024 * 1024
    /// `AWS_ENDPOINT_URL` inside environments, where functions reach this server; nil sets none.
    package var endpointURL: String?
    /// Processes and descriptors of one environment.
    package var processes = 1024
    package var descriptors = 1024
    /// Whether environments may be forked from a process that has loaded their runtime.
    package var zygotes = true
    /// Milliseconds since 1970.
    package var wallClock: @Sendable () -> Int64 = { WallClock.milliseconds() }
    /// Microseconds since some moment, never backwards: what rates are measured with.
    package var clock: @Sendable () -> UInt64 = { coarseMicroseconds() }

    package init() {}
}

/// The clock that the kernel reads once in a few milliseconds, which is enough for a rate and costs the least.
private func coarseMicroseconds() -> UInt64 {
    var now = timespec()
    clock_gettime(CLOCK_MONOTONIC_COARSE, &now)
    return UInt64(now.tv_sec) * 1_000_000 + UInt64(now.tv_nsec) / 1000
}
