/// The pieces of a text between separators, one after the other and without an array of them.
struct Pieces: Sequence, IteratorProtocol {
    private var rest: Substring.UTF8View?
    private let isSeparator: (UInt8) -> Bool

    init(of text: Substring.UTF8View, between isSeparator: @escaping (UInt8) -> Bool) {
        rest = text
        self.isSeparator = isSeparator
    }

    init(of text: String, between separator: Unicode.Scalar) {
        let separator = UInt8(ascii: separator)
        self.init(of: text[...].utf8) { $0 == separator }
    }

    /// Empty between two separators that stand together.
    mutating func next() -> Substring.UTF8View? {
        guard let text = rest else { return nil }
        guard let end = text.firstIndex(where: isSeparator) else {
            rest = nil
            return text
        }
        rest = text[text.index(after: end)...]
        return text[..<end]
    }
}

extension String {
    /// A copy of a part of a text, which is whole characters of Unicode's.
    init(copying part: Substring.UTF8View) { self = String(Substring(part)) }
}
