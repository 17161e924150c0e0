package import AWSWire
import Synchronization

/// What takes parcels for the resources of one service.
package protocol DeliveryTarget: Sendable {
    /// Takes a parcel once the resource's policies allow it: what has been taken outlives a crash. The same parcel may
    /// come again.
    func deliver(_ parcel: Parcel) async throws(DeliveryFailure)
}

/// The one way in which any service reaches any other: it hands a parcel to the service of its target's ARN, or to
/// whatever takes URLs of its scheme.
///
/// Services are made with it and register themselves at it, so that none needs to know another.
package final class Delivery: Sendable {
    private let targets = Mutex<[String: any DeliveryTarget]>([:])

    package init() {}

    /// - Parameter service: As ARNs name it: `lambda`, `sqs`; or the scheme of URLs: `https`.
    package func register(_ target: any DeliveryTarget, for service: String) {
        targets.withLock { $0[service] = target }
    }

    /// Whether there is anybody who takes parcels for that resource or URL.
    package func reaches(_ arn: String) -> Bool { target(of: arn) != nil }

    /// Tries once. Returns when the parcel is its target's.
    package func send(_ parcel: Parcel) async throws(DeliveryFailure) {
        guard let target = target(of: parcel.target) else {
            throw DeliveryFailure(
                code: "NotImplementedException", message: "Nothing delivers to \(parcel.target).", isFinal: true)
        }
        try await target.deliver(parcel)
    }

    private func target(of address: String) -> (any DeliveryTarget)? {
        let kind = ARN(address)?.service ?? address.prefix { $0 != ":" }.lowercased()
        return targets.withLock { $0[kind] }
    }
}

extension DeliveryFailure {
    /// An answer of a service: those that speak of the request will be the same the next time.
    package init(_ error: AWSError) {
        let mayPass = error.status >= 500 || error.status == 429
        self.init(code: error.code, message: error.message, isFinal: !mayPass)
    }
}
