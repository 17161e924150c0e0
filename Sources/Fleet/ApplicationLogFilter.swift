import AWSWire
import NIOCore

/// What becomes of a line that a function wrote when its log's format is JSON.
///
/// A JSON object has the level that it names; one without a level or without a timestamp is `INFO`, and one without a
/// timestamp gets it (developer guide, "Log-level filtering"). Anything else passes as it is.
struct ApplicationLogFilter {
    var least: LogLevel

    /// The line to keep; nil when its level is too low.
    func apply(to line: ByteBuffer, at milliseconds: Int64) -> ByteBuffer? {
        guard line.readableBytesView.first == UInt8(ascii: "{"), let object = try? JSONValue(parsing: line),
            object.kind == .object
        else { return line }
        let hasTimestamp = object["timestamp"]?.string != nil
        let named = object["level"]?.string.flatMap { LogLevel(named: $0) }
        guard hasTimestamp ? named ?? .info >= least : least <= .info else { return nil }
        if hasTimestamp || object["timestamp"] != nil { return line }
        var stamped = ByteBufferAllocator().buffer(capacity: line.readableBytes + 48)
        stamped.writeStaticString(#"{"timestamp":""#)
        stamped.writeString(UTCDate(millisecondsSince1970: milliseconds).iso8601)
        let rest = line.readableBytesView.dropFirst()
        let isEmpty = rest.first { $0 != UInt8(ascii: " ") && $0 != 9 && $0 != 13 } == UInt8(ascii: "}")
        stamped.writeString(isEmpty ? "\"" : "\",")
        stamped.writeBytes(rest)
        return stamped
    }
}
