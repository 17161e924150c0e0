/// Percent-encoding of paths and queries (RFC 3986).
package enum PercentEncoding {
    /// Which of the two rules for `+` holds.
    package enum Part: Sendable {
        /// `+` is itself.
        case path
        /// `+` is a space, as HTML forms have it.
        case query
    }

    /// - Returns: nil when a `%` is not followed by two hexadecimal digits, or the result is not UTF-8.
    package static func decode(_ text: some StringProtocol, in part: Part) -> String? {
        let source = text.utf8
        guard source.contains(where: { $0 == UInt8(ascii: "%") || $0 == UInt8(ascii: "+") }) else {
            return String(text)
        }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(source.count)
        var rest = source.makeIterator()
        while let byte = rest.next() {
            switch byte {
            case UInt8(ascii: "%"):
                guard let high = rest.next().flatMap(hexValue), let low = rest.next().flatMap(hexValue) else {
                    return nil
                }
                bytes.append(high << 4 | low)
            case UInt8(ascii: "+") where part == .query: bytes.append(UInt8(ascii: " "))
            default: bytes.append(byte)
            }
        }
        return String(validating: bytes, as: UTF8.self)
    }

    /// Encodes every byte but `A-Z a-z 0-9 - . _ ~`, with upper-case digits: AWS's rule for signatures.
    package static func encode(_ text: some StringProtocol, keepingSlashes: Bool = false) -> String {
        var encoded: [UInt8] = []
        encoded.reserveCapacity(text.utf8.count)
        append(text.utf8, keepingSlashes: keepingSlashes, to: &encoded)
        return String(decoding: encoded, as: UTF8.self)
    }

    /// As ``encode(_:keepingSlashes:)``.
    static func append(_ bytes: some Sequence<UInt8>, keepingSlashes: Bool = false, to output: inout [UInt8]) {
        for byte in bytes {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"),
                UInt8(ascii: "~"):
                output.append(byte)
            case UInt8(ascii: "/") where keepingSlashes: output.append(byte)
            default:
                output.append(UInt8(ascii: "%"))
                output.append(digits[Int(byte >> 4)])
                output.append(digits[Int(byte & 15)])
            }
        }
    }

    private static let digits = Array("0123456789ABCDEF".utf8)
}

/// The parameters of a query string in their order, decoded.
package struct QueryParameters: Sendable {
    package private(set) var pairs: [(name: String, value: String)] = []

    /// Reads what follows `?`. A parameter without `=` has an empty value; one that cannot be decoded is left out.
    ///
    /// - Parameter limit: How many parameters are read at most.
    package init(_ query: String?, limit: Int = .max) {
        guard let query, !query.isEmpty else { return }
        let parts = query.split(separator: "&", maxSplits: limit)
        for part in parts.prefix(limit) {
            let separator = part.firstIndex(of: "=") ?? part.endIndex
            let rest = separator == part.endIndex ? "" : part[part.index(after: separator)...]
            guard let name = PercentEncoding.decode(part[..<separator], in: .query),
                let value = PercentEncoding.decode(rest, in: .query)
            else { continue }
            pairs.append((name, value))
        }
    }

    /// The first parameter of that name.
    package subscript(name: String) -> String? { pairs.first { $0.name == name }?.value }

    /// Every parameter of that name, in order.
    package func all(_ name: String) -> [String] { pairs.filter { $0.name == name }.map(\.value) }
}
