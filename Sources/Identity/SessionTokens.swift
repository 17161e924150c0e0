package import AWSWire
import NIOCore
package import Storage

/// Credentials that end.
package struct TemporaryCredentials: Sendable, Hashable {
    package var accessKeyID: String
    package var secretAccessKey: String
    package var sessionToken: String
    /// Seconds since 1970.
    package var expires: Int64
}

/// Session tokens that hold all that there is to know of their session, sealed with the server's key: temporary
/// credentials take no storage, and whoever has the key knows them, after a restart or on another machine.
package struct SessionTokens: Sendable {
    private let key: SealingKey

    package init(key: SealingKey) { self.key = key }

    /// - Parameter id: As ``Principal/id``.
    package func issue(
        _ kind: Principal.Kind, account: AccountID, arn: String, id: String, session: Principal.Session
    ) throws -> TemporaryCredentials {
        let accessKeyID = AccessKeyID.make(AccessKeyID.temporary, account: account.digits)
        let secret = RandomText.secretAccessKey
        let principal = Principal(
            kind, account: account, arn: arn, id: id, accessKeyID: accessKeyID, session: session)
        let sealed = try key.seal(Self.text(principal, session, secret), context: Self.context(accessKeyID))
        return TemporaryCredentials(
            accessKeyID: accessKeyID, secretAccessKey: secret, sessionToken: Base64.encode(sealed),
            expires: session.expires)
    }

    /// The session whose token that is; nil when it is none of ours, or of another key's.
    package func open(_ token: String, accessKeyID: String) -> (principal: Principal, secretAccessKey: String)? {
        guard let sealed = Base64.decode(token), sealed.count > 28,
            let text = try? key.open(sealed, context: Self.context(accessKeyID)),
            let value = try? JSONValue(parsing: ByteBuffer(bytes: text))
        else { return nil }
        return Self.read(value, accessKeyID: accessKeyID)
    }

    private static func context(_ accessKeyID: String) -> String { "session \(accessKeyID)" }

    // MARK: The text inside

    private static func text(_ principal: Principal, _ session: Principal.Session, _ secret: String) -> [UInt8] {
        var writer = JSONWriter()
        func write(_ name: String, _ value: String?) {
            guard let value else { return }
            writer.name(name)
            writer.string(value)
        }
        func write(_ name: String, _ values: [String]) {
            guard !values.isEmpty else { return }
            writer.name(name)
            writer.beginArray()
            for value in values { writer.string(value) }
            writer.endArray()
        }
        func write(_ name: String, _ values: [String: String]) {
            guard !values.isEmpty else { return }
            writer.name(name)
            writer.beginObject()
            for (key, value) in values.sorted(by: { $0.key < $1.key }) { write(key, value) }
            writer.endObject()
        }
        writer.beginObject()
        write("secret", secret)
        write("account", principal.account.digits)
        write("arn", principal.arn)
        write("id", principal.id)
        switch principal.kind {
        case .root: write("kind", "root")
        // Nobody has no sessions: what is read of this is none.
        case .anonymous: write("kind", "anonymous")
        case .user(let name):
            write("kind", "user")
            write("name", name)
        case .assumedRole(let role, let name):
            write("kind", "role")
            write("name", role)
            write("session", name)
        case .federated(let name):
            write("kind", "federated")
            write("name", name)
        }
        write("issued", String(session.issued))
        write("expires", String(session.expires))
        write("policies", session.policies)
        write("policyARNs", session.policyARNs)
        write("tags", session.tags)
        write("transitive", session.transitiveTags)
        write("sourceIdentity", session.sourceIdentity)
        write("mfa", session.hasMFA ? "true" : nil)
        write("provider", session.provider)
        write("origin", session.originID)
        write("context", session.context)
        writer.endObject()
        return Array(writer.buffer.readableBytesView)
    }

    private static func read(_ value: JSONValue, accessKeyID: String) -> (Principal, String)? {
        func text(_ name: String) -> String? { value[name]?.string }
        func texts(_ name: String) -> [String] { (value[name]?.elements ?? []).compactMap(\.string) }
        func map(_ name: String) -> [String: String] {
            var map: [String: String] = [:]
            for (key, value) in value[name]?.members ?? [] { map[key] = value.string }
            return map
        }
        guard let secret = text("secret"), let account = text("account").flatMap({ AccountID($0) }),
            let arn = text("arn"), let id = text("id"), let issued = text("issued").flatMap({ Int64($0) }),
            let expires = text("expires").flatMap({ Int64($0) })
        else { return nil }
        let kind: Principal.Kind
        switch (text("kind"), text("name"), text("session")) {
        case ("root", _, _): kind = .root
        case ("user", let name?, _): kind = .user(name: name)
        case ("role", let role?, let session?): kind = .assumedRole(role: role, session: session)
        case ("federated", let name?, _): kind = .federated(name: name)
        default: return nil
        }
        var session = Principal.Session(issued: issued, expires: expires)
        session.policies = texts("policies")
        session.policyARNs = texts("policyARNs")
        session.tags = map("tags")
        session.transitiveTags = texts("transitive")
        session.sourceIdentity = text("sourceIdentity")
        session.hasMFA = text("mfa") == "true"
        session.provider = text("provider")
        session.originID = text("origin")
        session.context = map("context")
        let principal = Principal(
            kind, account: account, arn: arn, id: id, accessKeyID: accessKeyID, session: session)
        return (principal, secret)
    }
}
