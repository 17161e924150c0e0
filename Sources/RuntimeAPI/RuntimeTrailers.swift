import AWSWire
import NIOCore
import NIOHTTP1

/// What a runtime says after the body of a response that it sent in parts.
enum RuntimeTrailers {
    /// The error that ended the response: the trailers `Lambda-Runtime-Function-Error-Type` and, in base64,
    /// `Lambda-Runtime-Function-Error-Body`. A body that is no base64 counts as empty.
    /// https://docs.aws.amazon.com/lambda/latest/dg/runtimes-custom.html#runtimes-custom-response-streaming
    ///
    /// - Returns: nil when there was no error.
    static func error(_ trailers: HTTPHeaders) -> (document: ByteBuffer, type: RuntimeErrorType)? {
        guard let type = trailers.first(name: "Lambda-Runtime-Function-Error-Type"), !type.isEmpty else { return nil }
        let body = trailers.first(name: "Lambda-Runtime-Function-Error-Body").flatMap { Base64.decode($0) }
        return (ByteBuffer(bytes: body ?? []), RuntimeErrorType(claimed: type))
    }
}
