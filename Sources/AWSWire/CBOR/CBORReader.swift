import NIOCore

/// Reads one item and writes it as JSON, in one pass. What a head promises is looked for, never reserved.
struct CBORReader {
    private var input: ByteBuffer
    private var writer = JSONWriter()
    private let depthLimit: Int

    init(_ input: ByteBuffer, depthLimit: Int) {
        self.input = input
        self.depthLimit = depthLimit
    }

    mutating func read() throws(CBOR.Fault) -> ByteBuffer {
        try item(depth: 0)
        guard input.readableBytes == 0 else { throw .trailingBytes }
        return writer.buffer
    }

    private mutating func item(depth: Int) throws(CBOR.Fault) {
        let head: UInt8 = try next()
        switch head & CBOR.Head.kinds {
        case CBOR.Head.unsigned: number(String(try argument(head)))
        case CBOR.Head.negative:
            let argument = try argument(head)
            // -1 - 2⁶⁴ needs one digit more than there are bits.
            number(argument == .max ? "-18446744073709551616" : "-\(argument + 1)")
        case CBOR.Head.bytes: writer.blob(try bytes(head).readableBytesView)
        case CBOR.Head.text: writer.string(try text(head))
        case CBOR.Head.array: try array(head, depth: depth)
        case CBOR.Head.map: try map(head, depth: depth)
        case CBOR.Head.tag:
            guard depth < depthLimit else { throw .tooDeep }
            guard try argument(head) == UInt64(CBOR.Tag.epoch) else { throw .tag }
            try time()
        default: try simple(head)
        }
    }

    private mutating func simple(_ head: UInt8) throws(CBOR.Fault) {
        switch head {
        case CBOR.Head.false: writer.bool(false)
        case CBOR.Head.true: writer.bool(true)
        case CBOR.Head.null, CBOR.Head.undefined: writer.null()
        case CBOR.Head.half, CBOR.Head.single, CBOR.Head.double: writer.double(try float(head))
        default: throw .unexpected(byte: head)
        }
    }

    private mutating func time() throws(CBOR.Fault) {
        guard let head = input.getInteger(at: input.readerIndex, as: UInt8.self) else { throw .truncated }
        switch head {
        case CBOR.Head.half, CBOR.Head.single, CBOR.Head.double: break
        default:
            let kind = head & CBOR.Head.kinds
            guard kind == CBOR.Head.unsigned || kind == CBOR.Head.negative else { throw .tag }
        }
        try item(depth: depthLimit)
    }

    private mutating func array(_ head: UInt8, depth: Int) throws(CBOR.Fault) {
        guard depth < depthLimit else { throw .tooDeep }
        writer.beginArray()
        if head & CBOR.Head.indefinite == CBOR.Head.indefinite {
            while try !stop() { try item(depth: depth + 1) }
        } else {
            var left = try argument(head)
            while left > 0 {
                try item(depth: depth + 1)
                left -= 1
            }
        }
        writer.endArray()
    }

    private mutating func map(_ head: UInt8, depth: Int) throws(CBOR.Fault) {
        guard depth < depthLimit else { throw .tooDeep }
        writer.beginObject()
        if head & CBOR.Head.indefinite == CBOR.Head.indefinite {
            while try !stop() { try member(depth: depth + 1) }
        } else {
            var left = try argument(head)
            while left > 0 {
                try member(depth: depth + 1)
                left -= 1
            }
        }
        writer.endObject()
    }

    private mutating func member(depth: Int) throws(CBOR.Fault) {
        let head: UInt8 = try next()
        guard head & CBOR.Head.kinds == CBOR.Head.text else { throw .key }
        writer.name(try text(head))
        try item(depth: depth)
    }

    /// Takes the byte that ends a container, if it is next.
    private mutating func stop() throws(CBOR.Fault) -> Bool {
        guard let byte = input.getInteger(at: input.readerIndex, as: UInt8.self) else { throw .truncated }
        guard byte == CBOR.Head.stop else { return false }
        input.moveReaderIndex(forwardBy: 1)
        return true
    }

    // MARK: Scalars

    private mutating func text(_ head: UInt8) throws(CBOR.Fault) -> String {
        let bytes = try bytes(head)
        guard let text = String(validating: bytes.readableBytesView, as: UTF8.self) else { throw .notUTF8 }
        return text
    }

    /// The bytes of a string, or of all its pieces.
    private mutating func bytes(_ head: UInt8) throws(CBOR.Fault) -> ByteBuffer {
        guard head & CBOR.Head.indefinite == CBOR.Head.indefinite else { return try slice(try argument(head)) }
        var whole = ByteBuffer()
        while try !stop() {
            let piece: UInt8 = try next()
            guard piece & CBOR.Head.kinds == head & CBOR.Head.kinds,
                piece & CBOR.Head.indefinite != CBOR.Head.indefinite
            else { throw .unexpected(byte: piece) }
            whole.writeImmutableBuffer(try slice(try argument(piece)))
        }
        return whole
    }

    private mutating func slice(_ count: UInt64) throws(CBOR.Fault) -> ByteBuffer {
        guard let count = Int(exactly: count), let slice = input.readSlice(length: count) else { throw .truncated }
        return slice
    }

    private mutating func argument(_ head: UInt8) throws(CBOR.Fault) -> UInt64 {
        switch head & CBOR.Head.indefinite {
        case let small where small < 24: return UInt64(small)
        case 24: return UInt64(try next() as UInt8)
        case 25: return UInt64(try next() as UInt16)
        case 26: return UInt64(try next() as UInt32)
        case 27: return try next() as UInt64
        default: throw .unexpected(byte: head)
        }
    }

    private mutating func float(_ head: UInt8) throws(CBOR.Fault) -> Double {
        switch head {
        case CBOR.Head.half: Self.half(try next())
        case CBOR.Head.single: Double(Float(bitPattern: try next()))
        default: Double(bitPattern: try next())
        }
    }

    /// RFC 8949, appendix D.
    private static func half(_ bits: UInt16) -> Double {
        let exponent = Int(bits >> 10 & 0x1f)
        let fraction = Double(bits & 0x3ff)
        let magnitude: Double =
            switch exponent {
            case 0: fraction * 0x1p-24
            case 31: fraction == 0 ? .infinity : .nan
            default: Double(sign: .plus, exponent: exponent - 25, significand: fraction + 1024)
            }
        return bits & 0x8000 == 0 ? magnitude : -magnitude
    }

    private mutating func number(_ text: String) { writer.raw(ByteBuffer(string: text)) }

    private mutating func next<Number: FixedWidthInteger>() throws(CBOR.Fault) -> Number {
        guard let number = input.readInteger(as: Number.self) else { throw .truncated }
        return number
    }
}
