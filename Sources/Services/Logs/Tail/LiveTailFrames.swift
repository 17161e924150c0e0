import AWSWire
import LogsModel
import NIOCore

/// The messages of a session's event stream.
enum LiveTailFrames {
    private static let json = "application/json"

    /// What the JSON protocols begin an event stream with: the members beside it, of which there are none.
    static var initial: ByteBuffer { event("initial-response", ByteBuffer(string: "{}")) }

    static func start(
        _ input: Logs.StartLiveTailRequest, requestID: String, sessionID: String
    ) -> ByteBuffer {
        var writer = JSONWriter()
        writer.beginObject()
        writer.name("requestId")
        writer.string(requestID)
        writer.name("sessionId")
        writer.string(sessionID)
        writer.write("logGroupIdentifiers", input.logGroupIdentifiers)
        if let names = input.logStreamNames { writer.write("logStreamNames", names) }
        if let prefixes = input.logStreamNamePrefixes { writer.write("logStreamNamePrefixes", prefixes) }
        if let pattern = input.logEventFilterPattern {
            writer.name("logEventFilterPattern")
            writer.string(pattern)
        }
        writer.endObject()
        return event("sessionStart", writer.buffer)
    }

    /// - Parameter hasLost: Whether updates before this one were dropped.
    static func update(_ sample: LiveTailSample, hasLost: Bool) -> ByteBuffer {
        var writer = JSONWriter()
        writer.beginObject()
        writer.name("sessionMetadata")
        writer.beginObject()
        writer.name("sampled")
        writer.bool(sample.isSampled || hasLost)
        writer.endObject()
        writer.name("sessionResults")
        writer.beginArray()
        for entry in sample.entries { writer.write(entry) }
        writer.endArray()
        writer.endObject()
        return event("sessionUpdate", writer.buffer)
    }

    static var timeout: ByteBuffer {
        var writer = JSONWriter()
        writer.beginObject()
        writer.name("message")
        writer.string("Session timed out.")
        writer.endObject()
        return EventStreamHeaders([
            .init(":exception-type", .string("SessionTimeoutException")), .init(":content-type", .string(json)),
            .init(":message-type", .string("exception")),
        ]).message(writer.buffer)
    }

    private static func event(_ type: String, _ payload: ByteBuffer) -> ByteBuffer {
        EventStreamHeaders.event(type, contentType: json).message(payload)
    }
}

extension JSONWriter {
    fileprivate mutating func write(_ name: String, _ values: [String]) {
        self.name(name)
        beginArray()
        for value in values { string(value) }
        endArray()
    }

    fileprivate mutating func write(_ entry: LiveTailSample.Entry) {
        beginObject()
        name("logStreamName")
        string(entry.stream.name)
        name("logGroupIdentifier")
        string("\(entry.stream.group.account):\(entry.stream.group.name)")
        name("message")
        string(String(decoding: entry.event.message, as: UTF8.self))
        name("timestamp")
        int(Int(entry.event.position.time))
        name("ingestionTime")
        int(Int(entry.ingested))
        endObject()
    }
}
