/// Every limit of the service, each one named value that an operator may change. The defaults are AWS's current ones:
/// https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
package struct Quotas: Sendable, Hashable {
    /// The largest zip file that a request may carry, in bytes.
    package var zippedCodeBytes = 52_428_800
    /// What a zip file may unfold to, in bytes.
    package var unzippedCodeBytes = 262_144_000
    /// What a container image may unfold to, in bytes.
    package var unpackedImageBytes = 10_737_418_240
    /// The largest body of CreateFunction and UpdateFunctionCode, in bytes: 50 MiB in base64 and some
    /// room for the rest.
    package var codeRequestBytes = 70_167_211
    /// All code of one account in one region, in bytes of zip files.
    package var totalCodeBytes = 80_530_636_800
    /// Invocations that one account may run at a time in one region.
    package var concurrentExecutions = 1000
    /// How much of ``concurrentExecutions`` reservations must leave to the other functions.
    package var minimumUnreservedExecutions = 100
    /// Invocations that may come in a second for each that may run at once, in an account, on a reservation or on
    /// provisioned concurrency.
    package var requestsPerConcurrency = 10
    /// Environments that one function may start within ``burstSeconds``.
    package var burstEnvironments = 1000
    package var burstSeconds = 10
    /// All environment variables of a function, in bytes of their JSON text.
    package var environmentBytes = 4096
    /// The payload of one synchronous invocation, in bytes.
    package var payloadBytes = 6_291_456
    /// The payload of one asynchronous invocation, in bytes.
    package var eventBytes = 1_048_576
    /// `X-Amz-Client-Context` as it is sent, in bytes of base64.
    package var clientContextBytes = 3583
    /// A function's memory, in MB as AWS counts them (2^20 bytes).
    package var memoryMiB = 128...10_240
    /// A function's timeout, in seconds.
    package var timeoutSeconds = 1...900
    /// The size of `/tmp`, in MB as AWS counts them (2^20 bytes).
    package var ephemeralStorageMiB = 512...10_240
    package var tagsPerFunction = 50
    package var layersPerFunction = 5
    /// A resource's policy, in bytes of its JSON text.
    package var policyBytes = 20_480
    /// How many entries a list answers at most, whatever `MaxItems` says.
    package var listPage = 50

    package init() {}
}
