import NIOCore

/// One asynchronous invocation, from its acceptance to its outcome.
struct AsyncEvent: Sendable {
    /// What tells it from all others.
    struct ID: Hashable, Sendable {
        /// Grows in the order of acceptance on a node; nodes may give the same.
        var position: Int64
        /// The same in every try: the function's `aws_request_id`. A lower-case UUID.
        var request: String
    }

    /// Why it could not be given to its function, as dead-letter queues are told.
    struct Setback: Hashable, Sendable {
        /// An HTTP status.
        var code: Int
        var message: String
    }

    var id: ID
    /// With the qualifier that it was invoked by.
    var target: FunctionTarget
    /// Which function of that name it is for: one that is made anew later gets none of it.
    var creation: Int64
    /// Valid JSON text.
    var payload: ByteBuffer
    /// The decoded JSON of `X-Amz-Client-Context`.
    var clientContext: String?
    var traceID: String
    var isSampled: Bool
    /// Milliseconds since 1970.
    var accepted: Int64
    /// How many tries have ended with an error of the function.
    var failures = 0
    /// When it was to be tried, milliseconds since 1970.
    var due: Int64
    /// When the claim ends by which it is at hand, as it was made.
    var lease: Int64
    /// Of the last attempt to give it to its function, if that failed since it was claimed.
    var setback: Setback?

    var function: FunctionKey { target.key }
}
