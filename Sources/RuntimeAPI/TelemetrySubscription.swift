import AWSWire
package import NIOCore

/// What an extension wants to hear of its environment, and where: the body of `PUT /2022-07-01/telemetry` or of
/// `PUT /2020-08-15/logs`. Bounds and defaults are those of Lambda's runtime interface emulator and of the API
/// references.
package struct TelemetrySubscription: Sendable, Hashable {
    /// Which of the two APIs. They differ in their events.
    package enum Schema: Sendable, Hashable {
        case telemetry
        case logs
    }

    package enum Category: String, Sendable, Hashable {
        case platform, function, `extension`
    }

    package enum Method: String, Sendable, Hashable {
        case post = "POST"
        case put = "PUT"
    }

    package enum Destination: Sendable, Hashable {
        /// A JSON array to this path at this port of the environment's loopback.
        case http(port: UInt16, path: String, method: Method)
        /// A JSON object a line to this port of the environment's loopback.
        case tcp(port: UInt16)
    }

    package var schema: Schema
    /// As it was asked for: `2022-07-01`, `2022-12-13`, `2025-01-29`, or `2020-08-15`, `2021-03-18` of the Logs API.
    package var schemaVersion: String
    /// In the order of the request.
    package var categories: [Category]
    package var destination: Destination
    /// A batch is sent when it has so many events,
    package var maxItems = 10_000
    /// or so many bytes,
    package var maxBytes = 262_144
    /// or is so old.
    package var timeout = TimeAmount.milliseconds(1000)

    struct Invalid: Error { var message: String }

    private static let versions: [Schema: Set<String>] = [
        .telemetry: ["2022-07-01", "2022-12-13", "2025-01-29"], .logs: ["2020-08-15", "2021-03-18"],
    ]

    /// Reads a request's body.
    init(_ body: ByteBuffer, schema: Schema) throws(Invalid) {
        guard let value = try? JSONValue(parsing: body), value.kind == .object else {
            throw Invalid(message: "the body is not a JSON object")
        }
        self.schema = schema
        let version = value["schemaVersion"]
        // The older API can do without.
        if schema == .logs, version == nil {
            schemaVersion = "2020-08-15"
        } else if let text = version?.string, Self.versions[schema]?.contains(text) == true {
            schemaVersion = text
        } else {
            throw Invalid(message: "schemaVersion is not supported")
        }
        guard let types = value["types"], types.kind == .array, !types.elements.isEmpty else {
            throw Invalid(message: "types: at least one of platform, function and extension is required")
        }
        categories = []
        for type in types.elements {
            guard let category = type.string.flatMap({ Category(rawValue: $0) }) else {
                throw Invalid(message: "types: only platform, function and extension are supported")
            }
            if !categories.contains(category) { categories.append(category) }
        }
        destination = try Self.destination(value["destination"])
        guard let buffering = value["buffering"], !buffering.isNull else { return }
        guard buffering.kind == .object else { throw Invalid(message: "buffering is not an object") }
        maxItems = try Self.number(buffering, "maxItems", 1000...10_000) ?? maxItems
        maxBytes = try Self.number(buffering, "maxBytes", 262_144...1_048_576) ?? maxBytes
        if let timeout = try Self.number(buffering, "timeoutMs", 25...30_000) {
            self.timeout = .milliseconds(Int64(timeout))
        }
    }

    private static func number(
        _ value: JSONValue, _ name: String, _ range: ClosedRange<Int>
    ) throws(Invalid) -> Int? {
        guard let member = value[name], !member.isNull else { return nil }
        guard let number = member.int, range.contains(number) else {
            throw Invalid(message: "buffering.\(name) must be between \(range.lowerBound) and \(range.upperBound)")
        }
        return number
    }

    private static func destination(_ value: JSONValue?) throws(Invalid) -> Destination {
        guard let value, value.kind == .object else { throw Invalid(message: "destination is required") }
        switch value["protocol"]?.string {
        case "TCP":
            guard let port = value["port"]?.int.flatMap({ UInt16(exactly: $0) }), port > 0 else {
                throw Invalid(message: "destination.port must be between 1 and 65535")
            }
            return .tcp(port: try usable(port))
        case "HTTP":
            guard let text = value["URI"]?.string, let (port, path) = address(text) else {
                throw Invalid(message: "destination.URI host must be sandbox.localdomain")
            }
            return .http(port: try usable(port), path: path, method: try method(value))
        default: throw Invalid(message: "destination.protocol must be HTTP or TCP")
        }
    }

    /// Of an HTTP destination: POST unless it says otherwise. JSON is the only encoding.
    private static func method(_ destination: JSONValue) throws(Invalid) -> Method {
        if let encoding = destination["encoding"], !encoding.isNull, encoding.string != "JSON" {
            throw Invalid(message: "destination.encoding must be JSON")
        }
        guard let value = destination["method"], !value.isNull else { return .post }
        guard let method = value.string.flatMap({ Method(rawValue: $0) }) else {
            throw Invalid(message: "destination.method must be POST or PUT")
        }
        return method
    }

    /// The Runtime API's own port is no destination.
    private static func usable(_ port: UInt16) throws(Invalid) -> UInt16 {
        if port == 9001 { throw Invalid(message: "destination port 9001 is reserved") }
        return port
    }

    /// `http://sandbox.localdomain:PORT/PATH`; `sandbox` will do, too.
    private static func address(_ text: String) -> (port: UInt16, path: String)? {
        guard text.utf8.count <= 2048, text.lowercased().hasPrefix("http://") else { return nil }
        let rest = text.dropFirst("http://".count)
        let authority = rest.prefix { $0 != "/" && $0 != "?" }
        let parts = authority.split(separator: ":", omittingEmptySubsequences: false)
        let host = parts.first?.lowercased() ?? ""
        guard host == "sandbox.localdomain" || host == "sandbox", parts.count <= 2 else { return nil }
        var port: UInt16 = 80
        if parts.count == 2 {
            guard let number = UInt16(parts[1]), number > 0 else { return nil }
            port = number
        }
        var path = String(rest.dropFirst(authority.count).prefix { $0 != "#" })
        if !path.hasPrefix("/") { path = "/" + path }
        // It goes into a request's first line.
        guard path.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else { return nil }
        return (port, path)
    }
}
