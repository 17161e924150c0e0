/// A reader of HTTP/1.1 that takes nothing that another reader could take for something else: what it does not
/// understand ends the connection. The measure of what the gateway may let through, and nothing more than that. Blanks
/// and feeds around a request line's words it passes over, as the gateway's general parser does and RFC 9112 allows.
enum StrictHTTP {
    struct Request: Equatable, CustomStringConvertible {
        var method: String
        /// Path and query.
        var target: String
        /// Nil equals every body.
        var body: [UInt8]?

        var description: String {
            "\(method) \(target) \(String(decoding: body ?? [], as: UTF8.self).debugDescription)"
        }

        static func == (left: Request, right: Request) -> Bool {
            left.method == right.method && left.target == right.target
                && (left.body == nil || right.body == nil || left.body == right.body)
        }
    }

    static func requests(in bytes: [UInt8]) -> [Request] {
        var reader = Reader(rest: bytes[...])
        var requests: [Request] = []
        while let request = reader.request() { requests.append(request) }
        return requests
    }

    private struct Reader {
        var rest: ArraySlice<UInt8>

        mutating func request() -> Request? {
            // RFC 9112, 2.2: empty lines before a request are passed over, and may end with LF alone.
            rest = rest.drop { $0 == 0x0D || $0 == 0x0A }
            guard let first = line(), first.first != 0x20, first.last != 0x20 else { return nil }
            // RFC 9112, 3: several blanks may stand for the one that there ought to be.
            let words = first.split(separator: 0x20)
            guard words.count == 3, words[0].allSatisfy({ (0x41...0x5A).contains($0) || $0 == 0x2D }),
                ["HTTP/1.1", "HTTP/1.0"].contains(String(decoding: words[2], as: UTF8.self)),
                let fields = fields()
            else { return nil }
            let isOld = words[2].last == UInt8(ascii: "0")
            let lengths = fields.filter { $0.name == "content-length" }.map(\.value)
            let encodings = fields.filter { $0.name == "transfer-encoding" }.map(\.value)
            let body: [UInt8]?
            switch (lengths.count, encodings.count) {
            case (0, 0): body = []
            case (1, 0): body = counted(lengths[0])
            case (0, 1) where !isOld && encodings[0].lowercased() == "chunked": body = chunked()
            default: return nil
            }
            guard let body else { return nil }
            return Request(
                method: String(decoding: words[0], as: UTF8.self),
                target: Self.originForm(String(decoding: words[1], as: UTF8.self)), body: body)
        }

        /// Without its CRLF; nil when there is none, or another control character before it.
        private mutating func line() -> ArraySlice<UInt8>? {
            guard let end = rest.firstIndex(of: 0x0D), rest[end...].starts(with: "\r\n".utf8) else { return nil }
            let line = rest[..<end]
            guard line.allSatisfy({ $0 >= 0x20 && $0 != 0x7F || $0 == 0x09 }) else { return nil }
            rest = rest[(end + 2)...]
            return line
        }

        private mutating func fields() -> [(name: String, value: String)]? {
            var fields: [(name: String, value: String)] = []
            while let line = line() {
                if line.isEmpty { return fields }
                guard let colon = line.firstIndex(of: UInt8(ascii: ":")), colon > line.startIndex else { return nil }
                let name = line[..<colon]
                guard name.allSatisfy(Self.isToken) else { return nil }
                let isBlank = { (byte: UInt8) in byte == 0x20 || byte == 0x09 }
                let value = line[(colon + 1)...].drop(while: isBlank).reversed().drop(while: isBlank).reversed()
                fields.append(
                    (String(decoding: name, as: UTF8.self).lowercased(), String(decoding: Array(value), as: UTF8.self)))
            }
            return nil
        }

        private mutating func counted(_ text: String) -> [UInt8]? {
            guard !text.isEmpty, text.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let length = Int(text),
                length <= rest.count
            else { return nil }
            defer { rest = rest.dropFirst(length) }
            return Array(rest.prefix(length))
        }

        private mutating func chunked() -> [UInt8]? {
            var body: [UInt8] = []
            while let line = line() {
                let digits = line.prefix { Self.isHexadecimal($0) }
                let after = line[digits.endIndex...]
                guard !digits.isEmpty, after.isEmpty || after.first == UInt8(ascii: ";"),
                    let size = Int(String(decoding: digits, as: UTF8.self), radix: 16)
                else { return nil }
                if size == 0 { return fields() == nil ? nil : body }
                guard size <= rest.count - 2, rest.dropFirst(size).starts(with: "\r\n".utf8) else { return nil }
                body += rest.prefix(size)
                rest = rest.dropFirst(size + 2)
            }
            return nil
        }

        private static func originForm(_ target: String) -> String {
            guard target.lowercased().hasPrefix("http://") else { return target }
            let rest = target.utf8.dropFirst(7).drop { $0 != UInt8(ascii: "/") && $0 != UInt8(ascii: "?") }
            let text = String(Substring(rest))
            return text.hasPrefix("/") ? text : "/\(text)"
        }

        private static func isHexadecimal(_ byte: UInt8) -> Bool {
            (0x30...0x39).contains(byte) || (0x41...0x46).contains(byte & 0xDF) && byte >= 0x41
        }

        private static func isToken(_ byte: UInt8) -> Bool {
            (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
                || "!#$%&'*+-.^_`|~".utf8.contains(byte)
        }
    }
}
