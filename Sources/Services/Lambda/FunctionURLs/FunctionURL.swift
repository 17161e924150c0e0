import LambdaModel

/// A URL of its own under which a function, or an alias, answers plain HTTP requests.
struct FunctionURL: Attachment {
    static let kind = "url"

    /// 32 lower-case letters and digits, drawn at its creation.
    var id: String
    /// `NONE` or `AWS_IAM`.
    var authType: String
    var cors: CORSSettings?
    /// As it was asked for; nil means `BUFFERED`.
    var invokeMode: String?
    /// Milliseconds since 1970.
    var created: Int64
    var modified: Int64

    var requiresSignature: Bool { authType == Lambda.FunctionUrlAuthType.awsIam.rawValue }
    var streams: Bool { invokeMode == Lambda.InvokeMode.responseStream.rawValue }

    static let idLength = 32

    static func makeID() -> String {
        let letters = Array("abcdefghijklmnopqrstuvwxyz0123456789".utf8)
        return String(decoding: (0..<idLength).map { _ in letters[Int.random(in: 0..<letters.count)] }, as: UTF8.self)
    }
}

/// Which pages of other sites a browser lets use the URL.
struct CORSSettings: Codable, Hashable, Sendable {
    var allowCredentials: Bool?
    var allowHeaders: [String]?
    var allowMethods: [String]?
    var allowOrigins: [String]?
    var exposeHeaders: [String]?
    var maxAge: Int?

    /// - Returns: nil for a structure without members, which stands for no settings.
    init?(_ cors: Lambda.Cors) {
        allowCredentials = cors.allowCredentials
        allowHeaders = cors.allowHeaders
        allowMethods = cors.allowMethods
        allowOrigins = cors.allowOrigins
        exposeHeaders = cors.exposeHeaders
        maxAge = cors.maxAge
        if self == CORSSettings() { return nil }
    }

    private init() {}

    var answer: Lambda.Cors {
        Lambda.Cors(
            allowCredentials: allowCredentials, allowHeaders: allowHeaders, allowMethods: allowMethods,
            allowOrigins: allowOrigins, exposeHeaders: exposeHeaders, maxAge: maxAge)
    }
}

/// Where function URLs are, seen from clients.
package enum FunctionURLAddress {
    /// What begins the path of a URL for clients that cannot resolve its name; the id follows.
    package static let pathPrefix = "/_apus/url/"

    /// `http://ID.lambda-url.REGION.localhost:4566/`, where the endpoint has a name or is on this machine; an endpoint
    /// that is a number can have no names below it: `http://10.0.0.5:4566/_apus/url/ID/`.
    ///
    /// - Parameter endpoint: Scheme and authority as the client addressed us.
    static func text(_ id: String, region: String, endpoint: String) -> String {
        let authority = endpoint.split(separator: "/", maxSplits: 2, omittingEmptySubsequences: true).last ?? ""
        let colon = authority.lastIndex(of: ":").flatMap { authority[$0...].contains("]") ? nil : $0 }
        let host = authority[..<(colon ?? authority.endIndex)]
        let port = authority[(colon ?? authority.endIndex)...]
        let isNumber = host.hasPrefix("[") || host.utf8.allSatisfy { (0x30...0x39).contains($0) || $0 == 0x2e }
        let isHere = host == "[::1]" || isNumber && host.hasPrefix("127.")
        if isNumber, !isHere { return "http://\(authority)\(pathPrefix)\(id)/" }
        return "http://\(id).lambda-url.\(region).\(isHere ? "localhost" : host)\(port)/"
    }

    /// The id and the region that a host name carries, whatever the domain: `ID.lambda-url.REGION.DOMAIN:PORT`.
    package static func parse(host: String) -> (id: String, region: String)? {
        let mark = ".lambda-url."
        let bytes = host.utf8
        let start = FunctionURL.idLength + mark.utf8.count
        guard bytes.count > start, bytes.dropFirst(FunctionURL.idLength).starts(with: mark.utf8),
            let region = host.dropFirst(start).split(separator: ".", omittingEmptySubsequences: false).first
        else { return nil }
        return (String(host.prefix(FunctionURL.idLength)).lowercased(), String(region))
    }

    /// The id that a path carries, and the path below it, which begins with `/`.
    package static func parse(path: String) -> (id: String, rest: String)? {
        guard path.hasPrefix(pathPrefix) else { return nil }
        let tail = path.dropFirst(pathPrefix.utf8.count)
        let end = tail.firstIndex(of: "/") ?? tail.endIndex
        return (String(tail[..<end]), end == tail.endIndex ? "/" : String(tail[end...]))
    }
}
