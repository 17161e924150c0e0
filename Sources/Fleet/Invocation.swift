package import NIOCore

/// One synchronous invocation on its way to an execution environment.
package struct Invocation: Sendable {
    /// A lower-case UUID: the function's `aws_request_id` and the answer's `x-amzn-RequestId`.
    package var requestID: String
    /// Valid JSON text, not looked at again.
    package var payload: ByteBuffer
    /// The ARN as the caller qualified it: `Lambda-Runtime-Invoked-Function-Arn`.
    package var invokedARN: String
    /// The decoded JSON of `X-Amz-Client-Context`.
    package var clientContext: String?
    /// `Root=1-…;Parent=…;Sampled=0`, made by the front door where the caller sent none.
    package var traceID: String
    /// Whether the segments of its trace are recorded.
    package var isSampled: Bool
    package var logTail: LogTail
    package var response: ResponseMode
    /// What it counts for; nil: nothing.
    package var meters: InvocationMeters?

    /// How the caller wants what the function answers.
    package enum ResponseMode: Sendable {
        /// Whole, in the outcome.
        case buffered
        /// In parts as they come, where the function sends it so: the sink then has it all and the outcome none of it.
        /// A function that sends it whole has it in the outcome all the same, and the sink hears nothing.
        case streamed(any ResponseSink)
    }

    /// What the outcome carries of the invocation's log.
    package enum LogTail: Sendable, Hashable {
        /// Nothing: the answer does not wait for the last lines to be written.
        case none
        /// The last 4,096 bytes.
        case last
    }

    package init(
        requestID: String, payload: ByteBuffer, invokedARN: String, clientContext: String? = nil, traceID: String,
        isSampled: Bool = false, logTail: LogTail = .last, response: ResponseMode = .buffered,
        meters: InvocationMeters? = nil
    ) {
        self.requestID = requestID
        self.payload = payload
        self.invokedARN = invokedARN
        self.clientContext = clientContext
        self.traceID = traceID
        self.isSampled = isSampled
        self.logTail = logTail
        self.response = response
        self.meters = meters
    }
}

extension Invocation {
    /// Whether the response is wanted in parts.
    var streams: Bool { if case .streamed = response { true } else { false } }
}

/// Takes a function's response while the function still runs. Called on the event loop of the environment that runs
/// it; what the outcome says comes after.
package protocol ResponseSink: AnyObject, Sendable {
    /// The response begins, before its first part: at most once for an invocation.
    ///
    /// - Parameters:
    ///   - contentType: as the runtime has it.
    ///   - resume: to be called, on any thread, after ``responseCame(_:)`` returned false, once more is wanted.
    func responseBegan(contentType: String?, resume: @escaping @Sendable () -> Void)
    /// A part of it.
    ///
    /// - Returns: false to get no more for now, but for what has been read already: the function's writes then wait.
    func responseCame(_ part: ByteBuffer) -> Bool
}

/// What came of an invocation that reached a function.
package struct InvocationOutcome: Sendable {
    /// The answer's body: the function's result or AWS's error document; nothing after a response that went to a sink
    /// and ended well.
    package var payload: ByteBuffer
    /// The value of `X-Amz-Function-Error` (today `Unhandled`, for every error); nil when the function succeeded.
    package var functionError: String?
    /// The last 4,096 bytes of this invocation's log, START to REPORT, not yet base64; empty when it
    /// was not asked for.
    package var logTail: ByteBuffer

    package init(payload: ByteBuffer, functionError: String? = nil, logTail: ByteBuffer) {
        self.payload = payload
        self.functionError = functionError
        self.logTail = logTail
    }
}

/// Why an invocation never reached a function.
package enum FleetError: Error, Sendable, Hashable {
    /// Past a limit: `TooManyRequestsException` with this `Reason` (``ThrottleReason``).
    case throttled(reason: String)
    /// No sandbox can be started on this node; the text is for the operator.
    case unavailable(String)
    /// There is no memory left on this node for another environment.
    case outOfCapacity
    /// The function's file system cannot be mounted; the access point's ARN.
    case fileSystemNotMounted(accessPoint: String)
    /// What a SnapStart function runs after it has been restored has failed, or it could not be initialised.
    case restoreFailed
    /// That took too long.
    case restoreTimedOut
    case shuttingDown
}

/// Runs functions. `Fleet` is the real one.
package protocol Invoking: Sendable {
    /// Runs one invocation. The future completes on `eventLoop`; it fails only with ``FleetError``.
    func invoke(_ version: FunctionVersion, _ invocation: Invocation, on eventLoop: any EventLoop)
        -> EventLoopFuture<InvocationOutcome>

    /// Ends the idle environments of every revision of this function's `version` (nil: of all its versions) but
    /// `revision` (nil: all); busy ones end after the invocation that they serve.
    func retire(account: String, region: String, name: String, version: String?, except revision: String?)

    /// Has environments of a function's versions initialised ahead of their invocations. Versions that are not named
    /// have none; once a version has been retired, nor has it.
    ///
    /// - Parameter total: How much of the account's concurrency the function is promised, with versions that cannot run
    ///   yet.
    func provision(
        account: String, region: String, name: String, _ versions: [ProvisionedVersion], total: Int)

    /// What has come of that for a version.
    func provisioned(_ key: FunctionVersion.Key) -> ProvisionedState

    /// Has environments of a SnapStart version initialised ahead from now on, until the version is retired.
    ///
    /// - Returns: Nil once one of them waits to be restored; else why none does.
    func publish(_ version: FunctionVersion) async -> SnapshotFailure?

    /// Invocations of this version may come soon: their first environment may start faster then. Costs little, if none
    /// comes.
    func expect(_ version: FunctionVersion)

    /// How many invocations run now in this account and region, over all functions.
    func concurrency(account: String, region: String) -> Int
}
