import AWSWire
import Delivery
import Identity
import NIOCore
import Policies

/// Takes parcels for buses: events that rules pass on, outcomes of functions, and what other services tell.
struct BusTarget: DeliveryTarget {
    /// The attribute of an event that is passed on: how often it was.
    static let hops = "hops"

    /// The service keeps the delivery that keeps this.
    private weak let service: EventsService?

    init(_ service: EventsService) { self.service = service }

    func deliver(_ parcel: Parcel) async throws(DeliveryFailure) {
        try await ask(service, "EventBridge") { try await $0.take(parcel) }
    }

    func check(_ target: String, from sender: ServiceCaller) async throws(DeliveryFailure) {
        try await ask(service, "EventBridge") { _ = try await $0.bus(target, for: sender) }
    }
}

extension EventsService {
    /// The bus of an ARN, where its policies let the sender put events on it.
    fileprivate func bus(_ arn: String, for sender: ServiceCaller) async throws -> LiveBus {
        guard let key = BusKey(arn: arn), let bus = try await buses.bus(key) else {
            throw EventsFailure.noBus(BusKey(arn: arn)?.name ?? arn)
        }
        if Self.isNative(sender, to: key) { return bus }
        let resource = ProtectedResource(key.arn, account: key.account, policy: bus.policy)
        if sender.service == Self.principal {
            try authorizer.require(
                "events:PutEvents", on: resource, byAccountOf: sender, wire: wireProtocol,
                context: ["events:eventBusInvocation": ["true"]])
        } else {
            try authorizer.require("events:PutEvents", on: resource, by: sender, wire: wireProtocol)
        }
        return bus
    }

    /// What AWS's services tell of an account's resources is on its default bus, whatever that bus's policy.
    private static func isNative(_ sender: ServiceCaller, to bus: BusKey) -> Bool {
        sender.role == nil && sender.service == "cloudwatch.amazonaws.com" && bus.isStandard
            && sender.account.digits == bus.account
    }

    fileprivate func take(_ parcel: Parcel) async throws {
        var hops = 0
        if case .text(let text) = parcel.attributes[BusTarget.hops]?.value { hops = Int(text) ?? 0 }
        guard hops <= quotas.hops else { throw EventsFailure.hop(parcel) }
        let bus = try await bus(parcel.target, for: parcel.sender)
        var event = try event(parcel, for: bus.key)
        event.trace = parcel.trace
        event.hops = hops
        var publication = Publisher.Publication()
        publication.add(event, on: bus)
        try await publisher.publish(publication)
    }

    private func event(_ parcel: Parcel, for bus: BusKey) throws -> Event {
        let now = clock()
        // A rule's parcel is an event already: it goes on as it is, into another region under an id of its own.
        if parcel.sender.service == EventsService.principal, let old = Event(document: parcel.body, ingested: now) {
            var content = old.content
            if ARN(parcel.sender.source)?.region != bus.region { content.id = parcel.id }
            return try Event(content, milliseconds: Event.milliseconds(content.time) ?? now, ingested: now)
        }
        guard let detail = try? JSONValue(parsing: parcel.body), detail.kind == .object else {
            throw EventsFailure.parameter("Detail", "Detail is malformed.")
        }
        var writer = JSONWriter()
        writer.write(detail)
        let (source, type, resources) = try origin(parcel, detail, bus)
        let content = Event.Content(
            id: parcel.id, source: source, detailType: type, account: parcel.sender.account.digits,
            region: ARN(parcel.sender.source)?.region ?? bus.region, time: Event.time(now), resources: resources,
            detail: writer.buffer)
        return try Event(content, milliseconds: now, ingested: now)
    }

    /// What an event says of where it comes from.
    private func origin(
        _ parcel: Parcel, _ detail: JSONValue, _ bus: BusKey
    ) throws(AWSError) -> (source: String, type: String, resources: [String]) {
        if parcel.sender.service == "lambda.amazonaws.com", let context = detail["requestContext"] {
            let outcome = context["condition"]?.string == "Success" ? "Success" : "Failure"
            let function = context["functionArn"]?.string ?? parcel.sender.source
            return ("lambda", "Lambda Function Invocation Result - \(outcome)", [bus.arn, function])
        }
        guard let event = parcel.event else {
            throw EventsFailure.parameter("Source", "Source is a required argument.")
        }
        return (event.source, event.detailType, event.resources)
    }
}
