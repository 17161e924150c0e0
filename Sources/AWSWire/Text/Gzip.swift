import CZlib
package import NIOCore

/// Gzip, as RFC 1952 has it.
package enum Gzip {
    /// The bytes as one member of a gzip file.
    package static func compress(_ bytes: [UInt8]) -> [UInt8] {
        var stream = z_stream()
        let version = ZLIB_VERSION
        // 16 more than the largest window asks for gzip's header and trailer.
        let begun = deflateInit2_(
            &stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY, version,
            Int32(MemoryLayout<z_stream>.size))
        precondition(begun == Z_OK, "zlib has no memory")
        defer { deflateEnd(&stream) }
        let bound = Int(deflateBound(&stream, UInt(bytes.count)))
        var input = bytes
        return input.withUnsafeMutableBufferPointer { input in
            [UInt8](unsafeUninitializedCapacity: bound) { output, count in
                stream.next_in = input.baseAddress
                stream.avail_in = UInt32(input.count)
                stream.next_out = output.baseAddress
                stream.avail_out = UInt32(bound)
                let ended = deflate(&stream, Z_FINISH)
                precondition(ended == Z_STREAM_END, "zlib's own bound was too small")
                count = Int(stream.total_out)
            }
        }
    }

    /// What was compressed.
    ///
    /// - Parameter limit: More bytes than these are not made, however few they are compressed.
    /// - Returns: nil unless the bytes are one whole member of a gzip file of no more than that.
    package static func decompress(_ bytes: ByteBuffer, limit: Int) -> ByteBuffer? {
        var stream = z_stream()
        guard inflateInit2_(&stream, 15 + 16, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size)) == Z_OK else {
            return nil
        }
        defer { inflateEnd(&stream) }
        var input = Array(bytes.readableBytesView)
        var output = ByteBuffer()
        var piece = [UInt8](repeating: 0, count: min(65_536, limit + 1))
        return input.withUnsafeMutableBufferPointer { input in
            stream.next_in = input.baseAddress
            stream.avail_in = UInt32(input.count)
            while true {
                let (status, count) = piece.withUnsafeMutableBufferPointer { piece in
                    stream.next_out = piece.baseAddress
                    stream.avail_out = UInt32(piece.count)
                    let status = inflate(&stream, Z_NO_FLUSH)
                    return (status, piece.count - Int(stream.avail_out))
                }
                guard output.readableBytes + count <= limit else { return nil }
                output.writeBytes(piece[..<count])
                if status == Z_STREAM_END { return stream.avail_in == 0 ? output : nil }
                guard status == Z_OK, count > 0 || stream.avail_in > 0 else { return nil }
            }
        }
    }
}
