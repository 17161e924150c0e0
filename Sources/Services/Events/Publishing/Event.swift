import AWSWire
import NIOCore

/// An event as buses carry it.
///
/// https://docs.aws.amazon.com/eventbridge/latest/ref/overiew-event-structure.html
struct Event: Sendable {
    /// What an event says of itself.
    struct Content: Sendable {
        var id: String
        var source: String
        var detailType: String
        /// Twelve digits.
        var account: String
        var region: String
        /// As the document has it.
        var time: String
        var resources: [String] = []
        /// The JSON of an object.
        var detail: ByteBuffer
        var replayName: String?
    }

    let content: Content
    /// Milliseconds since 1970: its time, as finely as it was given, and when it came.
    let milliseconds: Int64
    let ingested: Int64
    /// What ``Parcel/trace`` is to be.
    var trace: String?
    /// How often it was passed on from bus to bus.
    var hops = 0
    /// The whole document, and the same read.
    let json: ByteBuffer
    let value: JSONValue

    var id: String { content.id }
    var source: String { content.source }
    var replayName: String? { content.replayName }

    init(_ content: Content, milliseconds: Int64, ingested: Int64) throws(JSONSyntaxError) {
        self.content = content
        self.milliseconds = milliseconds
        self.ingested = ingested
        json = content.document
        value = try JSONValue(parsing: json)
    }

    /// - Returns: nil for what is no event's document.
    init?(document: ByteBuffer, milliseconds: Int64? = nil, ingested: Int64) {
        guard let value = try? JSONValue(parsing: document), let content = Content(value) else { return nil }
        try? self.init(content, milliseconds: milliseconds ?? ingested, ingested: ingested)
    }

    /// - Returns: nil for what is no time as events have it.
    static func milliseconds(_ time: String) -> Int64? {
        SigV4Time(basic: time.filter { $0 != "-" && $0 != ":" }).map { $0.secondsSince1970 * 1_000 }
    }

    /// - Returns: nil for what lies before 1970 or after 9999, which no document can say.
    static func milliseconds(seconds: Double) -> Int64? {
        let milliseconds = (seconds * 1_000).rounded()
        return (0..<RequestTime.years.upperBound * 1_000).contains(milliseconds) ? Int64(milliseconds) : nil
    }

    static func time(_ milliseconds: Int64) -> String {
        SigV4Time(secondsSince1970: milliseconds / 1_000).extended
    }
}

extension Event.Content {
    /// - Returns: nil for what is no event's document.
    init?(_ value: JSONValue) {
        guard let id = value["id"]?.string, let source = value["source"]?.string,
            let detailType = value["detail-type"]?.string, let account = value["account"]?.string,
            let region = value["region"]?.string, let time = value["time"]?.string
        else { return nil }
        var writer = JSONWriter()
        if let detail = value["detail"] { writer.write(detail) } else { writer.raw(ByteBuffer(string: "{}")) }
        self.init(
            id: id, source: source, detailType: detailType, account: account, region: region, time: time,
            resources: value["resources"]?.elements.compactMap(\.string) ?? [], detail: writer.buffer,
            replayName: value["replay-name"]?.string)
    }

    /// Compact, its members in AWS's order.
    fileprivate var document: ByteBuffer {
        var writer = JSONWriter()
        writer.beginObject()
        write(to: &writer, typeName: "detail-type", replayName: "replay-name")
        writer.name("detail")
        writer.raw(detail)
        writer.endObject()
        return writer.buffer
    }

    /// What a transformer's `<aws.events.event>` is: all but the detail, under names of its own.
    var summary: ByteBuffer {
        var writer = JSONWriter()
        writer.beginObject()
        write(to: &writer, typeName: "detailType", replayName: "replayName")
        writer.endObject()
        return writer.buffer
    }

    private func write(to writer: inout JSONWriter, typeName: String, replayName nameOfReplay: String) {
        writer.member("version", "0")
        writer.member("id", id)
        writer.member(typeName, detailType)
        writer.member("source", source)
        writer.member("account", account)
        writer.member("time", time)
        writer.member("region", region)
        if let replayName { writer.member(nameOfReplay, replayName) }
        writer.name("resources")
        writer.beginArray()
        for resource in resources { writer.string(resource) }
        writer.endArray()
    }
}
