import CZlib
import NIOCore

/// The checksum of event streams: CRC-32 as of zlib and Ethernet.
struct CRC32: Equatable {
    private(set) var value: UInt32 = 0

    mutating func update(_ bytes: ByteBuffer) {
        bytes.withUnsafeReadableBytes { bytes in
            guard let start = bytes.baseAddress else { return }
            value = UInt32(
                truncatingIfNeeded: crc32_z(uLong(value), start.assumingMemoryBound(to: Bytef.self), bytes.count))
        }
    }

    static func of(_ bytes: ByteBuffer) -> UInt32 {
        var sum = CRC32()
        sum.update(bytes)
        return sum.value
    }
}
