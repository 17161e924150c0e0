import AWSWire

extension DeliveryTarget {
    /// Has a service do something, and says what its errors mean to who delivers: those of AWS speak for themselves,
    /// any other may pass.
    ///
    /// - Parameters:
    ///   - service: Nil once it has ended.
    ///   - name: As messages name it.
    package func ask<Asked>(
        _ service: Asked?, _ name: String, _ work: (Asked) async throws -> Void
    ) async throws(DeliveryFailure) {
        guard let service else {
            throw DeliveryFailure(code: "ServiceUnavailable", message: "\(name) has ended.", isFinal: false)
        }
        do {
            try await work(service)
        } catch let error as AWSError {
            throw DeliveryFailure(error)
        } catch {
            throw DeliveryFailure(code: "InternalError", message: "\(error)", isFinal: false)
        }
    }
}
