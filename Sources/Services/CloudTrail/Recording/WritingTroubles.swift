/// The places that could not be written to when that was last tried, and what it has cost: each trouble is told once
/// when it begins, once when the first record is lost, and once when it is over.
struct WritingTroubles: Sendable {
    enum Place: String, Sendable, Hashable {
        case files
        case store
    }

    struct News: Sendable, Hashable {
        var isNew: Bool
        var isFirstLoss: Bool
    }

    /// Records that are lost, by the places that are in trouble.
    private var lost: [Place: Int] = [:]

    var isEmpty: Bool { lost.isEmpty }

    /// - Parameter count: How many records there was no room to keep.
    mutating func failed(_ place: Place, losing count: Int) -> News {
        let before = lost[place]
        lost[place, default: 0] += count
        return News(isNew: before == nil, isFirstLoss: count > 0 && before ?? 0 == 0)
    }

    /// - Returns: How many records were lost; nil where there was no trouble.
    mutating func succeeded(_ place: Place) -> Int? { lost.removeValue(forKey: place) }
}
