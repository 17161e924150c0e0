package import Delivery
package import Identity
import Synchronization

/// Posts no more to an endpoint of the web in a second than its subscription's delivery policy lets it
/// (`maxReceivesPerSecond`): what is too early waits its turn.
package struct PacedTarget: DeliveryTarget {
    private let web: any DeliveryTarget
    private let topics: TopicCache
    private let turns = Turns()

    init(_ web: any DeliveryTarget, topics: TopicCache) {
        self.web = web
        self.topics = topics
    }

    package func deliver(_ parcel: Parcel) async throws(DeliveryFailure) {
        if let (key, rate) = await pace(of: parcel) {
            let turn = turns.next(key, every: .seconds(1) / rate, now: .now)
            do { try await Task.sleep(until: turn, clock: .continuous) } catch {
                throw DeliveryFailure(code: "Cancelled", message: "The server stops.", isFinal: false)
            }
        }
        try await web.deliver(parcel)
    }

    package func check(_ target: String, from sender: ServiceCaller) async throws(DeliveryFailure) {
        try await web.check(target, from: sender)
    }

    /// The subscription that a parcel is for, and how many it gets in a second; nil for one without a limit.
    private func pace(of parcel: Parcel) async -> (key: String, rate: Int)? {
        guard let id = TopicID(arn: parcel.sender.source), let topic = try? await topics.topic(id) else { return nil }
        let subscription = topic.subscriptions.first { $0.record.endpoint == parcel.target }
        guard let subscription, let rate = subscription.web.rate else { return nil }
        return (subscription.id.arn, rate)
    }
}

/// When whose next turn is.
final class Turns: Sendable {
    private static let limit = 1_024

    private let next = Mutex<[String: ContinuousClock.Instant]>([:])

    func next(_ key: String, every pause: Duration, now: ContinuousClock.Instant) -> ContinuousClock.Instant {
        next.withLock { next in
            // Those whose turn is over are as good as new.
            if next.count >= Self.limit { next = next.filter { $0.value > now } }
            let turn = max(next[key] ?? now, now)
            next[key] = turn + pause
            return turn
        }
    }
}
