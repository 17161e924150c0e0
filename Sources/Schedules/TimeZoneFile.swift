/// A zone as systems keep it: RFC 9636 (TZif), of which the second, 64-bit part is read.
enum TimeZoneFile {
    /// Up to here, what a rule for all years to come says is written out.
    private static let lastYear = 2201

    /// - Returns: nil for what is no such file.
    static func read(_ bytes: [UInt8]) -> TimeZoneRules? {
        var reader = Reader(bytes: bytes)
        guard let old = Header(&reader), old.version >= UInt8(ascii: "2"), reader.skip(old.size(timeSize: 4)),
            let header = Header(&reader)
        else { return nil }
        var instants: [Int64] = []
        for _ in 0..<header.times { instants.append(reader.integer(8)) }
        var types: [Int] = []
        for _ in 0..<header.times { types.append(Int(reader.integer(1)) & 0xFF) }
        var offsets: [Int64] = []
        for _ in 0..<header.types {
            offsets.append(reader.integer(4))
            guard reader.skip(2) else { return nil }
        }
        let rest = header.names + header.leaps * 12 + header.standards + header.universals
        guard reader.skip(rest), let first = offsets.first, types.allSatisfy({ $0 < offsets.count }) else { return nil }
        var transitions = zip(instants, types).map { instant, type in
            TimeZoneRules.Transition(instant: instant, offset: offsets[type])
        }
        guard let footer = reader.footer() else { return nil }
        if !footer.isEmpty {
            guard let rule = TimeZoneRule(footer) else { return nil }
            let last = transitions.last?.instant ?? .min
            transitions += rule.transitions(from: 1970, through: lastYear).filter { $0.instant > last }
        }
        return TimeZoneRules(first: first, transitions: transitions)
    }

    private struct Header {
        let version: UInt8
        let universals, standards, leaps, times, types, names: Int

        init?(_ reader: inout Reader) {
            guard reader.text(4) == "TZif" else { return nil }
            version = UInt8(truncatingIfNeeded: reader.integer(1))
            guard reader.skip(15) else { return nil }
            let counts = (0..<6).map { _ in Int(reader.integer(4)) }
            guard !reader.isOver, counts.allSatisfy({ (0...100_000).contains($0) }) else { return nil }
            (universals, standards, leaps) = (counts[0], counts[1], counts[2])
            (times, types, names) = (counts[3], counts[4], counts[5])
        }

        func size(timeSize: Int) -> Int {
            times * (timeSize + 1) + types * 6 + names + leaps * (timeSize + 4) + standards + universals
        }
    }

    /// Reads zeros beyond the end, and notes that.
    private struct Reader {
        let bytes: [UInt8]
        var position = 0
        private(set) var isOver = false

        init(bytes: [UInt8]) { self.bytes = bytes }

        /// Big-endian and signed.
        mutating func integer(_ size: Int) -> Int64 {
            guard position + size <= bytes.count else {
                isOver = true
                return 0
            }
            var value: Int64 = bytes[position] & 0x80 == 0 ? 0 : -1
            for byte in bytes[position..<position + size] { value = value << 8 | Int64(byte) }
            position += size
            return value
        }

        mutating func text(_ size: Int) -> String? {
            guard position + size <= bytes.count else { return nil }
            defer { position += size }
            return String(decoding: bytes[position..<position + size], as: UTF8.self)
        }

        mutating func skip(_ size: Int) -> Bool {
            guard !isOver, position + size <= bytes.count else { return false }
            position += size
            return true
        }

        /// What stands between two ends of lines.
        mutating func footer() -> Substring? {
            guard !isOver, position < bytes.count, bytes[position] == UInt8(ascii: "\n") else { return nil }
            let line = bytes[(position + 1)...].prefix { $0 != UInt8(ascii: "\n") }
            return Substring(String(decoding: line, as: UTF8.self))
        }
    }
}
