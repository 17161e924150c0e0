import AWSWire
import NIOCore

/// Writes one segment document:
/// https://docs.aws.amazon.com/xray/latest/devguide/xray-api-segmentdocuments.html
struct SegmentWriter {
    /// A function's error documents can be as large as its answers: of longer ones the words are left out.
    private static let maximumFailure = 16_384
    private var writer = JSONWriter()

    /// - Parameters:
    ///   - began: Milliseconds since 1970.
    ///   - ended: No earlier, whatever the clock was set to meanwhile.
    init(id: String, name: String, began: Int64, ended: Int64) {
        writer.beginObject()
        head(id: id, name: name, began: began, ended: ended)
    }

    private mutating func head(id: String, name: String, began: Int64, ended: Int64) {
        member("id", id)
        member("name", name)
        writer.name("start_time")
        writer.double(Double(began) / 1000)
        writer.name("end_time")
        writer.double(Double(max(began, ended)) / 1000)
    }

    mutating func member(_ name: String, _ value: String) {
        writer.member(name, value)
    }

    mutating func flag(_ name: String) {
        writer.name(name)
        writer.bool(true)
    }

    mutating func object(_ name: String, _ body: (inout JSONWriter) -> Void) {
        writer.name(name)
        writer.beginObject()
        body(&writer)
        writer.endObject()
    }

    /// What an error document says.
    mutating func cause(_ document: ByteBuffer) {
        flag("fault")
        guard document.readableBytes <= Self.maximumFailure, let json = try? JSONValue(parsing: document) else {
            return
        }
        let (type, message) = (json["errorType"]?.string, json["errorMessage"]?.string)
        if type == nil, message == nil { return }
        object("cause") { writer in
            writer.name("exceptions")
            writer.beginArray()
            writer.beginObject()
            writer.member("id", TraceContext.makeID())
            if let type { writer.member("type", type) }
            if let message { writer.member("message", message) }
            writer.endObject()
            writer.endArray()
        }
    }

    mutating func subsegments(_ parts: [(name: String, began: Int64, ended: Int64)], arn: String) {
        writer.name("subsegments")
        writer.beginArray()
        for part in parts {
            writer.beginObject()
            head(id: TraceContext.makeID(), name: part.name, began: part.began, ended: part.ended)
            object("aws") { $0.member("function_arn", arn) }
            writer.endObject()
        }
        writer.endArray()
    }

    consuming func finish() -> ByteBuffer {
        writer.endObject()
        return writer.buffer
    }
}
