import NIOCore

/// Who may initialise next. Pure: ``Admission`` acts.
///
/// First come, first served, but for those that want much: every key may have one start in each round, and what it
/// wants beyond that goes to the rounds after. So a storm over many functions is served in the order in which it came,
/// and a storm of one function keeps no other waiting for longer than a round.
struct AdmissionQueue<Key: Hashable, Ticket> {
    private var rounds = CircularBuffer<CircularBuffer<(key: Key, ticket: Ticket)>>()
    /// The number of the first of `rounds`.
    private var first = 0
    /// The last round in which a key that waits has a start.
    private var last: [Key: Int] = [:]
    private(set) var count = 0

    mutating func enter(_ ticket: Ticket, of key: Key) {
        let round = max(first, (last[key] ?? first - 1) + 1)
        while rounds.count <= round - first { rounds.append(CircularBuffer()) }
        rounds[rounds.index(rounds.startIndex, offsetBy: round - first)].append((key, ticket))
        last[key] = round
        count += 1
    }

    /// Who is next.
    var next: Ticket? { rounds.first { !$0.isEmpty }?.first?.ticket }

    @discardableResult
    mutating func leave() -> Ticket? {
        while let round = rounds.first, round.isEmpty {
            rounds.removeFirst()
            first += 1
        }
        guard !rounds.isEmpty, let (key, ticket) = rounds[rounds.startIndex].popFirst() else { return nil }
        if last[key] == first { last[key] = nil }
        count -= 1
        return ticket
    }
}
