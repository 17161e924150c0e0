import AWSWire
import NIOCore

/// The fields that a query finds in an event: those of every event, those of JSON messages, and those of the lines that
/// Lambda writes.
///
/// https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/CWL_AnalyzeLogData-discoverable-fields.html
enum InsightsFields {
    /// How many fields of a JSON message are found, as on AWS.
    private static let limit = 200
    private static let depthLimit = 20

    static func row(of event: EventRecord, log: String, stream: String) -> InsightsRow {
        let message = String(decoding: event.message, as: UTF8.self)
        var row = InsightsRow()
        row.fields = [
            "@timestamp": .time(Double(event.position.time)), "@message": .text(message),
            "@logStream": .text(stream), "@log": .text(log), "@ingestionTime": .time(Double(event.ingested)),
            "@ptr": .text(Base64.encode(event.position.id.utf8)),
        ]
        if event.message.first(where: { !PatternScanner.isSpace($0) }) == UInt8(ascii: "{"),
            let document = try? JSONValue(parsing: ByteBuffer(bytes: event.message), depthLimit: depthLimit)
        {
            var left = limit
            add(document, as: "", to: &row, &left)
        } else {
            addLambda(message, to: &row)
        }
        return row
    }

    /// `a.b.0`: members and elements by their way from the top.
    private static func add(_ value: JSONValue, as name: String, to row: inout InsightsRow, _ left: inout Int) {
        let prefix = name.isEmpty ? "" : name + "."
        switch value.kind {
        case .object: for (key, member) in value.members { add(member, as: prefix + key, to: &row, &left) }
        case .array:
            for (index, element) in value.elements.enumerated() {
                add(element, as: "\(prefix)\(index)", to: &row, &left)
            }
        case .null: return
        case .true, .false, .number, .string:
            guard left > 0, !name.hasPrefix("@") else { return }
            left -= 1
            row[name] = scalar(value)
        }
    }

    private static func scalar(_ value: JSONValue) -> InsightsValue {
        switch value.kind {
        case .true: .bool(true)
        case .false: .bool(false)
        case .number: value.double.map { .number($0) } ?? .text(value.numberText ?? "")
        default: .text(value.string ?? "")
        }
    }

    /// `START RequestId: …`, `END …`, `REPORT RequestId: …\tDuration: 1.23 ms\t…`.
    private static func addLambda(_ message: String, to row: inout InsightsRow) {
        guard let type = ["START", "END", "REPORT"].first(where: { message.hasPrefix("\($0) RequestId: ") }) else {
            return
        }
        row["@type"] = .text(type)
        let rest = message.dropFirst(type.count + " RequestId: ".count)
        row["@requestId"] = .text(String(rest.prefix { !$0.isWhitespace }))
        guard type == "REPORT" else { return }
        for part in rest.split(separator: "\t") {
            guard let colon = part.firstRange(of: ": "), let field = reported[String(part[..<colon.lowerBound])] else {
                continue
            }
            let value = part[colon.upperBound...].prefix { $0.isNumber || $0 == "." }
            guard let number = Double(value) else { continue }
            // Sizes are told in bytes.
            row[field] = .number(part.hasSuffix("MB") || part.hasSuffix("MB\n") ? number * 1_000_000 : number)
        }
    }

    private static let reported = [
        "Duration": "@duration", "Billed Duration": "@billedDuration", "Memory Size": "@memorySize",
        "Max Memory Used": "@maxMemoryUsed", "Init Duration": "@initDuration", "Restore Duration": "@restoreDuration",
    ]
}
