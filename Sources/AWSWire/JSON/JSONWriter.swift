package import NIOCore

/// Appends JSON to a buffer, compact, in the order of the calls.
///
/// Commas are its business; that calls nest and that every value of an object has a name is the caller's.
package struct JSONWriter: Sendable {
    package private(set) var buffer: ByteBuffer
    /// Whether the next value or name in the present container is not the first.
    private var needsComma = false

    package init(into buffer: ByteBuffer = ByteBuffer()) { self.buffer = buffer }

    package mutating func beginObject() { open(UInt8(ascii: "{")) }
    package mutating func endObject() { close(UInt8(ascii: "}")) }
    package mutating func beginArray() { open(UInt8(ascii: "[")) }
    package mutating func endArray() { close(UInt8(ascii: "]")) }

    /// Writes a member's name; its value must follow.
    package mutating func name(_ name: String) {
        separate()
        quote(name)
        buffer.writeInteger(UInt8(ascii: ":"))
        needsComma = false
    }

    package mutating func null() { literal("null") }
    package mutating func bool(_ value: Bool) { literal(value ? "true" : "false") }
    package mutating func int(_ value: Int) { literal(String(value)) }

    /// Writes a number, a whole one as AWS does: `3.0`. Infinities and NaN become the strings that AWS's protocols
    /// spell for them.
    package mutating func double(_ value: Double) {
        if value.isNaN { return string("NaN") }
        if value.isInfinite { return string(value < 0 ? "-Infinity" : "Infinity") }
        literal(value.description)
    }

    /// Writes a point in time the way rest-json and json bodies do by default: seconds since 1970 with milliseconds.
    package mutating func timestamp(secondsSinceEpoch seconds: Double) { double((seconds * 1000).rounded() / 1000) }

    package mutating func string(_ value: String) {
        separate()
        quote(value)
        needsComma = true
    }

    /// Writes bytes as a base64 string.
    package mutating func blob(_ bytes: some Sequence<UInt8>) { string(Base64.encode(bytes)) }

    /// Writes text that is JSON already, unchecked.
    package mutating func raw(_ json: ByteBuffer) {
        separate()
        buffer.writeImmutableBuffer(json)
        needsComma = true
    }

    private mutating func open(_ bracket: UInt8) {
        separate()
        buffer.writeInteger(bracket)
        needsComma = false
    }

    private mutating func close(_ bracket: UInt8) {
        buffer.writeInteger(bracket)
        needsComma = true
    }

    private mutating func literal(_ text: String) {
        separate()
        buffer.writeString(text)
        needsComma = true
    }

    private mutating func separate() { if needsComma { buffer.writeInteger(UInt8(ascii: ",")) } }

    /// Quotes text: only what RFC 8259 demands is escaped, the rest is UTF-8.
    private mutating func quote(_ text: String) {
        buffer.writeInteger(UInt8(ascii: "\""))
        if text.utf8.contains(where: { $0 < 0x20 || $0 == UInt8(ascii: "\"") || $0 == UInt8(ascii: "\\") }) {
            for byte in text.utf8 { escape(byte) }
        } else {
            buffer.writeString(text)
        }
        buffer.writeInteger(UInt8(ascii: "\""))
    }

    private mutating func escape(_ byte: UInt8) {
        switch byte {
        case UInt8(ascii: "\""): buffer.writeStaticString("\\\"")
        case UInt8(ascii: "\\"): buffer.writeStaticString("\\\\")
        case 0x08: buffer.writeStaticString("\\b")
        case 0x09: buffer.writeStaticString("\\t")
        case 0x0a: buffer.writeStaticString("\\n")
        case 0x0c: buffer.writeStaticString("\\f")
        case 0x0d: buffer.writeStaticString("\\r")
        case 0..<0x20:
            buffer.writeStaticString("\\u00")
            buffer.writeString(byte < 0x10 ? "0" : "1")
            buffer.writeString(String(byte & 15, radix: 16))
        default: buffer.writeInteger(byte)
        }
    }
}
