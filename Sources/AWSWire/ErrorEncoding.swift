import NIOCore
import NIOHTTP1

/// Turns errors into the answers of AWS's protocols.
package enum ErrorEncoding {
    /// - Parameter requestID: The request's id. The JSON protocols carry it only in the header that the gateway adds;
    ///   the XML ones repeat it in the body.
    package static func response(for error: AWSError, protocol wire: WireProtocol, requestID: String) -> ServiceResponse
    {
        switch wire {
        case .query(let namespace, let parts): return xml(for: error, in: namespace, parts, requestID: requestID)
        case .rpcCBOR(let names): return cbor(for: error, names)
        case .awsJSON(let version, let names): return json(for: error, version: version, names)
        case .restJSON: break
        }
        var headers: HTTPHeaders = ["Content-Type": "application/json", "x-amzn-ErrorType": error.code]
        var writer = JSONWriter()
        writer.beginObject()
        writeRestMembers(of: error, to: &writer)
        writer.endObject()
        error.addHeaders(to: &headers)
        return ServiceResponse(
            status: HTTPResponseStatus(statusCode: error.status), headers: headers, body: writer.buffer)
    }

    private static func json(for error: AWSError, version: String, _ names: WireProtocol.ErrorNames) -> ServiceResponse
    {
        var headers: HTTPHeaders = ["Content-Type": "application/x-amz-json-\(version)"]
        var writer = JSONWriter()
        let status = write(error, names, to: &writer, &headers)
        return ServiceResponse(status: status, headers: headers, body: writer.buffer)
    }

    private static func cbor(for error: AWSError, _ names: WireProtocol.ErrorNames) -> ServiceResponse {
        var headers: HTTPHeaders = ["Content-Type": "application/cbor", "smithy-protocol": "rpc-v2-cbor"]
        var writer = CBORWriter()
        let status = write(error, names, to: &writer, &headers)
        return ServiceResponse(status: status, headers: headers, body: writer.buffer)
    }

    /// `{"__type":…,"message":…}`, in either of the protocols that have it.
    private static func write(
        _ error: AWSError, _ names: WireProtocol.ErrorNames, to writer: inout some ShapeWriter,
        _ headers: inout HTTPHeaders
    ) -> HTTPResponseStatus {
        var status = error.status
        var type = error.code
        if case .queryCompatible(let namespace, let statuses) = names {
            headers.add(name: "x-amzn-query-error", value: "\(error.olderCode);\(error.faultInQueries)")
            type = "\(error.isOfValidation ? "com.amazon.coral.validate" : namespace)#\(error.code)"
            if statuses == .badRequest, status < 500 { status = 400 }
        }
        writer.beginObject()
        write("__type", type, to: &writer)
        for (name, value) in error.members { write(name, value, to: &writer) }
        if !error.message.isEmpty { write("message", error.message, to: &writer) }
        writer.endObject()
        error.addHeaders(to: &headers)
        return HTTPResponseStatus(statusCode: status)
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
    private static func xml(
        for error: AWSError, in namespace: String, _ parts: WireProtocol.QueryErrors, requestID: String
    ) -> ServiceResponse {
        var writer = XMLWriter()
        guard error != .unknownOperation else {
            // Which belongs to no operation's namespace.
            writer.empty("UnknownOperationException")
            return .payload(writer.buffer, status: 404, contentType: "text/xml")
        }
        writer.open("ErrorResponse", namespace: namespace)
        writer.element("Error") { writer in
            writer.element("Type") { $0.string(error.faultInQueries) }
            writer.element("Code") { $0.string(error.olderCode) }
            if !error.message.isEmpty { writer.element("Message") { $0.string(error.message) } }
            if parts == .withDetail { writer.empty("Detail") }
        }
        writer.element("RequestId") { $0.string(requestID) }
        writer.close("ErrorResponse")
        var headers: HTTPHeaders = ["Content-Type": "text/xml"]
        error.addHeaders(to: &headers)
        return ServiceResponse(
            status: HTTPResponseStatus(statusCode: error.status), headers: headers, body: writer.buffer)
    }

    private static func write(_ name: String, _ value: String, to writer: inout some ShapeWriter) {
        writer.name(name)
        writer.string(value)
    }
}

extension AWSError {
    /// What the query protocol calls it.
    fileprivate var olderCode: String { queryCode ?? (isOfValidation ? "ValidationError" : code) }
    fileprivate var isOfValidation: Bool { code == "ValidationException" }
    fileprivate var faultInQueries: String { fault == .client ? "Sender" : "Receiver" }

    fileprivate func addHeaders(to answer: inout HTTPHeaders) {
        for (name, value) in headers.sorted(by: { $0.key < $1.key }) { answer.add(name: name, value: value) }
    }
}
