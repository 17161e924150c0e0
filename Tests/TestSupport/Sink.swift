package import Delivery
package import Identity
import Synchronization

/// A target that notes what arrives, and refuses what it is told to.
package final class Sink: DeliveryTarget {
    private let arrived = Mutex<[Parcel]>([])
    private let verdict: @Sendable (Parcel) -> DeliveryFailure?

    package init(_ verdict: @escaping @Sendable (Parcel) -> DeliveryFailure? = { _ in nil }) { self.verdict = verdict }

    package func deliver(_ parcel: Parcel) async throws(DeliveryFailure) {
        if let failure = verdict(parcel) { throw failure }
        arrived.withLock { $0.append(parcel) }
    }

    package func check(_: String, from _: ServiceCaller) async throws(DeliveryFailure) {}

    package var all: [Parcel] { arrived.withLock { $0 } }
    package func parcels(to target: String) -> [Parcel] { all.filter { $0.target == target } }
}
