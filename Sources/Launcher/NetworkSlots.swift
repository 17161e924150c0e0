/// Numbers from 1 up that are lent out. A number that came back is lent again only when all others had their turn: late
/// packets for an environment that has ended find nobody.
package struct NetworkSlots: Sendable {
    private let count: UInt32
    private var last: UInt32 = 0
    private var lent: Set<UInt32> = []

    package init(count: UInt32) { self.count = count }

    /// The next free number; nil when all are lent.
    package mutating func take() -> UInt32? {
        guard lent.count < Int(count) else { return nil }
        repeat { last = last % count + 1 } while lent.contains(last)
        lent.insert(last)
        return last
    }

    /// Takes a number back; one that is not lent is ignored.
    package mutating func give(_ number: UInt32) { lent.remove(number) }
}
