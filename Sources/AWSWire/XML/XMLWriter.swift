package import NIOCore

/// Appends XML to a buffer, compact, in the order of the calls. That elements nest is the caller's business.
package struct XMLWriter: Sendable {
    package private(set) var buffer: ByteBuffer

    package init(into buffer: ByteBuffer = ByteBuffer()) { self.buffer = buffer }

    /// - Parameter namespace: The default namespace from here on; nil or empty leaves it as it is.
    package mutating func open(_ name: String, namespace: String? = nil) {
        buffer.writeStaticString("<")
        buffer.writeString(name)
        if let namespace, !namespace.isEmpty {
            buffer.writeStaticString(" xmlns=\"")
            buffer.writeString(namespace)
            buffer.writeStaticString("\"")
        }
        buffer.writeStaticString(">")
    }

    package mutating func close(_ name: String) {
        buffer.writeStaticString("</")
        buffer.writeString(name)
        buffer.writeStaticString(">")
    }

    /// An element that holds what `content` writes.
    package mutating func element(_ name: String, _ content: (inout XMLWriter) -> Void) {
        open(name)
        content(&self)
        close(name)
    }

    /// An element that holds nothing, in one tag.
    package mutating func empty(_ name: String) {
        buffer.writeStaticString("<")
        buffer.writeString(name)
        buffer.writeStaticString("/>")
    }

    /// Takes back what was written since.
    mutating func truncate(to index: Int) { buffer.moveWriterIndex(to: index) }

    // MARK: Scalars

    package mutating func string(_ value: String) {
        let isPlain = value.utf8.allSatisfy { byte in
            byte >= 0x20 && byte != UInt8(ascii: "&") && byte != UInt8(ascii: "<") && byte != UInt8(ascii: ">")
        }
        buffer.writeString(isPlain ? value : Self.escaped(value))
    }

    package mutating func bool(_ value: Bool) { buffer.writeString(value ? "true" : "false") }
    package mutating func int(_ value: Int) { buffer.writeString(String(value)) }

    /// A number; a whole one within 2⁵³ has no exponent.
    package mutating func double(_ value: Double) {
        if value.isNaN {
            buffer.writeStaticString("NaN")
        } else if value.isInfinite {
            buffer.writeString(value < 0 ? "-Infinity" : "Infinity")
        } else {
            buffer.writeString(value.description)
        }
    }

    package mutating func blob(_ bytes: some Sequence<UInt8>) { buffer.writeString(Base64.encode(bytes)) }

    /// A point in time in UTC (ISO 8601), with milliseconds where it has them: `2026-11-27T22:04:07Z`.
    package mutating func timestamp(secondsSinceEpoch seconds: Double) {
        let milliseconds = Int64((seconds * 1000).rounded())
        let time = SigV4Time(secondsSince1970: milliseconds / 1000)
        let fraction = milliseconds % 1000
        guard fraction > 0 else {
            buffer.writeString(time.extended)
            return
        }
        let digits = String(1000 + fraction).dropFirst()
        buffer.writeString("\(time.extended.dropLast()).\(digits)Z")
    }

    /// Text as it stands between tags. Carriage returns are written as references, for readers take bare ones away.
    static func escaped(_ text: String) -> String {
        var escaped = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "&": escaped += "&amp;"
            case "<": escaped += "&lt;"
            case ">": escaped += "&gt;"
            case "\r": escaped += "&#xD;"
            // XML has no other control characters, however they are written.
            case "\u{fffe}", "\u{ffff}": escaped += "\u{fffd}"
            case "\u{20}"..., "\t", "\n": escaped.unicodeScalars.append(scalar)
            default: escaped += "\u{fffd}"
            }
        }
        return escaped
    }
}
