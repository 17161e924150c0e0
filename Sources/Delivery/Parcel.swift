package import Identity
package import NIOCore

/// One event on its way to one resource.
package struct Parcel: Sendable, Hashable {
    /// A message attribute, as queues and topics have them.
    package struct Attribute: Sendable, Hashable {
        package enum Value: Sendable, Hashable {
            case text(String)
            case binary([UInt8])
        }

        /// `String`, `Number`, `Binary`, or one of these with a suffix of the sender's.
        package var type: String
        package var value: Value

        package init(type: String = "String", _ value: Value) {
            self.type = type
            self.value = value
        }
    }

    /// The same in every try: a lower-case UUID. A function gets it as the id of its request.
    package var id: String
    /// The ARN of the resource, of a function with a qualifier, if there is one; or a URL.
    package var target: String
    /// On whose behalf: the target's policies decide about it in every try.
    package var sender: ServiceCaller
    /// The event as the target is to have it: the payload of a function, the message of a queue.
    package var body: ByteBuffer
    /// For a URL: headers of the request, or of the letter.
    package var attributes: [String: Attribute] = [:]
    /// The name of the attribute that a topic takes as the subject of its message: none of a message's own begins so.
    package static let subject = "AWS.Subject"

    /// Of a message to a FIFO queue or topic.
    package var group: String?
    /// Of a message to a FIFO queue or topic.
    package var deduplicationID: String?
    /// The value of `X-Amzn-Trace-Id`, whose `Lineage` counts the hops of a loop.
    package var trace: String?

    package init(id: String, to target: String, from sender: ServiceCaller, _ body: ByteBuffer) {
        self.id = id
        self.target = target
        self.sender = sender
        self.body = body
    }
}

/// Why a parcel did not arrive.
package struct DeliveryFailure: Error, Sendable, Hashable {
    /// The target's own code, such as `AWS.SimpleQueueService.NonExistentQueue`.
    package var code: String
    package var message: String
    /// Whether a further try can end no better: the target is not there, or does not let the sender in.
    package var isFinal: Bool
    /// When it is the target's next turn, in milliseconds since 1970: it was not tried, as it takes no more in a time.
    package private(set) var turn: Int64?

    package init(code: String, message: String, isFinal: Bool) {
        self.code = code
        self.message = message
        self.isFinal = isFinal
    }

    /// It is too early for the target: that is no try.
    package static func early(until turn: Int64) -> DeliveryFailure {
        var failure = DeliveryFailure(code: "TooEarly", message: "It is not its turn.", isFinal: false)
        failure.turn = turn
        return failure
    }

    /// Whether the target had too much to do.
    package var isThrottling: Bool {
        let code = code.lowercased()
        return code.contains("throttl") || code.contains("toomanyrequests")
    }
}
