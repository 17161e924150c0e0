package import NIOCore

/// Appends CBOR (RFC 8949) to a buffer, in the order of the calls.
///
/// Containers are of indefinite length, for what comes is known only when it has come.
package struct CBORWriter: Sendable {
    package private(set) var buffer: ByteBuffer

    package init(into buffer: ByteBuffer = ByteBuffer()) { self.buffer = buffer }

    package mutating func beginObject() { buffer.writeInteger(CBOR.Head.map | CBOR.Head.indefinite) }
    package mutating func endObject() { buffer.writeInteger(CBOR.Head.stop) }
    package mutating func beginArray() { buffer.writeInteger(CBOR.Head.array | CBOR.Head.indefinite) }
    package mutating func endArray() { buffer.writeInteger(CBOR.Head.stop) }

    package mutating func name(_ name: String) { string(name) }

    package mutating func null() { buffer.writeInteger(CBOR.Head.null) }
    package mutating func bool(_ value: Bool) { buffer.writeInteger(value ? CBOR.Head.true : CBOR.Head.false) }

    package mutating func int(_ value: Int) {
        if value < 0 { head(CBOR.Head.negative, UInt64(-1 - value)) } else { head(CBOR.Head.unsigned, UInt64(value)) }
    }

    /// Always of eight bytes: readers tell doubles from whole numbers by it.
    package mutating func double(_ value: Double) {
        buffer.writeInteger(CBOR.Head.double)
        buffer.writeInteger(value.bitPattern)
    }

    /// A point in time: seconds since 1970, marked as such, with milliseconds.
    package mutating func timestamp(secondsSinceEpoch seconds: Double) {
        buffer.writeInteger(CBOR.Head.tag | CBOR.Tag.epoch)
        double((seconds * 1000).rounded() / 1000)
    }

    package mutating func string(_ value: String) {
        head(CBOR.Head.text, UInt64(value.utf8.count))
        buffer.writeString(value)
    }

    package mutating func blob(_ bytes: some Sequence<UInt8>) {
        let bytes = Array(bytes)
        head(CBOR.Head.bytes, UInt64(bytes.count))
        buffer.writeBytes(bytes)
    }

    /// Writes a value as JSON has it.
    package mutating func write(_ value: JSONValue) {
        switch value.kind {
        case .null: null()
        case .true: bool(true)
        case .false: bool(false)
        case .number:
            let text = value.numberText ?? "0"
            if let whole = Int(text) { int(whole) } else { double(value.double ?? 0) }
        case .string: string(value.string ?? "")
        case .array:
            beginArray()
            for element in value.elements { write(element) }
            endArray()
        case .object:
            beginObject()
            for (name, member) in value.members {
                self.name(name)
                write(member)
            }
            endObject()
        }
    }

    /// The shortest form of a head.
    private mutating func head(_ kind: UInt8, _ argument: UInt64) {
        switch argument {
        case 0..<24: buffer.writeInteger(kind | UInt8(argument))
        case ...UInt64(UInt8.max):
            buffer.writeInteger(kind | 24)
            buffer.writeInteger(UInt8(argument))
        case ...UInt64(UInt16.max):
            buffer.writeInteger(kind | 25)
            buffer.writeInteger(UInt16(argument))
        case ...UInt64(UInt32.max):
            buffer.writeInteger(kind | 26)
            buffer.writeInteger(UInt32(argument))
        default:
            buffer.writeInteger(kind | 27)
            buffer.writeInteger(argument)
        }
    }
}
