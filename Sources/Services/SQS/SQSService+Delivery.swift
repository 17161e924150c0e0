import AWSWire
package import Delivery
package import Identity
import NIOCore
import Policies
import SQSModel

/// What other services send to queues: destinations, dead letters, subscriptions, rules.
extension SQSService: DeliveryTarget {
    /// Puts a parcel into its queue. One that comes again comes again to a standard queue, and once to a FIFO queue.
    package func deliver(_ parcel: Parcel) async throws(DeliveryFailure) {
        do {
            let queue = try queue(arn: parcel.target, for: parcel.sender)
            let sent = try await send([try queue.draft(parcel)], to: queue, by: senderID(parcel.sender))
            if sent == nil { throw AWSError.noQueue }
        } catch let error as AWSError {
            throw DeliveryFailure(error.inQueries)
        } catch {
            throw DeliveryFailure(code: "InternalError", message: "\(error)", isFinal: false)
        }
    }

    package func check(_ target: String, from sender: ServiceCaller) async throws(DeliveryFailure) {
        do throws(AWSError) { _ = try queue(arn: target, for: sender) } catch {
            throw DeliveryFailure(error.inQueries)
        }
    }

    /// - Throws: `QueueDoesNotExist`, `AccessDenied`.
    private func queue(arn: String, for sender: ServiceCaller) throws(AWSError) -> Queue {
        guard let key = QueueKey(arn: arn), let queue = queues[key] else { throw .noQueue }
        let action = SQS.Operation.sendMessage.action
        do {
            try authorizer.require(
                action, on: ProtectedResource(key.arn, account: key.account, policy: queue.policy), by: sender,
                wire: SQS.query)
        } catch {
            throw .denied(error.message.replacing(action, with: action.lowercased()))
        }
        return queue
    }

    /// What messages show as their sender: a role's session has an id, a service its name.
    private func senderID(_ sender: ServiceCaller) -> String {
        guard let role = sender.role.flatMap({ authorizer.directory.role(arn: $0, of: sender.account.digits) }) else {
            return sender.service
        }
        let session = sender.source.split(whereSeparator: { $0 == ":" || $0 == "/" }).last ?? "apus"
        return "\(role.id):\(session)"
    }
}

extension Queue {
    /// A parcel as a message: in a FIFO queue one that comes again is known by its id, where it has no other.
    fileprivate func draft(_ parcel: Parcel) throws(AWSError) -> Draft {
        let body = String(buffer: parcel.body)
        guard !body.isEmpty else { throw .missingParameter("MessageBody") }
        guard MessageRules.isPrintable(body) else {
            throw SQSError.invalidMessageContents(message: "Invalid characters found.")
        }
        var content = MessageContent(body: body, trace: parcel.trace)
        for (name, attribute) in parcel.attributes {
            let value: MessageAttribute.Value =
                switch attribute.value {
                case .text(let text): .text(text)
                case .binary(let bytes): .binary(bytes)
                }
            content.attributes[name] = MessageAttribute(type: attribute.type, value: value)
        }
        let id = parcel.deduplicationID ?? (attributes.deduplicatesByContent ? nil : parcel.id)
        return try draft(content, delay: nil, group: parcel.group, deduplication: isFIFO ? id : nil)
    }
}

extension AWSError {
    /// Services tell each other the older names.
    fileprivate var inQueries: AWSError {
        var error = self
        error.code = entryCode
        return error
    }
}
