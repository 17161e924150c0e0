import AWSWire
import NIOCore
import NIOHTTP1

extension Reception {
    /// Tells the audit of a request, after it was answered. What is done with resources, rather than to them, is told
    /// only when it was denied or when the audit asks for it: nothing is made for any other invocation.
    ///
    /// - Parameter body: As it was received; empty where it was not.
    func audit(
        _ plan: Plan, to head: RequestHead, body: ByteBuffer, requestID: String, answer: ServiceResponse
    ) {
        guard let sink = configuration.audit else { return }
        if let route = plan.route {
            return audit(route, plan, to: head, requestID: requestID, answer: answer, sink: sink)
        }
        switch plan.destination {
        case .service(let name?, let admission):
            guard let service = directory[name] else { return }
            let isData = service.isDataPlane(head.head, path: head.path, body: body)
            guard !isData || sink.wantsData || answer.status == .forbidden else { return }
            let isAuthentic = admission.pending == nil || !Self.isOfSignature(answer)
            let caller =
                isAuthentic
                ? admission.caller : Caller(.anonymous(admission.caller.account), region: admission.caller.region)
            // A form's body says which call it is.
            var isNamedInBody = false
            if case .query = plan.wire { isNamedInBody = true }
            let told = isData && !isNamedInBody ? ByteBuffer() : body
            sink.record(
                event(
                    of: service, head, body: told, caller: caller, requestID: requestID,
                    isAuthenticated: isAuthentic, claimedKeyID: admission.caller.accessKeyID, answer: answer))
        case .refused where answer.status != .payloadTooLarge:
            auditRefusal(head, body: body, requestID: requestID, answer: answer, sink: sink)
        case .refused, .service, .route, .health, .metrics, .reset: break
        }
    }

    /// The longest body of a refused request that is kept, in bytes: anybody may send as many as there are connections.
    private static let toldBody = 16_384

    /// Whether a refused request's body is kept for what the audit tells of it: a form's names the operation.
    func tellsBody(of plan: Plan, _ head: RequestHead) -> Bool {
        guard configuration.audit != nil, plan.route == nil, case .query = plan.wire,
            case .length(let length) = head.framing
        else { return false }
        return length <= Self.toldBody
    }

    /// A request to a page. What a function said in its own words is told to nobody, nor what it was asked.
    private func audit(
        _ route: GatewayRoute, _ plan: Plan, to head: RequestHead, requestID: String, answer: ServiceResponse,
        sink: any AuditSink
    ) {
        let isOurs = answer.author == .service
        guard let page = route.audit, sink.wantsData || isOurs && answer.status == .forbidden else { return }
        let isAuthentic: Bool
        let caller: Caller
        let isOfSignature = isOurs && Self.isOfSignature(answer)
        switch plan.destination {
        case .route(_, let admission):
            isAuthentic = admission.pending == nil || !isOfSignature
            caller =
                isAuthentic
                ? admission.caller : Caller(.anonymous(configuration.account), region: admission.caller.region)
        case .refused where isOfSignature:
            isAuthentic = false
            caller = Caller(.anonymous(configuration.account), region: configuration.region)
        case .refused, .service, .health, .metrics, .reset: return
        }
        var event = event(
            of: page.service, head, body: ByteBuffer(), caller: caller, requestID: requestID,
            isAuthenticated: isAuthentic, claimedKeyID: SigV4.Hint(head.signed).accessKeyID, answer: answer)
        guard let call = page.call(event.request, answer) else { return }
        event.call = call
        if !isOurs { (event.status, event.errorType, event.answer) = (200, nil, ByteBuffer()) }
        sink.record(event)
    }

    /// A request that was turned away for its signature before a service saw it. Whom it says that it is from is all
    /// that is known.
    private func auditRefusal(
        _ head: RequestHead, body: ByteBuffer, requestID: String, answer: ServiceResponse, sink: any AuditSink
    ) {
        guard Self.isOfSignature(answer) else { return }
        let request = head.signed
        let hint = SigV4.Hint(request)
        guard let name = authenticator.service(of: request, authenticator.read(request)), let service = directory[name]
        else { return }
        let caller = Caller(.anonymous(configuration.account), region: hint.region ?? configuration.region)
        sink.record(
            event(
                of: service, head, body: body, caller: caller, requestID: requestID, isAuthenticated: false,
                claimedKeyID: hint.accessKeyID, answer: answer))
    }

    private func event(
        of service: any AWSWire.Service, _ head: RequestHead, body: ByteBuffer, caller: Caller, requestID: String,
        isAuthenticated: Bool, claimedKeyID: String?, answer: ServiceResponse
    ) -> AuditEvent {
        let request = ServiceRequest(
            method: head.head.method, path: head.path, query: head.query, headers: head.head.headers, body: body,
            caller: caller, requestID: requestID, endpoint: head.endpoint, peer: head.peer)
        return AuditEvent(
            service: service, request: request, time: configuration.clock(), isAuthenticated: isAuthenticated,
            claimedKeyID: claimedKeyID, status: Int(answer.status.code),
            errorType: answer.headers.first(name: "x-amzn-errortype"), answer: answer.bytes)
    }

    /// Whether an answer refuses a request for its signature, in the words of any protocol.
    private static func isOfSignature(_ answer: ServiceResponse) -> Bool {
        guard answer.status == .forbidden || answer.status == .badRequest else { return false }
        if let type = answer.headers.first(name: "x-amzn-errortype") { return SigV4Failure.isCode(type) }
        guard answer.bytes.readableBytes < 65_536 else { return false }
        return SigV4Failure.isCode(AuditEvent.error(in: answer.bytes).code ?? "")
    }
}
