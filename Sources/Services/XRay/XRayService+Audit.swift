package import AWSWire
package import NIOHTTP1
import XRayModel

/// What the audit tells of requests to X-Ray.
extension XRayService {
    package var secretMembers: Set<String> { XRay.Operation.sensitiveMembers }

    package func isDataPlane(_ method: HTTPMethod, path: String) -> Bool {
        path == "/TraceSegments" || path == "/TelemetryRecords" || path == "/SamplingTargets"
    }

    package func audited(_ request: ServiceRequest) -> AuditedCall? {
        guard let operation = XRay.route(request) else { return nil }
        let disclosure = AuditDisclosure(secretMembers)
        let isData = isDataPlane(request.method, path: request.path)
        var call = AuditedCall(
            operation.rawValue, of: signingName,
            parameters: isData ? .object([]) : disclosure.body(request.body), disclosure: disclosure)
        if isData {
            call.category = .data
            call.tellsAnswer = false
        }
        return call
    }
}
