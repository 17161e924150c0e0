/// What a trace header says: `Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1`.
/// https://docs.aws.amazon.com/xray/latest/devguide/xray-concepts.html#xray-concepts-tracingheader
struct TraceContext: Sendable, Hashable {
    /// The trace's id.
    var root: String
    /// The segment that caused this; 16 hexadecimal digits.
    var parent: String?
    /// The fields as they came.
    private var fields: [Substring]

    /// - Parameter header: From anybody.
    /// - Returns: nil unless it names a trace.
    init?(_ header: String) {
        fields = header.split(separator: ";")
        var root: Substring?
        for field in fields {
            guard let equals = field.firstIndex(of: "=") else { continue }
            let value = field[field.index(after: equals)...]
            switch field[..<equals].lowercased() {
            case "root": root = value
            case "parent": parent = Self.isHexadecimal(value, 16) ? String(value) : nil
            default: break
            }
        }
        guard let root, Self.isTrace(root) else { return nil }
        self.root = String(root)
    }

    /// The header for what `parent` causes.
    func header(parent: String) -> String {
        var fields = fields.filter { !$0.lowercased().hasPrefix("parent=") }
        fields.insert("Parent=\(parent)", at: min(1, fields.count))
        return fields.joined(separator: ";")
    }

    /// A new segment's id.
    static func makeID() -> String {
        let digits = String(UInt64.random(in: 1 ... .max), radix: 16)
        return String(repeating: "0", count: 16 - digits.utf8.count) + digits
    }

    private static func isTrace(_ text: Substring) -> Bool {
        let parts = text.split(separator: "-", omittingEmptySubsequences: false)
        return parts.count == 3 && parts[0] == "1" && isHexadecimal(parts[1], 8) && isHexadecimal(parts[2], 24)
    }

    private static func isHexadecimal(_ text: Substring, _ count: Int) -> Bool {
        text.utf8.count == count
            && text.utf8.allSatisfy { (0x30...0x39).contains($0) || (0x61...0x66).contains($0 | 0x20) }
    }
}
