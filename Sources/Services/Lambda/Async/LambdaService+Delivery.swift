import AWSWire
package import Delivery
import Identity
import LambdaModel
import Logging
import NIOCore
import Policies

/// Events of other services, and outcomes of other functions: what is taken is in the queue of asynchronous invocations.
extension LambdaService: DeliveryTarget {
    package func deliver(_ parcel: Parcel) async throws(DeliveryFailure) {
        guard let target = FunctionTarget(arn: parcel.target) else {
            throw DeliveryFailure(
                code: "InvalidParameterValueException", message: "\(parcel.target) is no function.", isFinal: true)
        }
        do {
            try await deliver(parcel, to: target)
        } catch let error as AWSError {
            throw DeliveryFailure(error)
        } catch {
            logger.error("An event could not be taken", metadata: ["target": "\(parcel.target)", "error": "\(error)"])
            throw DeliveryFailure(code: "ServiceException", message: "The queue cannot be written.", isFinal: false)
        }
    }

    private func deliver(_ parcel: Parcel, to target: FunctionTarget) async throws {
        guard let function = try await resolved(target) else { throw AWSError.functionNotFound(target.arn) }
        let resource = ProtectedResource(target.arn, account: target.key.account, policy: function.policy)
        try authorizer.require("lambda:InvokeFunction", on: resource, by: parcel.sender, wire: wireProtocol)
        if parcel.body.readableBytes > quotas.eventBytes {
            throw AWSError.eventTooLarge(parcel.body.readableBytes, limit: quotas.eventBytes)
        }
        if let problem = JSONSyntax.validate(parcel.body) {
            throw LambdaError.invalidRequestContent(message: "Could not parse payload into json: \(problem)")
        }
        let made = TraceID.make(from: parcel.trace)
        let (header, isSampled) = TraceID.decide(
            made, isCallers: made == parcel.trace, isActive: function.choose().isTraced)
        let request = AsyncQueue.Request(
            requestID: parcel.id, target: target, payload: parcel.body,
            traceID: Lineage.following(header, to: function.arn), isSampled: isSampled)
        try await queue.accept(request, on: eventLoops.next()).get()
    }
}
