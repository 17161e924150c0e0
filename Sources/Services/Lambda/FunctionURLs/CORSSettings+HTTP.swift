import AWSWire
import NIOHTTP1

/// Cross-origin requests: https://docs.aws.amazon.com/lambda/latest/dg/urls-configuration.html#urls-cors
extension CORSSettings {
    /// Whether a browser asks beforehand what it may send. Such a request never reaches the function.
    static func isPreflight(_ request: ServiceRequest) -> Bool {
        request.method == .OPTIONS && request.headers.contains(name: "origin")
            && request.headers.contains(name: "access-control-request-method")
    }

    /// The answer to a preflight; one without permissions where the origin or the method has none.
    func preflight(_ request: ServiceRequest) -> ServiceResponse {
        var response = ServiceResponse(headers: ["Content-Type": "application/json"])
        let method = request.headers.first(name: "access-control-request-method") ?? ""
        guard allows(method: method), let origin = allowed(request) else { return response }
        add(origin, to: &response.headers)
        response.headers.add(
            name: "Access-Control-Allow-Methods", value: allowMethods?.joined(separator: ",") ?? method)
        if let allowHeaders, !allowHeaders.isEmpty {
            response.headers.add(name: "Access-Control-Allow-Headers", value: allowHeaders.joined(separator: ","))
        }
        if let maxAge { response.headers.add(name: "Access-Control-Max-Age", value: String(maxAge)) }
        return response
    }

    /// Puts these settings in the place of what the function itself said.
    func apply(to headers: inout HTTPHeaders, _ request: ServiceRequest) {
        guard let origin = allowed(request) else { return }
        add(origin, to: &headers)
        if let exposeHeaders, !exposeHeaders.isEmpty {
            headers.replaceOrAdd(name: "Access-Control-Expose-Headers", value: exposeHeaders.joined(separator: ","))
        }
    }

    private func add(_ origin: String, to headers: inout HTTPHeaders) {
        headers.replaceOrAdd(name: "Access-Control-Allow-Origin", value: origin)
        if origin != "*" { headers.add(name: "Vary", value: "Origin") }
        if allowCredentials == true { headers.replaceOrAdd(name: "Access-Control-Allow-Credentials", value: "true") }
    }

    private func allows(method: String) -> Bool {
        guard let allowMethods else { return true }
        return allowMethods.contains { $0 == "*" || $0.lowercased() == method.lowercased() }
    }

    /// What to call the request's origin; nil where it is not allowed or there is none. Credentials need a name.
    private func allowed(_ request: ServiceRequest) -> String? {
        guard let origin = request.headers.first(name: "origin"), let allowOrigins else { return nil }
        if allowOrigins.contains("*") { return allowCredentials == true ? origin : "*" }
        return allowOrigins.contains { Self.matches(origin, $0) } ? origin : nil
    }

    /// Whether an origin is the one named, or one of all that a single `*` stands for.
    private static func matches(_ origin: String, _ pattern: String) -> Bool {
        guard let star = pattern.firstIndex(of: "*") else { return origin.lowercased() == pattern.lowercased() }
        let (start, end) = (pattern[..<star].lowercased(), pattern[pattern.index(after: star)...].lowercased())
        let text = origin.lowercased()
        return text.utf8.count >= start.utf8.count + end.utf8.count && text.hasPrefix(start) && text.hasSuffix(end)
    }
}
