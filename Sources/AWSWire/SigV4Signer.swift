package import NIOHTTP1

extension SigV4 {
    /// Signs requests and URLs as AWS's own clients do.
    package struct Signer: Sendable {
        package var credentials: Credentials
        package var region: String
        package var service: String

        package init(credentials: Credentials, region: String, service: String) {
            self.credentials = credentials
            self.region = region
            self.service = service
        }

        /// Signs with headers: sets `X-Amz-Date`, `X-Amz-Security-Token` for temporary credentials, and
        /// `Authorization`.
        ///
        /// - Parameters:
        ///   - request: must have a `Host`; every header that it has is signed.
        ///   - payloadHash: the body's SHA-256 in lower-case hex, or ``SigV4/unsignedPayload``. S3 wants it in
        ///     `x-amz-content-sha256` too, which this sets for the service `s3` only.
        package func sign(_ request: inout Request, payloadHash: String, at time: SigV4Time = .now()) {
            request.headers.remove(name: "authorization")
            request.headers.replaceOrAdd(name: "X-Amz-Date", value: time.basic)
            if let token = credentials.sessionToken {
                request.headers.replaceOrAdd(name: "X-Amz-Security-Token", value: token)
            }
            if service == "s3" {
                request.headers.replaceOrAdd(name: "X-Amz-Content-SHA256", value: payloadHash)
            }
            let names = Set(request.headers.map { $0.name.lowercased() }).subtracting(Self.unsigned).sorted()
            let scope = Scope(day: time.day, region: region, service: service)
            let signature = signature(of: request, scope: scope, names: names, payload: payloadHash, time: time)
            request.headers.add(
                name: "Authorization",
                value: "\(SigV4.algorithm) Credential=\(credentials.accessKeyID)/\(scope), "
                    + "SignedHeaders=\(names.joined(separator: ";")), Signature=\(signature)")
        }

        /// Makes the query of a presigned URL.
        ///
        /// - Parameters:
        ///   - host: the authority that the URL will have.
        ///   - query: what else the query has to say, percent-encoded.
        ///   - expires: seconds, at most ``SigV4/longestExpiry``.
        /// - Returns: the whole query, percent-encoded, without the `?`.
        package func presign(
            method: HTTPMethod = .GET, host: String, path: String, query: String? = nil, expires: Int64,
            at time: SigV4Time = .now()
        ) -> String {
            let scope = Scope(day: time.day, region: region, service: service)
            var parameters = [
                ("X-Amz-Algorithm", SigV4.algorithm),
                ("X-Amz-Credential", "\(credentials.accessKeyID)/\(scope)"),
                ("X-Amz-Date", time.basic),
                ("X-Amz-Expires", String(expires)),
                ("X-Amz-SignedHeaders", "host"),
            ]
            if let token = credentials.sessionToken { parameters.append(("X-Amz-Security-Token", token)) }
            let own = parameters.map { "\($0.0)=\(PercentEncoding.encode($0.1))" }
            let text = ((query.map { [$0] } ?? []) + own).joined(separator: "&")
            let request = Request(method: method, path: path, query: text, headers: ["host": host])
            let payload = service == "s3" ? SigV4.unsignedPayload : SigV4.emptyPayloadHash
            let signature = signature(of: request, scope: scope, names: ["host"], payload: payload, time: time)
            return "\(text)&X-Amz-Signature=\(signature)"
        }

        /// What proxies and HTTP clients change or add on the way (botocore leaves out the same).
        private static let unsigned: Set<String> = [
            "authorization", "connection", "expect", "keep-alive", "proxy-authenticate", "proxy-authorization", "te",
            "trailer", "transfer-encoding", "upgrade", "user-agent", "x-amzn-trace-id",
        ]

        private func signature(of request: Request, scope: Scope, names: [String], payload: String, time: SigV4Time)
            -> String
        {
            let canonical = SigV4.canonicalRequest(request, service: service, signedHeaders: names, payload: payload)
            return SigningKey(secretAccessKey: credentials.secretAccessKey, scope: scope)
                .sign(SigV4.stringToSign(time: time, scope: scope, canonicalRequest: canonical))
        }
    }
}
