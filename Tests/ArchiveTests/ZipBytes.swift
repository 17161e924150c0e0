/// Builds zips byte by byte, broken ones included: offsets and fields as in PKWARE's APPNOTE 6.3.10.
struct ZipBytes {
    struct Entry {
        var name: [UInt8]
        /// The name in the central directory, when that is another one.
        var directoryName: [UInt8]?
        var contents: [UInt8]
        /// Unix mode with the file type.
        var mode: UInt32
        var flags: UInt16 = 0
        /// What the headers say instead of the truth.
        var claimedSize: UInt32?
        var claimedChecksum: UInt32?
        /// 3 is Unix, 0 is DOS.
        var system: UInt8 = 3
    }

    var entries: [Entry] = []

    init(_ entries: [Entry] = []) { self.entries = entries }

    var bytes: [UInt8] {
        var output: [UInt8] = []
        var directory: [UInt8] = []
        for entry in entries {
            let offset = UInt32(output.count)
            let common =
                half(20) + half(entry.flags) + half(0) + half(0) + half(0x21)
                + word(entry.claimedChecksum ?? checksum(entry.contents))
                + word(entry.claimedSize ?? UInt32(entry.contents.count))
                + word(entry.claimedSize ?? UInt32(entry.contents.count))
            output += word(0x0403_4b50) + common + half(UInt16(entry.name.count)) + half(0)
            output += entry.name + entry.contents
            let name = entry.directoryName ?? entry.name
            directory += word(0x0201_4b50) + [20, entry.system] + common + half(UInt16(name.count)) + half(0) + half(0)
            directory += half(0) + half(0) + word(entry.mode << 16) + word(offset) + name
        }
        let start = UInt32(output.count)
        let count = UInt16(entries.count)
        return output + directory + word(0x0605_4b50) + half(0) + half(0) + half(count) + half(count)
            + word(UInt32(directory.count)) + word(start) + half(0)
    }
}

extension ZipBytes.Entry {
    static func file(_ name: String, _ contents: String = "x", mode: UInt32 = 0o644) -> Self {
        Self(name: Array(name.utf8), contents: Array(contents.utf8), mode: 0o100_000 | mode)
    }

    static func directory(_ name: String) -> Self {
        Self(name: Array(name.utf8), contents: [], mode: 0o040_755)
    }

    static func link(_ name: String, to target: String) -> Self {
        Self(name: Array(name.utf8), contents: Array(target.utf8), mode: 0o120_777)
    }

    func with(_ change: (inout Self) -> Void) -> Self {
        var copy = self
        change(&copy)
        return copy
    }
}

private func half(_ value: UInt16) -> [UInt8] { [UInt8(truncatingIfNeeded: value), UInt8(value >> 8)] }

private func word(_ value: UInt32) -> [UInt8] { (0..<4).map { UInt8(truncatingIfNeeded: value >> ($0 * 8)) } }

/// CRC-32 of ISO 3309.
private func checksum(_ bytes: [UInt8]) -> UInt32 {
    ~bytes.reduce(~0) { sum, byte in
        (0..<8).reduce(sum ^ UInt32(byte)) { value, _ in value >> 1 ^ (value & 1 == 0 ? 0 : 0xedb8_8320) }
    }
}
