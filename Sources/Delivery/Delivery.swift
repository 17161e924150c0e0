package import AWSWire
package import Identity
import Synchronization

/// What takes parcels for the resources of one service.
package protocol DeliveryTarget: Sendable {
    /// Takes a parcel once the resource's policies allow it: what has been taken outlives a crash. The same parcel may
    /// come again.
    func deliver(_ parcel: Parcel) async throws(DeliveryFailure)

    /// Whether a parcel from `sender` would be taken now: the resource is there, and its policies let the sender in.
    /// Asked before a resource becomes somebody's destination.
    func check(_ target: String, from sender: ServiceCaller) async throws(DeliveryFailure)
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
        try await service(of: parcel.target).deliver(parcel)
    }

    /// Whether a parcel would be taken, as ``DeliveryTarget/check(_:from:)`` says.
    package func check(_ target: String, from sender: ServiceCaller) async throws(DeliveryFailure) {
        try await service(of: target).check(target, from: sender)
    }

    private func service(of arn: String) throws(DeliveryFailure) -> any DeliveryTarget {
        if let target = target(of: arn) { return target }
        throw DeliveryFailure(
            code: "NotImplementedException", message: "Nothing delivers to \(arn).", isFinal: true)
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
