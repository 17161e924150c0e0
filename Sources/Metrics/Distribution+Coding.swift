extension Distribution {
    /// The first byte, so that other forms can be told from this one.
    private static let form: UInt8 = 1
    /// The second byte of one whose bins are values; others have their scale's step there.
    private static let exact: UInt8 = 0xFF

    /// As stores keep it: 42 bytes, and for each bin 9 or more of a value, mostly 2 or 3 of a bucket.
    package func encoded() -> [UInt8] {
        var writer = Writer()
        writer.bytes.reserveCapacity(48 + bins.count * (scale == nil ? 10 : 4))
        writer.bytes.append(Self.form)
        writer.bytes.append(scale.map { UInt8($0.step) } ?? Self.exact)
        for number in [sampleCount, sum, minimum, maximum, unknown] { writer.write(number) }
        writer.write(UInt64(bins.count))
        var last: Int64 = 0
        for bin in bins {
            if scale == nil {
                writer.write(bin.place)
            } else {
                let place = Int64(bin.place)
                writer.write(signed: place - last)
                last = place
            }
            writer.write(count: bin.count)
        }
        return writer.bytes
    }

    /// - Returns: nil unless the bytes are what ``encoded()`` made.
    package init?(encoded bytes: some Sequence<UInt8>) {
        var reader = Reader(bytes: Array(bytes))
        guard reader.byte() == Self.form, let step = reader.byte(), step == Self.exact || step <= Scale.coarsest,
            let sampleCount = reader.double(), let sum = reader.double(), let minimum = reader.double(),
            let maximum = reader.double(), let unknown = reader.double(), let count = reader.number(),
            count <= UInt64(Self.bucketLimit)
        else { return nil }
        let scale = step == Self.exact ? nil : Scale(Int(step))
        var bins: [Bin] = []
        var last: Int64 = 0
        for _ in 0..<count {
            var place: Double?
            if scale == nil {
                place = reader.double()
            } else if let step = reader.signed() {
                let (next, overflow) = last.addingReportingOverflow(step)
                guard !overflow else { return nil }
                last = next
                place = Double(next)
            }
            guard let place, let count = reader.count() else { return nil }
            bins.append(Bin(place: place, count: count))
        }
        guard reader.isAtEnd else { return nil }
        self.init(
            sampleCount: sampleCount, sum: sum, minimum: minimum, maximum: maximum, unknown: unknown, scale: scale,
            bins: bins)
    }

    /// Numbers of as many groups of seven bits as they need, the lowest first; doubles as they are in memory.
    private struct Writer {
        var bytes: [UInt8] = []

        mutating func write(_ number: Double) {
            withUnsafeBytes(of: number.bitPattern.littleEndian) { bytes.append(contentsOf: $0) }
        }

        mutating func write(_ number: UInt64) {
            var rest = number
            while rest >= 0x80 {
                bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
                rest >>= 7
            }
            bytes.append(UInt8(rest))
        }

        mutating func write(signed number: Int64) { write(UInt64(bitPattern: number << 1 ^ number >> 63)) }

        /// Counts are whole numbers but for those that clients put: zero leads those.
        mutating func write(count: Double) {
            if let whole = UInt64(exactly: count), whole > 0 {
                write(whole)
            } else {
                write(UInt64(0))
                write(count)
            }
        }
    }

    private struct Reader {
        var bytes: [UInt8]
        var next = 0

        var isAtEnd: Bool { next == bytes.count }

        mutating func byte() -> UInt8? {
            guard next < bytes.count else { return nil }
            defer { next += 1 }
            return bytes[next]
        }

        mutating func double() -> Double? {
            guard bytes.count - next >= 8 else { return nil }
            defer { next += 8 }
            return Double(bitPattern: bytes[next..<next + 8].reversed().reduce(0) { $0 << 8 | UInt64($1) })
        }

        mutating func number() -> UInt64? {
            var number: UInt64 = 0
            for shift in stride(from: UInt64(0), to: 64, by: 7) {
                guard let byte = byte() else { return nil }
                number |= UInt64(byte & 0x7F) << shift
                if byte < 0x80 { return number }
            }
            return nil
        }

        mutating func signed() -> Int64? {
            number().map { Int64(bitPattern: $0 >> 1) ^ -Int64(bitPattern: $0 & 1) }
        }

        mutating func count() -> Double? {
            guard let whole = number() else { return nil }
            return whole == 0 ? double() : Double(whole)
        }
    }
}
