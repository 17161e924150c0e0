package import AWSWire
package import NIOCore
package import NIOHTTP1

/// What the audit tells of requests to EventBridge. Events are data, and are told to nobody.
extension EventsService {
    package var secretMembers: Set<String> { ["Detail", "Input", "InputTemplate"] }

    package func isDataPlane(_ head: HTTPRequestHead, path _: String, body _: ByteBuffer) -> Bool {
        head.headers.first(name: "x-amz-target") == "AWSEvents.PutEvents"
    }

    package func audited(_ request: ServiceRequest) -> AuditedCall? {
        guard var call = namedCall(request) else { return nil }
        if call.eventName == "PutEvents" { call.category = .data }
        return call
    }
}
