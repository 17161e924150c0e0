package import Identity
package import NIOCore

/// Sends requests to other machines.
package protocol WebPosting: Sendable {
    /// Posts a body. Redirections are not followed, and the answer's body is not read.
    ///
    /// - Returns: The answer's status.
    /// - Throws: ``EndpointRefused``; anything else when no answer came within `timeout`.
    func post(_ url: String, headers: [(name: String, value: String)], body: ByteBuffer, timeout: TimeAmount)
        async throws -> Int
}

/// Nothing is posted to that host.
package struct EndpointRefused: Error, Sendable, Hashable, CustomStringConvertible {
    package var host: String

    package init(host: String) { self.host = host }

    package var description: String { "\(host) is at no address that is posted to." }
}

/// Takes parcels for `http:` and `https:` URLs: their bodies are posted there, their attributes are headers.
package struct WebTarget: DeliveryTarget {
    /// As long as SNS waits for an endpoint.
    private static let timeout = TimeAmount.seconds(15)

    private let web: any WebPosting

    package init(web: any WebPosting) { self.web = web }

    package func deliver(_ parcel: Parcel) async throws(DeliveryFailure) {
        let headers = parcel.attributes.sorted { $0.key < $1.key }.compactMap { name, attribute in
            if case .text(let value) = attribute.value { (name: name, value: value) } else { nil }
        }
        let status: Int
        do {
            status = try await web.post(parcel.target, headers: headers, body: parcel.body, timeout: Self.timeout)
        } catch let error as EndpointRefused {
            throw DeliveryFailure(code: "EndpointRefused", message: "\(error)", isFinal: true)
        } catch {
            throw DeliveryFailure(code: "EndpointUnreachable", message: "\(error)", isFinal: false)
        }
        guard !(200..<300).contains(status) else { return }
        throw DeliveryFailure(
            code: "HTTP\(status)", message: "The endpoint answered \(status).", isFinal: Self.isFinal(status))
    }

    /// Nobody is asked: what is there tells whether it takes it.
    package func check(_: String, from _: ServiceCaller) async throws(DeliveryFailure) {}

    /// Whoever answers that the request is at fault will do so again; one who is asked too much may not.
    private static func isFinal(_ status: Int) -> Bool { (300..<500).contains(status) && status != 429 }
}
