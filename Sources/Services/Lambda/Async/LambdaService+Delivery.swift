import AWSWire
package import Delivery
package import Identity
import LambdaModel
import Logging
import NIOCore
import Policies

/// Events of other services, and outcomes of other functions: what is taken is in the queue of asynchronous
/// invocations.
extension LambdaService: DeliveryTarget {
    package func deliver(_ parcel: Parcel) async throws(DeliveryFailure) {
        try await failing(parcel.target) { target in
            try await self.deliver(parcel, to: target)
        }
    }

    package func check(_ target: String, from sender: ServiceCaller) async throws(DeliveryFailure) {
        try await failing(target) { target in
            _ = try await self.function(target, for: sender)
        }
    }

    private func failing(
        _ arn: String, _ body: (FunctionTarget) async throws -> Void
    ) async throws(DeliveryFailure) {
        guard let target = FunctionTarget(arn: arn) else {
            throw DeliveryFailure(
                code: "InvalidParameterValueException", message: "\(arn) is no function.", isFinal: true)
        }
        do {
            try await body(target)
        } catch let error as AWSError {
            throw DeliveryFailure(error)
        } catch {
            logger.error("An event could not be taken", metadata: ["target": "\(arn)", "error": "\(error)"])
            throw DeliveryFailure(code: "ServiceException", message: "The queue cannot be written.", isFinal: false)
        }
    }

    /// The function, where its policy lets the sender invoke it.
    private func function(_ target: FunctionTarget, for sender: ServiceCaller) async throws -> ResolvedFunction {
        guard let function = try await resolved(target) else { throw AWSError.functionNotFound(target.arn) }
        try authorizer.require(
            "lambda:InvokeFunction", on: function.resource(as: target), by: sender, wire: wireProtocol,
            context: function.tags)
        return function
    }

    private func deliver(_ parcel: Parcel, to target: FunctionTarget) async throws {
        let function = try await function(target, for: parcel.sender)
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
            requestID: parcel.id, target: target, creation: function.creation, payload: parcel.body,
            traceID: Lineage.following(header, to: function.arn), isSampled: isSampled, meters: function.meters)
        try await queue.accept(request, on: eventLoops.next()).get()
    }
}
