import NIOCore
import NIOHTTP1

/// Turns errors into the answers of AWS's protocols.
package enum ErrorEncoding {
    /// - Parameter requestID: The request's id. The JSON protocols carry it only in the header that the gateway adds;
    ///   the XML ones repeat it in the body.
    package static func response(for error: AWSError, protocol wire: WireProtocol, requestID: String) -> ServiceResponse
    {
        if case .query(let namespace) = wire { return xml(for: error, in: namespace, requestID: requestID) }
        var headers = HTTPHeaders()
        var writer = JSONWriter()
        writer.beginObject()
        switch wire {
        case .restJSON:
            headers.add(name: "Content-Type", value: "application/json")
            headers.add(name: "x-amzn-ErrorType", value: error.code)
            writeRestMembers(of: error, to: &writer)
        case .awsJSON(let version, let names):
            headers.add(name: "Content-Type", value: "application/x-amz-json-\(version)")
            if case .queryCompatible(let namespace) = names {
                headers.add(name: "x-amzn-query-error", value: "\(error.olderCode);\(error.faultInQueries)")
                write("__type", "\(namespace)#\(error.code)", to: &writer)
            } else {
                write("__type", error.code, to: &writer)
            }
            for (name, value) in error.members { write(name, value, to: &writer) }
            if !error.message.isEmpty { write("message", error.message, to: &writer) }
        case .query: break
        }
        writer.endObject()
        for (name, value) in error.headers.sorted(by: { $0.key < $1.key }) { headers.add(name: name, value: value) }
        return ServiceResponse(
            status: HTTPResponseStatus(statusCode: error.status), headers: headers, body: writer.buffer)
    }

    /// `{"Reason":…,"Type":"User","message":…}`: the shape's own members before the two that nearly all have.
    private static func writeRestMembers(of error: AWSError, to writer: inout JSONWriter) {
        for (name, value) in error.members { write(name, value, to: &writer) }
        switch (error.spelling, error.fault) {
        case (.typed(let message), _):
            write("Type", error.fault.rawValue, to: &writer)
            write(message, error.message, to: &writer)
        case (.untyped(let message), _): write(message, error.message, to: &writer)
        case (.plain, .server):
            write("Type", error.fault.rawValue, to: &writer)
            write("Message", error.message, to: &writer)
        case (.plain, .client): write("message", error.message, to: &writer)
        }
    }

    /// `<ErrorResponse>`, with the fault in the query protocol's words.
    private static func xml(for error: AWSError, in namespace: String, requestID: String) -> ServiceResponse {
        var writer = XMLWriter()
        writer.open("ErrorResponse", namespace: namespace)
        writer.element("Error") { writer in
            writer.element("Type") { $0.string(error.faultInQueries) }
            writer.element("Code") { $0.string(error.olderCode) }
            writer.element("Message") { $0.string(error.message) }
        }
        writer.element("RequestId") { $0.string(requestID) }
        writer.close("ErrorResponse")
        var headers: HTTPHeaders = ["Content-Type": "text/xml"]
        for (name, value) in error.headers.sorted(by: { $0.key < $1.key }) { headers.add(name: name, value: value) }
        return ServiceResponse(
            status: HTTPResponseStatus(statusCode: error.status), headers: headers, body: writer.buffer)
    }

    private static func write(_ name: String, _ value: String, to writer: inout JSONWriter) {
        writer.name(name)
        writer.string(value)
    }
}

extension AWSError {
    /// What the query protocol calls it.
    fileprivate var olderCode: String { queryCode ?? code }
    fileprivate var faultInQueries: String { fault == .client ? "Sender" : "Receiver" }
}
