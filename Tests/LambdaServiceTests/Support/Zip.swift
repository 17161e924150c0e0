/// Zip files made by hand (APPNOTE.TXT 6.3.10), stored without compression.
enum Zip {
    struct Entry {
        var name: String
        var contents: [UInt8]
        /// Unix permissions.
        var mode: UInt32 = 0o100644
    }

    static func archive(_ files: [(name: String, contents: String)]) -> [UInt8] {
        archive(files.map { Entry(name: $0.name, contents: Array($0.contents.utf8)) })
    }

    static func archive(_ entries: [Entry]) -> [UInt8] {
        var bytes: [UInt8] = []
        var directory: [UInt8] = []
        for entry in entries {
            let offset = bytes.count
            let common =
                little16(20) + little16(0) + little16(0) + little16(0) + little16(0x5a21)
                + little32(crc32(entry.contents))
                + little32(UInt32(entry.contents.count)) + little32(UInt32(entry.contents.count))
                + little16(UInt16(entry.name.utf8.count)) + little16(0)
            bytes += little32(0x0403_4b50) + common + entry.name.utf8 + entry.contents
            directory +=
                little32(0x0201_4b50) + little16(0x031e) + common + little16(0) + little16(0) + little16(0)
                + little32(entry.mode << 16) + little32(UInt32(offset)) + entry.name.utf8
        }
        let end =
            little32(0x0605_4b50) + little16(0) + little16(0) + little16(UInt16(entries.count))
            + little16(UInt16(entries.count)) + little32(UInt32(directory.count)) + little32(UInt32(bytes.count))
            + little16(0)
        return bytes + directory + end
    }

    static func crc32(_ bytes: [UInt8]) -> UInt32 {
        var crc: UInt32 = 0xffff_ffff
        for byte in bytes {
            crc ^= UInt32(byte)
            for _ in 0..<8 { crc = crc & 1 == 1 ? crc >> 1 ^ 0xedb8_8320 : crc >> 1 }
        }
        return ~crc
    }

    private static func little16(_ value: UInt16) -> [UInt8] { [UInt8(value & 0xff), UInt8(value >> 8)] }
    private static func little32(_ value: UInt32) -> [UInt8] {
        (0..<4).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
    }
}
