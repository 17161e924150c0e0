import NIOCore
package import NIOHTTP1

/// Requests and answers of the rpc-v2-cbor protocol: the path names the operation, bodies are CBOR.
package enum CBORAnswer {
    /// Whether a request speaks it.
    package static func isAsked(_ headers: HTTPHeaders) -> Bool {
        headers.first(name: "smithy-protocol") == "rpc-v2-cbor"
    }

    /// A request's body in JSON, which shapes are read from; that of another protocol as it is.
    ///
    /// - Throws: `SerializationException` for a body that is not CBOR.
    static func inJSON(_ request: ServiceRequest) throws(AWSError) -> ByteBuffer {
        guard isAsked(request.headers) else { return request.body }
        do { return try CBOR.json(request.body) } catch {
            throw .serialization("Could not parse request body into cbor: \(error)")
        }
    }

    /// The operation that a path names: `/service/NAME/operation/OPERATION`, whatever is before it.
    package static func operation(of path: String) -> Substring? {
        let parts = path.split(separator: "/", omittingEmptySubsequences: false).suffix(4)
        guard parts.count == 4, let operation = parts.last, !operation.isEmpty, parts[parts.startIndex] == "service",
            parts[parts.startIndex + 2] == "operation"
        else { return nil }
        return operation
    }

    /// The answer of a successful operation.
    ///
    /// - Parameter output: What it returns; nil for operations that return nothing.
    package static func response(_ output: (any ShapeOutput)?) -> ServiceResponse {
        var response: ServiceResponse
        if let output {
            var writer = CBORWriter()
            output.encode(to: &writer)
            response = .payload(writer.buffer, status: 200, contentType: "application/cbor")
        } else {
            response = .empty(200)
        }
        response.headers.add(name: "smithy-protocol", value: "rpc-v2-cbor")
        return response
    }
}
