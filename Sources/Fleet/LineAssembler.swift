import NIOCore

/// Cuts a stream of bytes into lines.
struct LineAssembler {
    /// The longest line, in bytes: CloudWatch's limit for one event. A longer one comes out in pieces.
    static let longestLine = 256 * 1024

    private var partial = ByteBuffer()

    /// Takes what was written and calls `line` with every line that it completes, without its newline.
    mutating func append(_ bytes: ByteBuffer, line: (ByteBuffer) -> Void) {
        var bytes = bytes
        while let length = bytes.readableBytesView.firstIndex(of: UInt8(ascii: "\n")).map({ $0 - bytes.readerIndex }) {
            let end = bytes.readSlice(length: length) ?? ByteBuffer()
            bytes.moveReaderIndex(forwardBy: 1)
            complete(end, line: line)
        }
        guard bytes.readableBytes > 0 else { return }
        partial.writeImmutableBuffer(bytes)
        while partial.readableBytes >= Self.longestLine {
            if let piece = partial.readSlice(length: Self.longestLine) { line(piece) }
        }
        if partial.readerIndex > 0 { partial = ByteBuffer(buffer: partial) }
    }

    /// What was written after the last newline becomes a line.
    mutating func finish(line: (ByteBuffer) -> Void) {
        guard partial.readableBytes > 0 else { return }
        let last = partial
        partial = ByteBuffer()
        line(last)
    }

    private mutating func complete(_ end: ByteBuffer, line: (ByteBuffer) -> Void) {
        var whole = end
        if partial.readableBytes > 0 {
            partial.writeImmutableBuffer(end)
            whole = partial
            partial = ByteBuffer()
        }
        while whole.readableBytes > Self.longestLine {
            if let piece = whole.readSlice(length: Self.longestLine) { line(piece) }
        }
        line(whole)
    }
}
