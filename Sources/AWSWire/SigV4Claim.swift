import Crypto
import NIOHTTP1

extension SigV4 {
    /// What a request says about who signed it: read and checked as far as that goes without the secret.
    package struct Claim: Sendable, Hashable {
        package enum Carrier: Sendable, Hashable {
            case header
            /// A presigned URL; seconds of its life, nil when it names none.
            case query(expires: Int64?)
        }

        package var accessKeyID: String
        package var scope: Scope
        /// As the signature lists them.
        package var signedHeaders: [String]
        package var signature: String
        package var time: SigV4Time
        package var sessionToken: String?
        package var carrier: Carrier
        package var payload: Payload

        /// Reads the `Authorization` header or the presigned query.
        ///
        /// - Throws: ``SigV4Failure`` when there is neither, both, or something is missing from it.
        package init(_ request: Request) throws(SigV4Failure) {
            let authorizations = request.headers["authorization"]
            let authorization = authorizations.count == 1 ? authorizations[0] : authorizations.joined(separator: ",")
            let hasHeader = !authorizations.isEmpty
            let hasQuery = SigV4.isPresigned(query: request.query)
            switch (hasHeader, hasQuery) {
            case (true, true):
                throw SigV4Failure(
                    .invalidSignature,
                    "Found both 'X-Amz-Algorithm' as a query-string param and 'Authorization' as HTTP header.")
            case (false, false): throw .missingToken
            case (true, false): try self.init(authorization: authorization, request)
            case (false, true): try self.init(presigned: request)
            }
        }

        private init(authorization: String, _ request: Request) throws(SigV4Failure) {
            let header = try AuthorizationHeader(authorization)
            let hasDate = request.headers.contains(name: "x-amz-date") || request.headers.contains(name: "date")
            var missing: [String] = []
            if header.credential.isEmpty { missing.append("Authorization header requires 'Credential' parameter.") }
            if header.signature.isEmpty { missing.append("Authorization header requires 'Signature' parameter.") }
            if header.signedHeaders.isEmpty {
                missing.append("Authorization header requires 'SignedHeaders' parameter.")
            }
            if !hasDate {
                missing.append(
                    "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header.")
            }
            guard missing.isEmpty else {
                missing.append(
                    "(Hashed with SHA-256 and encoded with Base64) Authorization=\(SigV4.fingerprint(authorization))")
                throw SigV4Failure(.incompleteSignature, missing.joined(separator: " "))
            }
            try SigV4.check(algorithm: header.algorithm)
            (accessKeyID, scope) = try SigV4.credential(header.credential)
            signedHeaders = SigV4.list(header.signedHeaders)
            signature = header.signature
            time = try SigV4.time(of: request.headers)
            sessionToken = request.headers.first(name: "x-amz-security-token")
            carrier = .header
            payload = SigV4.payload(declared: request.headers.first(name: "x-amz-content-sha256"), otherwise: .body)
        }

        private init(presigned request: Request) throws(SigV4Failure) {
            func value(_ name: String) -> String { SigV4.parameter(name, in: request.query) ?? "" }
            let names = ["X-Amz-Algorithm", "X-Amz-Credential", "X-Amz-Signature", "X-Amz-SignedHeaders", "X-Amz-Date"]
            let missing = names.filter { value($0).isEmpty }
                .map { "AWS query-string parameters must include '\($0)'." }
            guard missing.isEmpty else {
                throw SigV4Failure(
                    .incompleteSignature,
                    (missing + ["Re-examine the query-string parameters."]).joined(separator: " "))
            }
            try SigV4.check(algorithm: value("X-Amz-Algorithm"))
            (accessKeyID, scope) = try SigV4.credential(value("X-Amz-Credential"))
            signedHeaders = SigV4.list(value("X-Amz-SignedHeaders"))
            signature = value("X-Amz-Signature")
            time = try SigV4.time(text: value("X-Amz-Date"))
            let token = SigV4.parameter("X-Amz-Security-Token", in: request.query)
            sessionToken = token ?? request.headers.first(name: "x-amz-security-token")
            carrier = .query(expires: try SigV4.expiry(SigV4.parameter("X-Amz-Expires", in: request.query)))
            payload = SigV4.payload(
                declared: SigV4.parameter("X-Amz-Content-Sha256", in: request.query)
                    ?? request.headers.first(name: "x-amz-content-sha256"),
                otherwise: scope.service == "s3" ? .unsigned : .body)
        }
    }

    /// The access key, region and service that a request names, however broken the rest of its authentication is.
    package struct Hint: Sendable, Hashable {
        package var accessKeyID: String?
        package var region: String?
        package var service: String?

        package init(_ request: Request) {
            let credential: String?
            if let authorization = request.headers.first(name: "authorization") {
                credential = (try? AuthorizationHeader(authorization))?.credential
            } else {
                credential = SigV4.parameter("X-Amz-Credential", in: request.query)
            }
            guard let credential else { return }
            let parts = credential.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
            accessKeyID = parts.first.flatMap { $0.isEmpty ? nil : $0 }
            guard parts.count >= 5 else { return }
            let scope = parts.suffix(4).map { $0 }
            region = SigV4.isRegion(scope[1]) ? scope[1] : nil
            service = scope[2].isEmpty ? nil : scope[2]
        }
    }

