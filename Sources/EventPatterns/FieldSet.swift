/// A set of small numbers.
struct FieldSet: Sendable, Hashable {
    private var first: UInt64 = 0
    /// Numbers from 64 on.
    private var others: [UInt64] = []

    var count: Int { others.reduce(first.nonzeroBitCount) { $0 + $1.nonzeroBitCount } }

    func contains(_ number: Int) -> Bool {
        if number < 64 { return first & (1 << UInt64(number)) != 0 }
        let word = number / 64 - 1
        return word < others.count && others[word] & (1 << UInt64(number % 64)) != 0
    }

    mutating func insert(_ number: Int) {
        if number < 64 {
            first |= 1 << UInt64(number)
            return
        }
        let word = number / 64 - 1
        while others.count <= word { others.append(0) }
        others[word] |= 1 << UInt64(number % 64)
    }

    func intersection(_ other: FieldSet) -> FieldSet {
        var set = self
        set.first &= other.first
        if !others.isEmpty {
            set.others = zip(others, other.others).map { $0 & $1 }
        }
        return set
    }

    mutating func formUnion(_ other: FieldSet) {
        first |= other.first
        while others.count < other.others.count { others.append(0) }
        for (index, word) in other.others.enumerated() { others[index] |= word }
    }
}
