import AWSWire
import NIOCore

/// The trace of one sampled invocation: what is known of it from its start, and where its segments go.
///
/// Two segments tell of an invocation: the service's (`AWS::Lambda`), from the request to the answer, and below it the
/// function's (`AWS::Lambda::Function`), from the environment that ran it.
/// https://docs.aws.amazon.com/lambda/latest/dg/services-xray.html
final class InvocationTrace: Sendable {
    let context: TraceContext
    let key: FunctionVersion.Key
    let requestID: String
    /// As the caller qualified it.
    let arn: String
    /// Of the service's segment.
    let id: String
    let sink: any TraceSink
    private let clock: @Sendable () -> Int64
    private let began: Int64

    /// - Returns: nil when the invocation is not sampled, its header names no trace, or nobody takes segments.
    init?(
        _ invocation: Invocation, _ key: FunctionVersion.Key, sink: (any TraceSink)?,
        clock: @escaping @Sendable () -> Int64
    ) {
        guard invocation.isSampled, let sink, let context = TraceContext(invocation.traceID) else { return nil }
        self.context = context
        id = TraceContext.makeID()
        self.key = key
        self.sink = sink
        self.clock = clock
        requestID = invocation.requestID
        arn = invocation.invokedARN
        began = clock()
    }

    var now: Int64 { clock() }

    func record(_ document: ByteBuffer) { sink.record(document, account: key.account, region: key.region) }

    /// Writes the service's segment: the invocation has been answered.
    func answered(_ outcome: InvocationOutcome) { write(status: 200, outcome.functionError == nil ? [] : ["fault"]) }

    /// Writes the service's segment: the invocation was refused.
    func refused(_ error: FleetError) {
        switch error {
        case .throttled: write(status: 429, ["error", "throttle"])
        case .fileSystemNotMounted: write(status: 403, ["error"])
        case .restoreFailed: write(status: 400, ["error"])
        case .restoreTimedOut: write(status: 408, ["error"])
        case .outOfCapacity: write(status: 502, ["fault"])
        case .unavailable, .shuttingDown: write(status: 500, ["fault"])
        }
    }

    private func write(status: Int, _ flags: [String]) {
        var segment = SegmentWriter(id: id, name: key.name, began: began, ended: now)
        segment.member("trace_id", context.root)
        if let parent = context.parent { segment.member("parent_id", parent) }
        segment.member("origin", "AWS::Lambda")
        segment.member("resource_arn", arn)
        for flag in flags { segment.flag(flag) }
        segment.object("http") { writer in
            writer.name("response")
            writer.beginObject()
            writer.name("status")
            writer.int(status)
            writer.endObject()
        }
        segment.object("aws") { writer in
            writer.name("request_id")
            writer.string(requestID)
            writer.name("account_id")
            writer.string(key.account)
        }
        record(segment.finish())
    }
}

/// The function's segment, as it comes about in an environment.
struct FunctionTrace {
    let invocation: InvocationTrace
    /// Of the function's segment: the parent of what the function sends.
    let id = TraceContext.makeID()
    /// INIT or the restoration, for the first invocation after it.
    var initialisation: Initialisation?
    let began: Int64

    /// What an environment did before its first invocation.
    struct Initialisation {
        /// As X-Ray shows it.
        var name = "Initialization"
        var began: Int64
        var ended: Int64
    }
    private var answer: (at: Int64, failure: ByteBuffer?)?

    /// Milliseconds since 1970 are the unit of all times.
    init(_ invocation: InvocationTrace, initialisation: Initialisation?) {
        self.invocation = invocation
        self.initialisation = initialisation
        began = invocation.now
    }

    /// What the runtime gets as its trace header.
    var header: String { invocation.context.header(parent: id) }

    /// - Parameter failure: The error document; nil when the function succeeded.
    mutating func answered(failure: ByteBuffer?) { answer = (invocation.now, failure) }

    /// Writes the segment: the runtime waits for the next invocation, or is gone.
    func finish() {
        let now = invocation.now
        let answered = answer?.at ?? now
        var segment = SegmentWriter(
            id: id, name: invocation.key.name, began: initialisation?.began ?? began, ended: now)
        segment.member("trace_id", invocation.context.root)
        segment.member("parent_id", invocation.id)
        segment.member("origin", "AWS::Lambda::Function")
        segment.member("resource_arn", invocation.arn)
        segment.object("aws") { writer in
            writer.name("function_arn")
            writer.string(invocation.arn)
            writer.name("request_id")
            writer.string(invocation.requestID)
            writer.name("account_id")
            writer.string(invocation.key.account)
            writer.name("resource_names")
            writer.beginArray()
            writer.string(invocation.key.name)
            writer.endArray()
        }
        if let failure = answer?.failure { segment.cause(failure) }
        var parts: [(name: String, began: Int64, ended: Int64)] = []
        if let initialisation { parts.append((initialisation.name, initialisation.began, initialisation.ended)) }
        parts += [("Invocation", began, answered), ("Overhead", answered, now)]
        segment.subsegments(parts, arn: invocation.arn)
        invocation.record(segment.finish())
    }
}
