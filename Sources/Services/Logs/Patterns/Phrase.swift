/// Bytes to look for in messages. However much the two repeat themselves, a search takes time in proportion to the
/// message's length (the algorithm of Knuth, Morris and Pratt): clients choose the one, functions write the other.
struct Phrase: Sendable {
    private let bytes: [UInt8]
    /// For each beginning of the phrase, one byte and longer, the length of the longest shorter one that it ends with:
    /// where to go on when the next byte does not fit.
    private let borders: [Int]

    init(_ bytes: [UInt8]) {
        self.bytes = bytes
        var borders = [Int](repeating: 0, count: bytes.count)
        var matched = 0
        for index in bytes.indices.dropFirst() {
            while matched > 0, bytes[matched] != bytes[index] { matched = borders[matched - 1] }
            if bytes[matched] == bytes[index] { matched += 1 }
            borders[index] = matched
        }
        self.borders = borders
    }

    /// Whether the phrase stands anywhere in `message`. An empty one does everywhere.
    func occurs(in message: UnsafeRawBufferPointer) -> Bool { end(in: message) != nil }

    /// Where the first of it ends; nil when it stands nowhere.
    func end(in message: UnsafeRawBufferPointer) -> Int? {
        if bytes.isEmpty { return 0 }
        var matched = 0
        for (index, byte) in message.enumerated() {
            while matched > 0, bytes[matched] != byte { matched = borders[matched - 1] }
            if bytes[matched] == byte { matched += 1 }
            if matched == bytes.count { return index + 1 }
        }
        return nil
    }
}
