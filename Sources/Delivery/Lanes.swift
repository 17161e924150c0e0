/// Which targets have parcels, when the next of each is due, and how many are under way: what the outbox decides by,
/// without a clock or a store of its own.
///
/// Each target has a lane, so that one that is slow, or gone, keeps no other waiting. Times are milliseconds.
struct Lanes {
    private struct Lane {
        /// Nil: nothing waits.
        var due: Int64?
        var inFlight = 0
        /// Nothing is taken before that.
        var rest: Int64 = 0

        /// When something may be taken.
        var next: Int64? { due.map { max($0, rest) } }
    }

    /// How many parcels are under way at most.
    let limit: Int
    /// And to one target.
    let laneLimit: Int
    private var lanes: [String: Lane] = [:]
    private(set) var inFlight = 0
    /// The target that was last asked, so that the next gets its turn.
    private var last = ""

    init(limit: Int, laneLimit: Int) {
        self.limit = limit
        self.laneLimit = laneLimit
    }

    var isEmpty: Bool { lanes.isEmpty }

    /// FIFO targets have one parcel after the other.
    static func isOrdered(_ target: String) -> Bool { target.hasSuffix(".fifo") }

    /// Something for the target is due then, or earlier.
    mutating func note(_ target: String, due: Int64) {
        let known = lanes[target]?.due
        lanes[target, default: Lane()].due = known.map { min($0, due) } ?? due
    }

    /// The target takes nothing until then.
    mutating func rest(_ target: String, until time: Int64) { lanes[target, default: Lane()].rest = time }

    /// The targets whose next parcels may be claimed now, in turn, and how many of each; they count as under way.
    mutating func take(now: Int64) -> [(target: String, count: Int)] {
        var room = limit - inFlight
        let ready = lanes.filter { ($0.value.next ?? .max) <= now && $0.value.inFlight < bound($0.key) }.keys.sorted()
        let turn = ready.drop { $0 <= last } + ready.prefix { $0 <= last }
        var taken: [(target: String, count: Int)] = []
        for (index, target) in turn.enumerated() where room > 0 {
            let share = max(1, room / (turn.count - index))
            let count = min(share, bound(target) - (lanes[target]?.inFlight ?? 0))
            lanes[target]?.inFlight += count
            lanes[target]?.due = nil
            inFlight += count
            room -= count
            last = target
            taken.append((target, count))
        }
        return taken
    }

    /// So many that were taken are not under way, or no longer; what waits is due then, or nothing waits.
    mutating func settle(_ target: String, _ count: Int, due: Int64? = nil) {
        inFlight -= count
        lanes[target]?.inFlight -= count
        if let due { note(target, due: due) }
        if let lane = lanes[target], lane.inFlight == 0, lane.due == nil { lanes[target] = nil }
    }

    /// When to look again; nil: when something comes or ends.
    func nextDue() -> Int64? {
        if inFlight >= limit { return nil }
        return lanes.filter { $0.value.inFlight < bound($0.key) }.compactMap(\.value.next).min()
    }

    private func bound(_ target: String) -> Int { Self.isOrdered(target) ? 1 : laneLimit }
}
