package import AWSWire
import SchedulerModel

/// What the audit tells of requests to Scheduler. What targets are sent is data.
extension SchedulerService {
    package var secretMembers: Set<String> { Scheduler.Operation.sensitiveMembers.union(["Input"]) }

    package func hasOperation(_ name: String) -> Bool { Scheduler.Operation(rawValue: name) != nil }

    package func audited(_ request: ServiceRequest) -> AuditedCall? {
        guard let (operation, labels) = Scheduler.route(request) else { return nil }
        let disclosure = AuditDisclosure(secretMembers)
        return AuditedCall(
            operation.rawValue, of: signingName, parameters: disclosure.parameters(of: request, labels: labels),
            disclosure: disclosure)
    }
}
