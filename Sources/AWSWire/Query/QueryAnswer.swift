import NIOCore
package import NIOHTTP1

/// A shape that answers of the query protocol hold.
package protocol QueryOutput {
    /// Writes the members, each an element of its name; not the element around them.
    func encode(to writer: inout XMLWriter)
}

/// A result that JSON answers hold, too: services that speak both protocols choose when they answer.
package protocol JSONOutput {
    /// The answer of a successful operation.
    func encode() -> ServiceResponse
}

/// Requests and answers of the query protocol: which operation a form asks for, and the document around a result.
package enum QueryAnswer {
    /// Whether a request to a service that speaks JSON, too, is one of the query protocol.
    package static func isForm(_ headers: HTTPHeaders) -> Bool {
        !headers.contains(name: "x-amz-target") && !CBORAnswer.isAsked(headers)
            && headers.first(name: "content-type")?.hasPrefix("application/x-amz-json") != true
    }

    /// The name of the operation that a request asks for, whether or not there is one.
    ///
    /// - Throws: `MissingAction`.
    package static func action(of request: ServiceRequest) throws(AWSError) -> String {
        guard let action = FormValue(request)["Action"]?.text, !action.isEmpty else {
            throw AWSError(
                code: "MissingAction", message: "The request must contain the parameter Action.", status: 400)
        }
        return action
    }

    /// The request's action names no operation that the service has.
    package static func invalidAction(_ action: String, in request: ServiceRequest) -> AWSError {
        let version = FormValue(request)["Version"]?.text ?? ""
        return AWSError(
            code: "InvalidAction", message: "Could not find operation \(action) for version \(version)", status: 400)
    }

    /// `<XResponse><XResult>…</XResult><ResponseMetadata>…`.
    ///
    /// - Parameter output: nil for operations that return nothing.
    package static func response(
        _ operation: String, namespace: String, requestID: String, _ output: (any QueryOutput)? = nil
    ) -> ServiceResponse {
        var writer = XMLWriter()
        writer.open("\(operation)Response", namespace: namespace)
        if let output { writer.result("\(operation)Result", output) }
        writer.element("ResponseMetadata") { writer in
            writer.element("RequestId") { $0.string(requestID) }
        }
        writer.close("\(operation)Response")
        return .payload(writer.buffer, status: 200, contentType: "text/xml")
    }
}

extension XMLWriter {
    /// A result that has no members is one tag.
    fileprivate mutating func result(_ name: String, _ output: any QueryOutput) {
        let start = buffer.writerIndex
        open(name)
        let content = buffer.writerIndex
        output.encode(to: &self)
        guard buffer.writerIndex == content else { return close(name) }
        truncate(to: start)
        empty(name)
    }
}

extension AWSError {
    /// A parameter of a form that is not of its kind.
    package static var malformedInput: AWSError {
        AWSError(code: "MalformedInput", message: "Could not parse the request.", status: 400)
    }
}
