import AWSWire

/// What a consumer names a received message by: it is of one receipt, and says so to nobody else.
struct ReceiptHandle: Sendable, Hashable {
    var queue: Int64
    var message: Int64
    /// How often the message had been received then.
    var receives: Int64

    init(queue: Int64, message: Int64, receives: Int64) {
        self.queue = queue
        self.message = message
        self.receives = receives
    }

    /// - Returns: nil for what is no handle.
    init?(_ text: String) {
        guard let bytes = Base64.decode(text), bytes.count == 28 else { return nil }
        let numbers = [0, 8, 16].map { at in bytes[at..<at + 8].reduce(UInt64(0)) { $0 << 8 | UInt64($1) } }
        self.init(
            queue: Int64(bitPattern: numbers[0]), message: Int64(bitPattern: numbers[1]),
            receives: Int64(bitPattern: numbers[2]))
        guard Array(bytes[24...]) == Self.check(bytes[..<24]) else { return nil }
    }

    var text: String {
        let bytes = [queue, message, receives].flatMap { number in
            stride(from: 56, through: 0, by: -8).map { UInt8(truncatingIfNeeded: number >> Int64($0)) }
        }
        return Base64.encode(bytes + Self.check(bytes[...]))
    }

    /// FNV-1a: what was cut or mistyped is known by it.
    private static func check(_ bytes: ArraySlice<UInt8>) -> [UInt8] {
        let sum = bytes.reduce(UInt32(2_166_136_261)) { ($0 ^ UInt32($1)) &* 16_777_619 }
        return [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: sum >> $0) }
    }
}
