import AWSWire
import Delivery
import Identity
import LogsModel
import NIOCore
import Policies
import Storage

/// Takes parcels for log groups: an event becomes a stream's only event, as EventBridge has it.
///
/// The stream has the parcel's id for its name, so that one that comes again is known.
struct LogsTarget: DeliveryTarget {
    /// The service keeps the delivery that keeps this.
    private weak let service: LogsService?

    init(_ service: LogsService) { self.service = service }

    func deliver(_ parcel: Parcel) async throws(DeliveryFailure) {
        try await ask(service, "CloudWatch Logs") { try await $0.put(parcel) }
    }

    func check(_ target: String, from sender: ServiceCaller) async throws(DeliveryFailure) {
        try await ask(service, "CloudWatch Logs") { _ = try await $0.group(target, stream: "", for: sender) }
    }
}

extension LogsService {
    /// The group of an ARN, with `:*` or without, where its policies let the sender make a stream and put events.
    fileprivate func group(_ target: String, stream: String, for sender: ServiceCaller) async throws -> GroupKey {
        let arn = target.hasSuffix(":*") ? String(target.dropLast(2)) : target
        guard let key = GroupKey(arn: arn) else { throw LogsFailure.noGroup }
        let owner = ResourcePolicyRecord.Owner(account: key.account, region: key.region)
        let policies = try await database.read { connection in
            guard try GroupRecord.find(key, on: connection) != nil else { throw LogsFailure.noGroup }
            return try ResourcePolicyRecord.all(of: owner, on: connection)
                + ResourcePolicyRecord.all(of: owner, resource: key.arn, on: connection)
        }
        let statements = policies.flatMap { policy in
            (try? PolicyDocument(parsing: ByteBuffer(string: policy.document)))?.statements ?? []
        }
        let resource = ProtectedResource(
            "\(key.arn):log-stream:\(stream)", account: key.account,
            policy: CompiledPolicy(PolicyDocument(statements: statements)))
        for action in ["logs:CreateLogStream", "logs:PutLogEvents"] {
            do throws(AWSError) {
                try authorizer.require(action, on: resource, by: sender, wire: wireProtocol)
            } catch {
                // Policies may name the service that delivers rather than the one that has something to deliver. What
                // denies the one denies both.
                guard !error.message.contains("explicit deny") else { throw error }
                var deliverer = sender
                deliverer.service = "delivery.logs.amazonaws.com"
                do { try authorizer.require(action, on: resource, by: deliverer, wire: wireProtocol) } catch {
                    throw error
                }
            }
        }
        return key
    }

    fileprivate func put(_ parcel: Parcel) async throws {
        let key = try await group(parcel.target, stream: parcel.id, for: parcel.sender)
        let now = clock()
        let event = DeliveredEvent(parcel.body, now: now)
        let stream = StreamKey(group: key, name: parcel.id)
        let written = try await database.write { [followers] connection -> WrittenEvents in
            guard let group = try GroupRecord.find(key, on: connection) else { throw LogsFailure.noGroup }
            guard try StreamRecord.find(parcel.id, in: group.id, on: connection) == nil else { return WrittenEvents() }
            let input = Logs.InputLogEvent(timestamp: Int(event.time), message: event.message)
            return try LogWriter.put([input], to: stream, now: now, followers, on: connection)
        }
        followers.settle(written)
    }
}

/// What a parcel's body says: an event of EventBridge, or what an input transformer made of one,
/// `{"timestamp": …, "message": …}`.
private struct DeliveredEvent {
    var message: String
    /// Milliseconds since 1970.
    var time: Int64

    init(_ body: ByteBuffer, now: Int64) {
        message = String(buffer: body)
        time = now
        guard let document = try? JSONValue(parsing: body), document.kind == .object else { return }
        var stamp = document["time"]
        if Set(document.members.map(\.name)) == ["timestamp", "message"], let text = document["message"] {
            message = text.selectedText
            stamp = document["timestamp"]
        }
        if let stated = Self.time(stamp), Upload.range(now).contains(stated) { time = stated }
    }

    /// Milliseconds, or `2026-01-01T00:00:00Z`.
    private static func time(_ value: JSONValue?) -> Int64? {
        if let milliseconds = value?.int { return Int64(milliseconds) }
        guard let text = value?.string else { return nil }
        let basic = text.filter { $0 != "-" && $0 != ":" }
        return SigV4Time(basic: basic).map { $0.secondsSince1970 * 1000 }
    }
}
