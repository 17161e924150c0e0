package import Delivery
package import Identity
import Synchronization

/// Posts no more to an endpoint of the web in a second than its subscription's delivery policy lets it
/// (`maxReceivesPerSecond`): what is too early has its turn in the next.
package struct PacedTarget: DeliveryTarget {
    private let web: any DeliveryTarget
    private let topics: TopicCache
    private let clock: @Sendable () -> Int64
    private let turns = Turns()

    init(_ web: any DeliveryTarget, topics: TopicCache, clock: @escaping @Sendable () -> Int64) {
        self.web = web
        self.topics = topics
        self.clock = clock
    }

    package func deliver(_ parcel: Parcel) async throws(DeliveryFailure) {
        if let id = TopicID(arn: parcel.sender.source), let topic = try? await topics.topic(id),
            let pace = topic.paces[parcel.target],
            let turn = turns.take(of: pace.subscription, pace.rate, now: clock())
        {
            throw .early(until: turn)
        }
        try await web.deliver(parcel)
    }

    package func check(_ target: String, from sender: ServiceCaller) async throws(DeliveryFailure) {
        try await web.check(target, from: sender)
    }
}

/// How many turns everybody has had in the second that began with the first of them.
final class Turns: Sendable {
    private struct Second {
        /// Milliseconds since 1970.
        var start: Int64
        var taken = 0

        func holds(_ time: Int64) -> Bool { start <= time && time < start + 1_000 }
    }

    private static let limit = 1_024

    private let seconds = Mutex<[String: Second]>([:])

    /// - Returns: Nil for a turn now; else when there is one again.
    func take(of key: String, _ rate: Int, now: Int64) -> Int64? {
        seconds.withLock { seconds in
            var second = seconds[key].flatMap { $0.holds(now) ? $0 : nil } ?? Second(start: now)
            guard second.taken < rate else { return second.start + 1_000 }
            second.taken += 1
            // Those whose second is over are as good as new.
            if seconds.count >= Self.limit { seconds = seconds.filter { $0.value.holds(now) } }
            seconds[key] = second
            return nil
        }
    }
}
