package import NIOHTTP1

/// AWS Signature Version 4: what client and server agree on.
///
/// The algorithm is AWS's "Create a signed AWS API request" (IAM User Guide) and, for bodies sent in signed chunks,
/// "Signature calculations: transferring payload in multiple chunks" (S3 API Reference).
package enum SigV4 {
    package static let algorithm = "AWS4-HMAC-SHA256"
    package static let terminator = "aws4_request"
    /// How far a request's clock may be off, in seconds.
    package static let skew: Int64 = 5 * 60
    /// The longest life of a presigned URL, in seconds: seven days.
    package static let longestExpiry: Int64 = 604_800
    package static let unsignedPayload = "UNSIGNED-PAYLOAD"
    package static let emptyPayloadHash = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

    /// The parts of a request that a signature covers, apart from its payload.
    package struct Request: Sendable {
        package var method: HTTPMethod
        /// Percent-encoded as on the wire, without the query.
        package var path: String
        /// Percent-encoded as on the wire, without the `?`.
        package var query: String?
        package var headers: HTTPHeaders

        package init(method: HTTPMethod, path: String, query: String? = nil, headers: HTTPHeaders) {
            self.method = method
            self.path = path
            self.query = query
            self.headers = headers
        }
    }

    /// What a signature is valid for: `DATE/REGION/SERVICE/aws4_request`.
    package struct Scope: Sendable, Hashable, CustomStringConvertible {
        /// `YYYYMMDD`.
        package var day: String
        package var region: String
        package var service: String

        package init(day: String, region: String, service: String) {
            self.day = day
            self.region = region
            self.service = service
        }

        package var description: String { "\(day)/\(region)/\(service)/\(SigV4.terminator)" }
    }

    /// A key with which requests are signed.
    package struct Credentials: Sendable, Hashable {
        package var accessKeyID: String
        package var secretAccessKey: String
        /// Of temporary credentials only.
        package var sessionToken: String?

        package init(accessKeyID: String, secretAccessKey: String, sessionToken: String? = nil) {
            self.accessKeyID = accessKeyID
            self.secretAccessKey = secretAccessKey
            self.sessionToken = sessionToken
        }
    }

    /// What stands for the payload in the canonical request.
    package enum Payload: Sendable, Hashable {
        /// The hash of the body as it arrived.
        case body
        /// The hash that `x-amz-content-sha256` declares, which the body must have.
        case declared(String)
        /// `UNSIGNED-PAYLOAD`: the signature does not cover the body.
        case unsigned
        /// aws-chunked; the case's text is the value of `x-amz-content-sha256`.
        case chunks(Chunking)

        package enum Chunking: String, Sendable, Hashable {
            case signed = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"
            case signedWithTrailer = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER"
            case unsignedWithTrailer = "STREAMING-UNSIGNED-PAYLOAD-TRAILER"
        }
    }
}
