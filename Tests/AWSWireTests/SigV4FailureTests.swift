import AWSWire
import NIOCore
import NIOHTTP1
import Testing

/// The refusals and their wording. The texts are those of AWS's services: the IAM User Guide ("Troubleshoot Signature
/// Version 4") quotes the scope and clock ones, and the incomplete ones are as answers of REST services read today.
@Suite struct SigV4FailureTests {
    static let now = SigV4Time(secondsSince1970: 1_772_600_767)  // 20260304T050607Z
    static let signer = SigV4.Signer(
        credentials: SigV4.Credentials(accessKeyID: "AKIDEXAMPLE", secretAccessKey: "secret"), region: "us-east-1",
        service: "lambda")

    static func signed(at time: SigV4Time = now, headers: [(String, String)] = []) -> SigV4.Request {
        var all: HTTPHeaders = ["Host": "localhost:4566"]
        all.add(contentsOf: headers)
        var request = SigV4.Request(method: .GET, path: "/2015-03-31/functions", headers: all)
        signer.sign(&request, payloadHash: SigV4.emptyPayloadHash, at: time)
        return request
    }

    static func failure(_ request: SigV4.Request, service: String? = "lambda") -> SigV4Failure? {
        do {
            let claim = try SigV4.Claim(request)
            try claim.check(request, now: now, service: service)
            return nil
        } catch {
            return error
        }
    }

    static func with(authorization: String, date: String? = now.basic) -> SigV4.Request {
        var headers: HTTPHeaders = ["Host": "localhost", "Authorization": authorization]
        if let date { headers.add(name: "X-Amz-Date", value: date) }
        return SigV4.Request(method: .GET, path: "/", headers: headers)
    }

    @Test func wellSignedPasses() {
        #expect(Self.failure(Self.signed()) == nil)
        #expect(Self.failure(Self.signed(at: Self.now + 300)) == nil)
        #expect(Self.failure(Self.signed(at: Self.now - 300)) == nil)
    }

    @Test func nothing() {
        let failure = Self.failure(SigV4.Request(method: .GET, path: "/", headers: ["Host": "localhost"]))
        #expect(failure?.code == .missingAuthenticationToken)
        #expect(failure?.message == "Missing Authentication Token")
    }

