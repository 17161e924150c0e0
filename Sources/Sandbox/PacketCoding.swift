/// A packet that does not say what it should.
package struct PacketError: Error, Sendable, Hashable {
    /// What was being read.
    package var field: String
    package init(_ field: String) { self.field = field }
}

/// Writes little-endian numbers and counted, zero-terminated byte strings.
struct PacketWriter {
    private(set) var bytes: [UInt8] = []

    mutating func put(_ value: some FixedWidthInteger) {
        withUnsafeBytes(of: value.littleEndian) { bytes.append(contentsOf: $0) }
    }

    mutating func put(bytes value: some Collection<UInt8>) {
        put(UInt32(value.count))
        bytes.append(contentsOf: value)
        bytes.append(0)
    }

    mutating func put(_ value: String) { put(bytes: value.utf8) }

    mutating func put(_ values: [String]) {
        put(UInt32(values.count))
        for value in values { put(value) }
    }
}

/// Reads what ``PacketWriter`` writes, from bytes that anybody may have made: nothing is read past the end, no count is
/// believed before the bytes for it are there.
package struct PacketReader {
    private let bytes: UnsafeRawBufferPointer
    private var offset = 0

    package init(_ bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

    mutating func number<Number: FixedWidthInteger>(
        _ type: Number.Type, _ field: String
    ) throws(PacketError) -> Number {
        let size = MemoryLayout<Number>.size
        guard bytes.count - offset >= size else { throw PacketError(field) }
        defer { offset += size }
        return Number(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: Number.self))
    }

    /// Where a byte string lies; the byte after it is a zero.
    mutating func range(_ field: String) throws(PacketError) -> Range<Int> {
        let count = Int(try number(UInt32.self, field))
        guard count < bytes.count - offset, bytes[offset + count] == 0 else { throw PacketError(field) }
        defer { offset += count + 1 }
        return offset..<offset + count
    }

    /// Where a C string lies: no zero inside.
    mutating func textRange(_ field: String) throws(PacketError) -> Range<Int> {
        let range = try range(field)
        if bytes[range].contains(0) { throw PacketError(field) }
        return range
    }

    /// UTF-8 without zeros.
    mutating func text(_ field: String) throws(PacketError) -> String {
        let range = try textRange(field)
        guard let text = String(validating: bytes[range], as: UTF8.self) else { throw PacketError(field) }
        return text
    }

    mutating func data(_ field: String) throws(PacketError) -> [UInt8] { Array(bytes[try range(field)]) }

    mutating func list<Element>(
        _ field: String, maximum: Int, _ element: (inout PacketReader) throws(PacketError) -> Element
    ) throws(PacketError) -> [Element] {
        let count = Int(try number(UInt32.self, field))
        // Every element takes at least one byte: a count beyond that is a lie, and would reserve memory for it.
        guard count <= maximum, count <= bytes.count - offset else { throw PacketError(field) }
        var elements: [Element] = []
        elements.reserveCapacity(count)
        for _ in 0..<count { elements.append(try element(&self)) }
        return elements
    }

    mutating func texts(_ field: String, maximum: Int) throws(PacketError) -> [String] {
        try list(field, maximum: maximum) { (reader) throws(PacketError) in try reader.text(field) }
    }

    /// Fails unless everything has been read.
    func finish() throws(PacketError) {
        if offset != bytes.count { throw PacketError("end") }
    }
}
