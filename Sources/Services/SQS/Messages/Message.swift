import Storage

/// What a sender says.
struct MessageContent: Sendable, Hashable {
    var body: String
    var attributes: [String: MessageAttribute] = [:]
    /// Of X-Ray, as the sender says.
    var trace: String?
    /// The trace of the request that sent it, where the sender names none: not part of what is acknowledged.
    var requestTrace: String?

    /// Bytes, as the limits count them.
    var size: Int {
        attributes.reduce(body.utf8.count) { $0 + $1.key.utf8.count + $1.value.size }
    }
}

/// A message on its way into a queue. Times are milliseconds since 1970.
struct NewMessage: Sendable {
    var id: Int64
    var uuid: String
    var content: MessageContent
    var sent: Int64
    var visibleAt: Int64
    var sender: String
    var group: String?
    var deduplication: String?
}

/// What became of a message that was sent: a repeated one is the one that came first.
struct SentMessage: Sendable, Hashable {
    var uuid: String
    var sequence: Int64?
}

/// A message as a consumer gets it. Times are milliseconds since 1970.
struct ReceivedMessage: Sendable {
    var id: Int64
    var uuid: String
    var sent: Int64
    var visibleAt: Int64
    /// How often it has been received, this time too.
    var receives: Int64
    var firstReceived: Int64
    var sender: String
    var group: String?
    var deduplication: String?
    var sequence: Int64?
    /// The ARN of the queue whose dead letter it is.
    var source: String?
    var content: MessageContent
}

extension Int64 {
    /// A sequence number as clients see it: twenty digits, so that texts compare as numbers do.
    var sequenceText: String { String(10_000_000_000_000_000_000 + UInt64(self)) }
}
