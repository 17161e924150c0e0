import CZlib

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
}
