import AWSWire
import NIOCore
import NIOHTTP1
import Testing

/// Requests as botocore 1.43.11 signs them at 2026-03-04 05:06:07 UTC, recorded from its `SigV4Auth`, `SigV4QueryAuth`,
/// `S3SigV4Auth` and `S3SigV4QueryAuth`.
@Suite struct SigV4BotocoreTests {
    static let secret = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
    static let token = "IQoJb3JpZ2luX2VjEXAMPLE//token+=="
    static let date = "20260304T050607Z"

    @Test func invocation() throws {
        try accepts(
            .POST, "/2015-03-31/functions/hello/invocations", body: "{\"a\": 1}",
            headers: [
                ("X-Amz-Invocation-Type", "RequestResponse"), ("X-Amz-Log-Type", "Tail"), ("User-Agent", "Boto3"),
            ],
            credential: "AKIDEXAMPLE/20260304/eu-central-1/lambda",
            signed: "host;x-amz-date;x-amz-invocation-type;x-amz-log-type",
            signature: "4bb701e589f14ec597b5ea056af2f210a494052c0ea4a567f23cbc724a5e0cef")
    }

    /// The path is encoded once on the wire and once more in the canonical request.
    @Test func encodedARN() throws {
        try accepts(
            .GET,
            "/2015-03-31/functions/arn%3Aaws%3Alambda%3Aeu-central-1%3A000000000000%3Afunction%3Ahello",
            query: "Qualifier=%24LATEST&MaxItems=10&b=%20x%2By&a=",
            credential: "AKIDEXAMPLE/20260304/eu-central-1/lambda", signed: "host;x-amz-date",
            signature: "e71720f29943439be5e0d894d6e4cef98d79afb32041c2224a31af214e65a6db")
    }

    @Test func dotsAndSlashes() throws {
        try accepts(
            .GET, "/a/./b/../c//d/%E1%88%B4/", credential: "AKIDEXAMPLE/20260304/us-east-1/lambda",
            signed: "host;x-amz-date",
            signature: "82f23e479c8f9bdaaeeacfb953d9e0ba75c3ac77ac2a5321494d20cf079d70a7")
    }

    @Test func sessionToken() throws {
        try accepts(
            .POST, "/", body: "{\"logGroupName\": \"/aws/lambda/hello\"}",
            headers: [
                ("X-Amz-Target", "Logs_20140328.DescribeLogStreams"), ("Content-Type", "application/x-amz-json-1.1"),
                ("X-Amz-Security-Token", Self.token),
            ],
            credential: "ASIAEXAMPLE/20260304/us-east-1/logs",
            signed: "content-type;host;x-amz-date;x-amz-security-token;x-amz-target",
            signature: "9305506a9c0e284db60f6988e09fb46ecf2f164124ee33ee18e9d9a2a5901568", token: Self.token)
    }

    @Test func s3() throws {
        try accepts(
            .PUT, "/bucket/a%20key/./x", body: "hello",
            headers: [
                ("X-Amz-Content-SHA256", "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824")
            ],
            credential: "AKIDEXAMPLE/20260304/us-east-1/s3", signed: "host;x-amz-content-sha256;x-amz-date",
            signature: "5d4107bc3f67efdbc0540ace662dd6b01b6cc4fee16874f0485bb58b46bfed49")
    }

    static let presigned =
        "x=1&X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=ASIAEXAMPLE%2F20260304%2Fus-east-1%2Flambda%2F"
        + "aws4_request&X-Amz-Date=20260304T050607Z&X-Amz-Expires=600&X-Amz-SignedHeaders=host"
        + "&X-Amz-Security-Token=IQoJb3JpZ2luX2VjEXAMPLE%2F%2Ftoken%2B%3D%3D"
        + "&X-Amz-Signature=a425bf27e3cb2973a4d1e5ccc7069775e0c22f9e5ac65e336b9b08426357b3e3"

    @Test func presignedURL() throws {
        try acceptsPresigned("/_apus/code/abc", Self.presigned, token: Self.token)
    }

    @Test func presignedS3URL() throws {
        try acceptsPresigned(
            "/bucket/a%20key/with%2Bplus",
            "list-type=2&X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIDEXAMPLE%2F20260304%2Fus-east-1%2Fs3%2F"
                + "aws4_request&X-Amz-Date=20260304T050607Z&X-Amz-Expires=600&X-Amz-SignedHeaders=host"
                + "&X-Amz-Signature=13b02a4c03c985a6529b9d261adaca7e9c32277de119dc5973f2f7096691505c", token: nil)
    }

    @Test func thePresignerAgrees() throws {
        let signer = SigV4.Signer(
            credentials: SigV4.Credentials(
                accessKeyID: "ASIAEXAMPLE", secretAccessKey: Self.secret, sessionToken: Self.token),
            region: "us-east-1", service: "lambda")
        let time = try #require(SigV4Time(basic: Self.date))
        let query = signer.presign(
            host: "127.0.0.1:4566", path: "/_apus/code/abc", query: "x=1", expires: 600, at: time)
        #expect(Self.signature(query) == Self.signature(Self.presigned))
        let request = SigV4.Request(method: .GET, path: "/_apus/code/abc", query: query, headers: Self.host)
        _ = try SigV4.Claim(request).verify(
            request, body: ByteBuffer(), secretAccessKey: Self.secret, keys: SigV4.KeyCache())
    }

    private static let host: HTTPHeaders = ["Host": "127.0.0.1:4566"]

    private static func signature(_ query: String) -> Substring? {
        query.split(separator: "X-Amz-Signature=").last
    }

    private func accepts(
        _ method: HTTPMethod, _ path: String, query: String? = nil, body: String = "", headers: [(String, String)] = [],
        credential: String, signed: String, signature: String, token: String? = nil
    ) throws {
        var all = Self.host
        all.add(contentsOf: headers)
        all.add(name: "X-Amz-Date", value: Self.date)
        all.add(
            name: "Authorization",
            value: "AWS4-HMAC-SHA256 Credential=\(credential)/aws4_request, SignedHeaders=\(signed), "
                + "Signature=\(signature)")
        let request = SigV4.Request(method: method, path: path, query: query, headers: all)
        try accepts(request, body: body, token: token)
        // The signature covers the body.
        #expect(throws: SigV4Failure.mismatch) { try accepts(request, body: body + " ", token: token) }
    }

    private func acceptsPresigned(_ path: String, _ query: String, token: String?) throws {
        try accepts(SigV4.Request(method: .GET, path: path, query: query, headers: Self.host), body: "", token: token)
        let changed = SigV4.Request(method: .GET, path: path + "x", query: query, headers: Self.host)
        #expect(throws: SigV4Failure.mismatch) { try accepts(changed, body: "", token: token) }
    }

    private func accepts(_ request: SigV4.Request, body: String, token: String?) throws {
        let claim = try SigV4.Claim(request)
        #expect(claim.sessionToken == token)
        try claim.check(request, now: claim.time + 200, service: nil)
        _ = try claim.verify(
            request, body: ByteBuffer(string: body), secretAccessKey: Self.secret, keys: SigV4.KeyCache())
    }
}
