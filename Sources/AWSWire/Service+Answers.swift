package import NIOCore
import NIOHTTP1

extension ServiceRequest {
    /// The first header of that name, whatever its case.
    package func header(_ name: String) -> String? { headers.first(name: name) }
}

extension ServiceResponse {
    /// An answer without a body.
    package static func empty(_ status: Int) -> ServiceResponse {
        ServiceResponse(status: HTTPResponseStatus(statusCode: status))
    }

    /// An answer whose body is the JSON that `writer` holds.
    package static func json(_ writer: JSONWriter, status: Int, contentType: String) -> ServiceResponse {
        payload(writer.buffer, status: status, contentType: contentType)
    }

    /// An answer whose body is bytes.
    package static func payload(
        _ body: ByteBuffer?, status: Int, contentType: String, headers: [(name: String, value: String)] = []
    ) -> ServiceResponse {
        var all: HTTPHeaders = ["Content-Type": contentType]
        for (name, value) in headers { all.add(name: name, value: value) }
        return ServiceResponse(
            status: HTTPResponseStatus(statusCode: status), headers: all, body: body ?? ByteBuffer())
    }
}
