package import AWSWire
import Fleet
import Identity
package import NIOCore
import NIOHTTP1
import Policies

/// Requests to function URLs, from HTTP to the fleet and back, on the connection's event loop.
extension LambdaService {
    /// Whether requests to a URL have to be signed; nil when there is no such URL.
    package func requiresSignature(url id: String) -> Bool? { urls[id]?.url.requiresSignature }

    /// Answers a request to a function URL.
    ///
    /// - Parameters:
    ///   - region: As the host name has it; nil when the path names the URL.
    ///   - path: Below the URL.
    ///   - request: Its caller is anonymous unless a signature was found to be good.
    package func serve(
        url id: String, region: String? = nil, path: String, _ request: ServiceRequest, on eventLoop: any EventLoop
    ) -> EventLoopFuture<ServiceResponse> {
        guard let entry = urls[id], region == nil || region == entry.target.key.region else {
            return eventLoop.makeSucceededFuture(URLAnswer.unknown)
        }
        if let cors = entry.url.cors, CORSSettings.isPreflight(request) {
            return eventLoop.makeSucceededFuture(cors.preflight(request))
        }
        let call = URLCall(entry: entry, path: path, request: request)
        let began = configuration.clock()
        return resolved(entry.target, on: eventLoop).flatMap { function in
            self.answer(call, function, on: eventLoop).flatMapErrorThrowing { error in
                guard let error = (error as? FleetError).map(AWSError.init) ?? error as? AWSError else { throw error }
                return ErrorEncoding.response(for: error, protocol: .restJSON, requestID: request.requestID)
            }.map { response in
                var response = response
                response.headers.replaceOrAdd(name: "X-Amzn-Trace-Id", value: call.traceID)
                entry.url.cors?.apply(to: &response.headers, request)
                function?.meters.recordURL(response.status, since: began)
                return response
            }
        }
    }

    /// Has the function answer, where it may be called.
    private func answer(
        _ call: URLCall, _ function: ResolvedFunction?, on eventLoop: any EventLoop
    ) -> EventLoopFuture<ServiceResponse> {
        guard let function, function.urlID == call.entry.url.id, call.isAllowed(to: function, authorizer) else {
            return eventLoop.makeSucceededFuture(URLAnswer.forbidden)
        }
        do {
            return try invoke.begin(call, function, on: eventLoop)
        } catch {
            return eventLoop.makeFailedFuture(error)
        }
    }

    private func resolved(_ target: FunctionTarget, on eventLoop: any EventLoop) -> EventLoopFuture<ResolvedFunction?> {
        if let function = cache.lookup(target) { return eventLoop.makeSucceededFuture(function) }
        return eventLoop.makeFutureWithTask { try await self.cache.load(target) }
    }
}

/// One request to a function URL.
struct URLCall: Sendable {
    let entry: FunctionURLDirectory.Entry
    let path: String
    let request: ServiceRequest
    let traceID: String
    private let isCallersTrace: Bool

    init(entry: FunctionURLDirectory.Entry, path: String, request: ServiceRequest) {
        self.entry = entry
        self.path = path
        self.request = request
        let header = request.headers.first(name: "X-Amzn-Trace-Id")
        traceID = TraceID.make(from: header)
        isCallersTrace = traceID == header
    }

    /// What the function's trace header is, and whether it is sampled.
    func trace(isActive: Bool) -> (header: String, isSampled: Bool) {
        TraceID.decide(traceID, isCallers: isCallersTrace, isActive: isActive)
    }

    /// Whether the URL answers this caller, who has to be allowed both actions.
    /// https://docs.aws.amazon.com/lambda/latest/dg/urls-auth.html
    func isAllowed(to function: ResolvedFunction, _ authorizer: Authorizer) -> Bool {
        let isSigned = entry.url.requiresSignature
        if isSigned, request.caller.principal.kind == .anonymous { return false }
        let resource = function.resource(as: entry.target)
        let principal = isSigned ? request.caller.principal : .anonymous(request.caller.account)
        var context = function.tags
        context["lambda:FunctionUrlAuthType"] = [entry.url.authType]
        context["lambda:InvokedViaFunctionUrl"] = ["true"]
        return ["lambda:InvokeFunctionUrl", "lambda:InvokeFunction"].allSatisfy { action in
            authorizer.allows(action, on: resource, by: principal, request, context: context)
        }
    }

    func event() -> ByteBuffer {
        let region = entry.target.key.region
        let host = request.headers.first(name: "host") ?? ""
        let isNamed = FunctionURLAddress.parse(host: host) != nil
        return URLEvent(
            id: entry.url.id,
            domain: isNamed ? String(host.prefix { $0 != ":" }) : "\(entry.url.id).lambda-url.\(region).localhost",
            path: path, request: request, signer: entry.url.requiresSignature ? request.caller : nil,
            traceID: traceID, time: WallClock.milliseconds()
        ).encode()
    }
}

extension Invoke {
    /// Runs the function with the event of a URL's request.
    ///
    /// - Throws: ``AWSError``, where the invocation cannot begin.
    fileprivate func begin(_ call: URLCall, _ function: ResolvedFunction, on eventLoop: any EventLoop) throws
        -> EventLoopFuture<ServiceResponse>
    {
        let chosen = function.choose()
        let version = try chosen.ready()
        let trace = call.trace(isActive: chosen.isTraced)
        let payload = call.event()
        // Escapes and base64 make the event larger than its body was.
        guard payload.readableBytes <= quotas.payloadBytes else { throw AWSError.urlRequestTooLarge(quotas) }
        let invocation = Invocation(
            requestID: call.request.requestID, payload: payload, invokedARN: call.entry.target.arn,
            traceID: trace.header, isSampled: trace.isSampled, logTail: .none, meters: chosen.meters)
        if call.entry.url.streams {
            return stream(version, invocation, on: eventLoop).map { URLAnswer.response($0).byTheFunction }
        }
        return fleet.invoke(version, invocation, on: eventLoop).map { outcome in
            (outcome.functionError == nil ? URLAnswer.response(outcome.payload) : URLAnswer.badGateway).byTheFunction
        }
    }
}

extension LambdaMeters {
    /// A request to the URL was answered. Samples of what it was not are zeros, so that averages are rates.
    ///
    /// - Parameter time: When it came.
    fileprivate func recordURL(_ status: HTTPResponseStatus, since time: Int64) {
        record(.urlRequestCount, at: time)
        record(.url4xxCount, (400..<500).contains(status.code) ? 1 : 0, at: time)
        record(.url5xxCount, status.code >= 500 ? 1 : 0, at: time)
        record(.urlRequestLatency, Double(clock() - time), at: time)
    }
}

extension ServiceResponse {
    fileprivate var byTheFunction: ServiceResponse {
        var response = self
        response.author = .function
        return response
    }
}

extension LambdaService {
    /// The largest body that a function URL takes, in bytes, and the error for a larger one.
    package var urlBodyLimit: (bytes: Int, error: AWSError) { (quotas.payloadBytes, .urlRequestTooLarge(quotas)) }
}

extension AWSError {
    fileprivate static func urlRequestTooLarge(_ quotas: Quotas) -> AWSError {
        requestEntityTooLarge(
            "Request must be smaller than \(quotas.payloadBytes) bytes for the InvokeFunction operation")
    }
}
