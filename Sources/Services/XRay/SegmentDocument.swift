import AWSWire
import NIOCore

/// A segment document that was checked, and what is kept of it beside its text:
/// https://docs.aws.amazon.com/xray/latest/devguide/xray-api-segmentdocuments.html
struct SegmentDocument: Sendable, Hashable {
    /// AWS's bounds: one document, and all documents of a trace.
    static let maximumBytes = 65_536
    static let maximumTraceBytes = 500_000
    private static let nameLength = 200
    /// The times that are taken, seconds since 1970.
    private static let times = 0..<RequestTime.years.upperBound

    var traceID: TraceIdentifier
    /// 16 hexadecimal digits.
    var id: String
    /// Milliseconds since 1970.
    var start: Int64
    /// As ``start`` while the segment is in progress.
    var end: Int64
    var isComplete: Bool
    var text: String

    /// Why a document is not taken: what `UnprocessedTraceSegments` and the daemons' logs say of it. Logged of AWS
    /// are `MissingId` (https://github.com/humanmade/aws-xray/issues/29) and `InvalidName`
    /// (https://github.com/aws/aws-xray-daemon/issues/184).
    enum Refusal: String, Error, Hashable {
        case parse = "ParseError"
        case traceID = "InvalidTraceId"
        case id = "InvalidId"
        case missingID = "MissingId"
        case name = "InvalidName"
        case tooLarge = "SegmentTooLarge"

        var message: String { "Invalid segment. ErrorCode: \(rawValue)" }
    }

    /// - Parameter bytes: From anybody.
    init(_ bytes: ByteBuffer) throws(Refusal) {
        guard bytes.readableBytes <= Self.maximumBytes else { throw .tooLarge }
        guard let json = try? JSONValue(parsing: bytes), json.kind == .object,
            let text = String(validating: bytes.readableBytesView, as: UTF8.self)
        else { throw .parse }
        guard let own = json["id"], !own.isNull else { throw .missingID }
        guard let trace = json["trace_id"]?.string.flatMap(TraceIdentifier.init) else { throw .traceID }
        guard let id = own.string, Self.isID(id) else { throw .id }
        if let parent = json["parent_id"], !parent.isNull, !(parent.string.map(Self.isID) ?? false) { throw .id }
        guard let name = json["name"]?.string, (1...Self.nameLength).contains(name.unicodeScalars.count) else {
            throw .name
        }
        guard let start = json["start_time"]?.double, Self.times.contains(start) else { throw .parse }
        let end = json["end_time"]?.double
        if let end, !Self.times.contains(end) { throw .parse }
        isComplete = end != nil && json["in_progress"]?.bool != true
        traceID = trace
        self.id = id
        self.start = Int64((start * 1000).rounded())
        self.end = Int64(((end ?? start) * 1000).rounded())
        self.text = text
    }

    /// The `id` of a document that was refused, as far as it can be read.
    static func id(of bytes: ByteBuffer) -> String? {
        guard bytes.readableBytes <= maximumBytes else { return nil }
        return (try? JSONValue(parsing: bytes))?["id"]?.string
    }

    private static func isID(_ text: String) -> Bool { text.utf8.count == 16 && text.utf8.allSatisfy(\.isHexadecimal) }
}

/// `1-5759e988-bd862e3fe1be46a994272793`: a version, the time of the trace in hex, and 96 random bits.
struct TraceIdentifier: Sendable, Hashable {
    var text: String
    /// Seconds since 1970.
    var time: Int64

    init?(_ text: String) {
        let parts = text.split(separator: "-", omittingEmptySubsequences: false)
        guard parts.count == 3, parts[0] == "1", parts[1].utf8.count == 8, parts[2].utf8.count == 24,
            parts[1].utf8.allSatisfy(\.isHexadecimal), parts[2].utf8.allSatisfy(\.isHexadecimal),
            let time = Int64(parts[1], radix: 16)
        else { return nil }
        self.text = text
        self.time = time
    }
}

extension UInt8 {
    var isHexadecimal: Bool { (0x30...0x39).contains(self) || (0x61...0x66).contains(self | 0x20) }
}
