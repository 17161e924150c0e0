/// Text in which `*` stands for any text, and `\*` and `\\` for what follows the backslash.
///
/// A match takes time in proportion to the text's length plus its own, whatever stands in them: pieces between
/// wildcards are looked for one after the other, each as early as it comes, without ever going back.
package struct Wildcard: Sendable, Hashable {
    package struct Failure: Error, Sendable, Hashable {
        package var reason: String
        var isTooComplex = false
    }

    /// How many wildcards one text may have. AWS's measure of what is too complex is its own; the one text that is
    /// recorded as such has six.
    private static let limit = 5

    private struct Piece: Sendable, Hashable {
        var bytes: [UInt8] = []
        /// For each position, how much of the piece's beginning ends there.
        var borders: [Int] = []

        init(_ bytes: [UInt8]) {
            self.bytes = bytes
            borders = Array(repeating: 0, count: bytes.count)
            var length = 0
            for index in bytes.indices.dropFirst() {
                while length > 0, bytes[index] != bytes[length] { length = borders[length - 1] }
                if bytes[index] == bytes[length] { length += 1 }
                borders[index] = length
            }
        }

        /// Where its first occurrence ends.
        func end(in text: ArraySlice<UInt8>) -> Int? {
            if bytes.isEmpty { return text.startIndex }
            var length = 0
            for index in text.indices {
                while length > 0, text[index] != bytes[length] { length = borders[length - 1] }
                if text[index] == bytes[length] { length += 1 }
                if length == bytes.count { return index + 1 }
            }
            return nil
        }
    }

    /// What stands before, between and behind the wildcards; one piece where there is none.
    private let pieces: [Piece]

    package init(_ text: String) throws(Failure) {
        var pieces: [[UInt8]] = [[]]
        var isEscaped = false
        var wasWildcard = false
        for (position, byte) in text.utf8.enumerated() {
            if isEscaped {
                guard byte == UInt8(ascii: "*") || byte == UInt8(ascii: "\\") else {
                    throw Failure(reason: "Invalid escape character at pos \(position)")
                }
                pieces[pieces.count - 1].append(byte)
                (isEscaped, wasWildcard) = (false, false)
                continue
            }
            switch byte {
            case UInt8(ascii: "\\"): isEscaped = true
            case UInt8(ascii: "*"):
                if wasWildcard { throw Failure(reason: "Consecutive wildcard characters at pos \(position)") }
                pieces.append([])
            default: pieces[pieces.count - 1].append(byte)
            }
            wasWildcard = byte == UInt8(ascii: "*")
        }
        if isEscaped { throw Failure(reason: "Invalid escape character at pos \(text.utf8.count)") }
        guard pieces.count <= Self.limit + 1 else {
            throw Failure(
                reason: "Rule is too complex - try using fewer wildcard characters or fewer repeating character "
                    + "sequences after a wildcard character",
                isTooComplex: true)
        }
        self.pieces = pieces.map(Piece.init)
    }

    package func matches(_ text: String) -> Bool {
        guard let first = pieces.first, let last = pieces.last else { return false }
        if pieces.count == 1 { return text.utf8.elementsEqual(first.bytes) }
        let bytes = Array(text.utf8)
        guard bytes.count >= first.bytes.count + last.bytes.count, bytes.starts(with: first.bytes),
            bytes.reversed().starts(with: last.bytes.reversed())
        else { return false }
        var rest = bytes[first.bytes.count..<bytes.count - last.bytes.count]
        for piece in pieces.dropFirst().dropLast() {
            guard let end = piece.end(in: rest) else { return false }
            rest = rest[end...]
        }
        return true
    }
}
