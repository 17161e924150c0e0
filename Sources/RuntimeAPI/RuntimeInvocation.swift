import AWSWire
package import NIOCore

/// One invocation as the runtime sees it: the answer to `GET …/runtime/invocation/next`.
package struct RuntimeInvocation: Sendable {
    /// `Lambda-Runtime-Aws-Request-Id`.
    package var requestID: String
    /// `Lambda-Runtime-Deadline-Ms`: milliseconds since 1970.
    package var deadline: Int64
    /// `Lambda-Runtime-Invoked-Function-Arn`.
    package var functionARN: String
    /// `Lambda-Runtime-Trace-Id`.
    package var traceID: String
    /// `Lambda-Runtime-Client-Context`: JSON. Control characters (legal white space in JSON, illegal in a header) go
    /// out as spaces.
    package var clientContext: String?
    /// `Lambda-Runtime-Cognito-Identity`: JSON, treated like the client context.
    package var cognitoIdentity: String?
    /// The event. Never looked at, never copied.
    package var payload: ByteBuffer
    /// Whether a response that the runtime sends in parts is wanted as it comes; else it is gathered first.
    package var streams: Bool

    package init(
        requestID: String, deadline: Int64, functionARN: String, traceID: String, clientContext: String? = nil,
        cognitoIdentity: String? = nil, payload: ByteBuffer, streams: Bool = false
    ) {
        self.requestID = requestID
        self.deadline = deadline
        self.functionARN = functionARN
        self.traceID = traceID
        self.clientContext = clientContext
        self.cognitoIdentity = cognitoIdentity
        self.payload = payload
        self.streams = streams
    }

    /// The answer's bytes up to the body.
    func head(keepAlive: Bool, allocator: ByteBufferAllocator) -> ByteBuffer {
        let optional = (clientContext?.utf8.count ?? 0) + (cognitoIdentity?.utf8.count ?? 0)
        var head = allocator.buffer(capacity: 512 + functionARN.utf8.count + optional)
        head.writeStaticString("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nLambda-Runtime-Aws-Request-Id: ")
        head.writeHeaderValue(requestID)
        head.writeStaticString("\r\nLambda-Runtime-Deadline-Ms: ")
        head.writeDecimal(deadline)
        head.writeStaticString("\r\nLambda-Runtime-Invoked-Function-Arn: ")
        head.writeHeaderValue(functionARN)
        if !traceID.isEmpty {
            head.writeStaticString("\r\nLambda-Runtime-Trace-Id: ")
            head.writeHeaderValue(traceID)
        }
        if let clientContext, !clientContext.isEmpty {
            head.writeStaticString("\r\nLambda-Runtime-Client-Context: ")
            head.writeHeaderValue(clientContext)
        }
        if let cognitoIdentity, !cognitoIdentity.isEmpty {
            head.writeStaticString("\r\nLambda-Runtime-Cognito-Identity: ")
            head.writeHeaderValue(cognitoIdentity)
        }
        if !keepAlive { head.writeStaticString("\r\nConnection: close") }
        head.writeStaticString("\r\nContent-Length: ")
        head.writeDecimal(Int64(payload.readableBytes))
        head.writeStaticString("\r\n\r\n")
        return head
    }
}

extension ByteBuffer {
    /// Appends `value` with every control character turned into a space, so that no value can end its header.
    mutating func writeHeaderValue(_ value: String) {
        if value.utf8.allSatisfy({ $0 >= 0x20 && $0 != 0x7F }) {
            writeString(value)
        } else {
            writeBytes(value.utf8.lazy.map { $0 < 0x20 || $0 == 0x7F ? 0x20 : $0 })
        }
    }
}