    /// Whether the query has any of the parameters that make a URL a presigned one.
    package static func isPresigned(query: String?) -> Bool {
        parameter("X-Amz-Algorithm", in: query) != nil || parameter("X-Amz-Signature", in: query) != nil
    }

    /// Whether `text` could name a region: a short word of lower-case letters, digits and hyphens.
    package static func isRegion(_ text: String) -> Bool {
        (1...32).contains(text.utf8.count)
            && text.utf8.allSatisfy {
                (0x61...0x7A).contains($0) || (0x30...0x39).contains($0) || $0 == UInt8(ascii: "-")
            }
    }

    /// What `x-amz-content-sha256` says of the payload.
    package static func payload(declared: String?, otherwise: Payload) -> Payload {
        guard let declared, !declared.isEmpty else { return otherwise }
        if declared == unsignedPayload { return .unsigned }
        if let chunking = Payload.Chunking(rawValue: declared) { return .chunks(chunking) }
        return .declared(declared)
    }
}

/// The `Authorization` header taken apart: `AWS4-HMAC-SHA256 Credential=…, SignedHeaders=…, Signature=…`.
private struct AuthorizationHeader {
    var algorithm: String
    /// Empty where there is none.
    var credential = ""
    var signedHeaders = ""
    var signature = ""

    init(_ value: String) throws(SigV4Failure) {
        var algorithm: String?
        for token in Pieces(of: value[...].utf8, between: { $0 == 0x20 || $0 == 0x09 || $0 == UInt8(ascii: ",") }) {
            if token.isEmpty { continue }
            if algorithm == nil {
                algorithm = String(copying: token)
                continue
            }
            guard let equals = token.firstIndex(of: UInt8(ascii: "=")) else {
                throw SigV4Failure(
                    .incompleteSignature,
                    "Invalid key=value pair (missing equal-sign) in Authorization header "
                        + "(hashed with SHA-256 and encoded with Base64): '\(SigV4.fingerprint(value))'.")
            }
            let value = token[token.index(after: equals)...]
            switch Substring(token[..<equals]) {
            case "Credential": credential = String(copying: value)
            case "SignedHeaders": signedHeaders = String(copying: value)
            case "Signature": signature = String(copying: value)
            default: break
            }
        }
        self.algorithm = algorithm ?? ""
    }
}

extension SigV4 {
    /// How AWS repeats a secret-bearing header without repeating it.
    fileprivate static func fingerprint(_ text: String) -> String {
        Base64.encode(SHA256.hash(data: Array(text.utf8)))
    }

    fileprivate static func check(algorithm name: String) throws(SigV4Failure) {
        guard name == algorithm else {
            throw SigV4Failure(.incompleteSignature, "Unsupported AWS 'algorithm': '\(name)'.")
        }
    }

    fileprivate static func credential(_ text: String) throws(SigV4Failure) -> (String, Scope) {
        var parts: [String] = []
        parts.reserveCapacity(5)
        for part in Pieces(of: text, between: "/").prefix(6) { parts.append(String(copying: part)) }
        guard parts.count == 5, !parts[0].isEmpty else {
            throw SigV4Failure(
                .incompleteSignature,
                "Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, "
                    + "got '\(text)'")
        }
        guard parts[4] == terminator else {
            throw SigV4Failure(
                .invalidSignature,
                "Credential should be scoped with a valid terminator: 'aws4_request', not '\(parts[4])'.")
        }
        return (parts[0], Scope(day: parts[1], region: parts[2], service: parts[3]))
    }

    fileprivate static func list(_ text: String) -> [String] {
        var names: [String] = []
        names.reserveCapacity(8)
        for name in Pieces(of: text, between: ";") where !name.isEmpty { names.append(String(copying: name)) }
        return names
    }

    fileprivate static func time(of headers: HTTPHeaders) throws(SigV4Failure) -> SigV4Time {
        let text = headers.first(name: "x-amz-date") ?? headers.first(name: "date") ?? ""
        if let time = SigV4Time(http: text) { return time }
        return try time(text: text)
    }

    fileprivate static func time(text: String) throws(SigV4Failure) -> SigV4Time {
        guard let time = SigV4Time(basic: text) else {
            throw SigV4Failure(
                .incompleteSignature,
                "Date must be in ISO-8601 'basic format'. Got '\(text)'. See http://en.wikipedia.org/wiki/ISO_8601")
        }
        return time
    }

    fileprivate static func expiry(_ text: String?) throws(SigV4Failure) -> Int64? {
        guard let text else { return nil }
        guard let seconds = Int64(text) else {
            throw SigV4Failure(.incompleteSignature, "X-Amz-Expires should be a number")
        }
        guard seconds >= 0 else { throw SigV4Failure(.incompleteSignature, "X-Amz-Expires must be non-negative") }
        guard seconds <= longestExpiry else {
            throw SigV4Failure(
                .incompleteSignature,
                "X-Amz-Expires must be less than a week (in seconds); that is, the given X-Amz-Expires must be less "
                    + "than 604800 seconds")
        }
        return seconds
    }
}
