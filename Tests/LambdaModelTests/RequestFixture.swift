import AWSWire
import NIOCore
import NIOHTTP1

@testable import LambdaModel

/// A request as the gateway hands it over.
func request(
    _ method: HTTPMethod, _ path: String, query: String? = nil, headers: HTTPHeaders = [:], body: String = ""
) -> ServiceRequest {
    let caller = Caller(.root(.standard, accessKeyID: "key"), region: "us-east-1")
    return ServiceRequest(
        method: method, path: path, query: query, headers: headers, body: ByteBuffer(string: body), caller: caller,
        requestID: "5f0c1c3e-8b0a-4f6e-9d0a-2b9a5c1d7e42")
}