    @Test func missingParameters() {
        let failure = Self.failure(Self.with(authorization: "AWS4-HMAC-SHA256", date: nil))
        #expect(failure?.code == .incompleteSignature)
        #expect(
            failure?.message
                == "Authorization header requires 'Credential' parameter. Authorization header requires 'Signature' "
                + "parameter. Authorization header requires 'SignedHeaders' parameter. Authorization header requires "
                + "existence of either a 'X-Amz-Date' or a 'Date' header. (Hashed with SHA-256 and encoded with Base64) "
                // printf AWS4-HMAC-SHA256 | openssl dgst -sha256 -binary | base64
                + "Authorization=YI2YWea8FSxnksZL2ETHbs5elHm9HQufxTLK0W0ffV0=")
    }

    @Test func noEqualSign() {
        let failure = Self.failure(Self.with(authorization: "Bearer abc"))
        #expect(failure?.code == .incompleteSignature)
        #expect(
            failure?.message.hasPrefix(
                "Invalid key=value pair (missing equal-sign) in Authorization header (hashed with SHA-256 and encoded "
                    + "with Base64): '") == true)
    }

    @Test(arguments: [
        (
            "AWS5 Credential=a/b/c/d/aws4_request, SignedHeaders=host, Signature=0",
            "Unsupported AWS 'algorithm': 'AWS5'."
        ),
        (
            "AWS4-HMAC-SHA256 Credential=AKID, SignedHeaders=host, Signature=0",
            "Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, got 'AKID'"
        ),
    ])
    func incomplete(authorization: String, message: String) {
        #expect(
            Self.failure(Self.with(authorization: authorization)) == SigV4Failure(.incompleteSignature, message))
    }

    @Test func badDate() {
        let header = "AWS4-HMAC-SHA256 Credential=a/b/c/d/aws4_request, SignedHeaders=host, Signature=0"
        for date in ["today", "20260304T050607", "20261304T050607Z", "20260230T050607Z", "20260304T240000Z"] {
            #expect(
                Self.failure(Self.with(authorization: header, date: date))
                    == SigV4Failure(
                        .incompleteSignature,
                        "Date must be in ISO-8601 'basic format'. Got '\(date)'. "
                            + "See http://en.wikipedia.org/wiki/ISO_8601"))
        }
    }

    @Test func expired() {
        #expect(
            Self.failure(Self.signed(at: Self.now - 301))
                == SigV4Failure(
                    .invalidSignature,
                    "Signature expired: 20260304T050106Z is now earlier than 20260304T050107Z "
                        + "(20260304T050607Z - 5 min.)"))
    }

    @Test func notYetCurrent() {
        #expect(
            Self.failure(Self.signed(at: Self.now + 301))
                == SigV4Failure(
                    .invalidSignature,
                    "Signature not yet current: 20260304T051108Z is still later than 20260304T051107Z "
                        + "(20260304T050607Z + 5 min.)"))
    }

    @Test func scope() {
        let authorization = "AWS4-HMAC-SHA256 Credential=AKID/20260305/US EAST/logs/aws4_request, SignedHeaders=host;"
        #expect(Self.failure(Self.with(authorization: authorization))?.code == .incompleteSignature)
        let wrong =
            "AWS4-HMAC-SHA256 Credential=AKID/20260305/US_EAST/logs/aws4_request, SignedHeaders=host;x-amz-date,"
        #expect(
            Self.failure(Self.with(authorization: wrong + " Signature=0"))
                == SigV4Failure(
                    .invalidSignature,
                    "Credential should be scoped to a valid region, not 'US_EAST'. Credential should be scoped to "
                        + "correct service: 'lambda'. Date in Credential scope does not match YYYYMMDD from ISO-8601 "
                        + "version of date from HTTP: '20260305' != '20260304', from '20260304T050607Z'."))
        let term = "AWS4-HMAC-SHA256 Credential=AKID/20260304/a/lambda/aws5_request, SignedHeaders=host, Signature=0"
        #expect(
            Self.failure(Self.with(authorization: term))
                == SigV4Failure(
                    .invalidSignature,
                    "Credential should be scoped with a valid terminator: 'aws4_request', not 'aws5_request'."))
    }

    /// As AWS answers a Lambda function URL's caller who did not sign the body:
    /// https://repost.aws/questions/QUPuq7VvHJRwWxVA3XJIgNKQ
    @Test(arguments: [("lambda", false), ("s3", true)])
    func bodiesThatNobodySigned(service: String, isTaken: Bool) throws {
        let time = SigV4Time(secondsSince1970: 1_772_600_767)
        let credentials = SigV4.Credentials(accessKeyID: "AKIDEXAMPLE", secretAccessKey: "secret")
        let signer = SigV4.Signer(credentials: credentials, region: "us-east-1", service: service)
        for word in [SigV4.unsignedPayload, SigV4.Payload.Chunking.unsignedWithTrailer.rawValue] {
            var request = SigV4.Request(
                method: .POST, path: "/x", headers: ["Host": "localhost", "x-amz-content-sha256": word])
            signer.sign(&request, payloadHash: word, at: time)
            let claim = try SigV4.Claim(request)
            let body = ByteBuffer(string: "0\r\n\r\n")
            let payload = try? claim.verify(request, body: body, secretAccessKey: "secret", keys: SigV4.KeyCache())
            #expect((payload != nil) == isTaken, "\(word)")
        }
    }

    @Test func unsignedHeaders() {
        let host = "AWS4-HMAC-SHA256 Credential=A/20260304/a/lambda/aws4_request, SignedHeaders=x-amz-date, Signature=0"
        #expect(
            Self.failure(Self.with(authorization: host))
                == SigV4Failure(
                    .invalidSignature, "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization."))
        var request = Self.signed()
        request.headers.add(name: "X-Amz-Log-Type", value: "Tail")
        #expect(
            Self.failure(request)
                == SigV4Failure(
                    .invalidSignature, "'X-Amz-Log-Type' must be a 'SignedHeader' in the AWS Authorization."))
        // Tracing proxies add this one on the way; it does not begin with `x-amz-`.
        request = Self.signed()
        request.headers.add(name: "X-Amzn-Trace-Id", value: "Root=1-0-0")
        #expect(Self.failure(request) == nil)
    }

    @Test func bothCarriers() {
        var request = Self.signed()
        request.query = "X-Amz-Algorithm=AWS4-HMAC-SHA256"
        #expect(
            Self.failure(request)
                == SigV4Failure(
                    .invalidSignature,
                    "Found both 'X-Amz-Algorithm' as a query-string param and 'Authorization' as HTTP header."))
    }

    @Test func queryParameters() {
        let request = SigV4.Request(
            method: .GET, path: "/", query: "X-Amz-Algorithm=AWS4-HMAC-SHA256", headers: ["Host": "localhost"])
        #expect(
            Self.failure(request)
                == SigV4Failure(
                    .incompleteSignature,
                    "AWS query-string parameters must include 'X-Amz-Credential'. AWS query-string parameters must "
                        + "include 'X-Amz-Signature'. AWS query-string parameters must include 'X-Amz-SignedHeaders'. "
                        + "AWS query-string parameters must include 'X-Amz-Date'. Re-examine the query-string parameters."
                ))
    }

    private func presigned(expires: Int64, at time: SigV4Time) -> SigV4.Request {
        let query = Self.signer.presign(host: "localhost", path: "/", expires: expires, at: time)
        return SigV4.Request(method: .GET, path: "/", query: query, headers: ["Host": "localhost"])
    }

    @Test func presignedLife() {
        #expect(Self.failure(presigned(expires: 600, at: Self.now - 600)) == nil)
        #expect(Self.failure(presigned(expires: 604_800, at: Self.now - 604_800)) == nil)
        #expect(Self.failure(presigned(expires: 600, at: Self.now - 601))?.code == .invalidSignature)
        #expect(
            Self.failure(presigned(expires: 600, at: Self.now - 601))?.message.hasPrefix("Signature expired: ") == true)
        #expect(Self.failure(presigned(expires: 600, at: Self.now + 301))?.code == .invalidSignature)
        // S3 words these three (its API reference, error AuthorizationQueryParametersError).
        #expect(
            Self.failure(presigned(expires: 604_801, at: Self.now))?.message
                == "X-Amz-Expires must be less than a week (in seconds); that is, the given X-Amz-Expires must be less "
                + "than 604800 seconds")
        #expect(
            Self.failure(presigned(expires: -1, at: Self.now))?.message == "X-Amz-Expires must be non-negative")
    }

    @Test func declaredHash() throws {
        let hash = SigV4.hash(Array("a".utf8))
        let request = Self.signed(headers: [("X-Amz-Content-Sha256", hash)])
        let claim = try SigV4.Claim(request)
        #expect(claim.payload == .declared(hash))
    }

    @Test func statuses() {
        #expect(SigV4Failure.missingToken.error(for: .restJSON).status == 403)
        // CloudWatch Logs answers 400 with the same code.
        #expect(SigV4Failure.invalidToken.error(for: .awsJSON(version: "1.1")).status == 400)
    }
}
