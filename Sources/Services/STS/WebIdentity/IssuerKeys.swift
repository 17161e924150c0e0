import AWSWire
package import NIOCore

/// Gets documents of identity providers.
package protocol WebFetching: Sendable {
    /// - Parameters:
    ///   - url: With `https://`, or with `http://` and a loopback address.
    ///   - limit: Bytes at most.
    /// - Returns: The body of a 200; redirections are not followed.
    func get(_ url: String, limit: Int) async throws -> ByteBuffer
}

/// The keys of identity providers, fetched when they are wanted and kept for a while.
actor IssuerKeys {
    enum Failure: Error {
        /// The provider did not answer, or not with what was asked for.
        case unreachable(any Error)
        case unreadable
        /// It names a place for its keys that nobody may be sent to.
        case badLocation
    }

    /// How long keys are kept, in seconds.
    private static let life: Int64 = 3_600
    /// How long a provider is left alone after it was asked, in seconds, whatever came of that: callers whom nobody
    /// knows must not make us call others at will.
    private static let pause: Int64 = 5
    private static let limit = 256
    private static let documentLimit = 262_144

    private struct Entry {
        var keys: Result<[WebKey], Failure>
        var fetched: Int64
    }

    private let web: any WebFetching
    private let clock: @Sendable () -> Int64
    private var entries: [String: Entry] = [:]
    private var fetches: [String: Task<[WebKey], any Error>] = [:]

    init(web: any WebFetching, clock: @escaping @Sendable () -> Int64) {
        self.web = web
        self.clock = clock
    }

    /// The keys that may have signed a token; fetched anew for a key that is not known yet.
    ///
    /// - Parameter issuer: As the token says, with its scheme.
    func keys(of issuer: String, for keyID: String?) async throws(Failure) -> [WebKey] {
        let now = clock()
        if let entry = entries[issuer] {
            let age = now - entry.fetched
            switch entry.keys {
            case .success(let keys) where age < Self.life:
                let fitting = Self.fitting(keys, keyID)
                if !fitting.isEmpty || age < Self.pause { return fitting }
            case .failure(let failure) where age < Self.pause: throw failure
            default: break
            }
        }
        return Self.fitting(try await fetch(issuer), keyID)
    }

    private static func fitting(_ keys: [WebKey], _ keyID: String?) -> [WebKey] {
        guard let keyID else { return keys }
        return keys.filter { $0.id == keyID || $0.id == nil }
    }

    /// Whoever wants the same keys meanwhile waits for the same answer.
    private func fetch(_ issuer: String) async throws(Failure) -> [WebKey] {
        let task = fetches[issuer] ?? Task { try await Self.fetch(issuer, by: web) }
        fetches[issuer] = task
        let result = await task.result
        fetches[issuer] = nil
        if entries.count >= Self.limit, entries[issuer] == nil { entries.removeAll() }
        let keys = result.mapError { $0 as? Failure ?? Failure.unreachable($0) }
        entries[issuer] = Entry(keys: keys, fetched: clock())
        return try keys.get()
    }

    private static func fetch(_ issuer: String, by web: any WebFetching) async throws -> [WebKey] {
        let base = issuer.hasSuffix("/") ? String(issuer.dropLast()) : issuer
        let text = try await web.get("\(base)/.well-known/openid-configuration", limit: documentLimit)
        guard let document = try? JSONValue(parsing: text, depthLimit: 32), document["issuer"]?.string == issuer,
            let location = document["jwks_uri"]?.string
        else { throw Failure.unreadable }
        // An issuer elsewhere must not send us to ourselves.
        guard location.hasPrefix("https://") || IssuerAddress.isLoopback(issuer) && IssuerAddress.isLoopback(location)
        else { throw Failure.badLocation }
        guard let keys = WebKey.all(in: try await web.get(location, limit: documentLimit)) else {
            throw Failure.unreadable
        }
        return keys
    }
}

/// Addresses of issuers.
enum IssuerAddress {
    /// The name under which an account knows a provider: without the scheme, which is `https` unless the address is a
    /// loopback one.
    ///
    /// - Returns: nil for what is no issuer here.
    static func name(of issuer: String) -> String? {
        let isPlain = issuer.hasPrefix("http://")
        guard issuer.hasPrefix("https://") || isPlain && isLoopback(issuer), issuer.utf8.count <= 512,
            issuer.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F && $0 != UInt8(ascii: "@") && $0 != UInt8(ascii: "?") })
        else { return nil }
        var name = issuer.dropFirst(isPlain ? 7 : 8)
        if name.hasSuffix("/") { name = name.dropLast() }
        return name.isEmpty ? nil : String(name)
    }

    /// Whether a URL's host is this machine, whatever names mean elsewhere.
    static func isLoopback(_ url: String) -> Bool {
        guard let start = url.firstRange(of: "://")?.upperBound else { return false }
        let authority = url[start...].prefix { $0 != "/" && $0 != "?" && $0 != "#" }
        if authority.contains("@") { return false }
        if authority.hasPrefix("[::1]") { return authority.dropFirst(5).isEmpty || authority.dropFirst(5).first == ":" }
        let host = authority.prefix { $0 != ":" }
        if host == "localhost" { return true }
        let parts = host.split(separator: ".", omittingEmptySubsequences: false).map { UInt8($0) }
        return parts.count == 4 && parts[0] == 127 && !parts.contains(nil)
    }
}
