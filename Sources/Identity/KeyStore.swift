package import AWSWire
import Storage
import Synchronization

/// The access keys that may sign: the owners' own, given at the start, those of users, and temporary ones, of execution
/// environments and of sessions.
///
/// Everything is in memory or in the request; looking a key up takes constant time.
package final class KeyStore: Sendable {
    /// A key and whom it speaks for.
    package struct Record: Sendable {
        package var principal: Principal
        package var secretAccessKey: String
        package var sessionToken: String?
        /// The region of the function that temporary credentials belong to.
        package var region: String?
        /// When temporary credentials end.
        package var expires: SigV4Time?
    }

    /// How long the credentials of an environment last, in seconds: twelve hours.
    package static let lifetime: Int64 = 12 * 3_600

    private struct State {
        var records: [String: Record] = [:]
        /// How many records there may be before expired ones are looked for again.
        var sweepAt = 1_024
        /// Users' keys and sessions that were used lately.
        var seen: [String: Seen] = [:]
    }

    /// What a lookup found, and until which change of the directory it holds.
    private struct Seen {
        var record: Record
        var generation: UInt64
    }

    private static let seenLimit = 4_096

    private let directory: any PrincipalDirectory
    private let tokens: SessionTokens
    private let state = Mutex(State())
    private let clock: @Sendable () -> SigV4Time

    /// - Parameter keys: the owners' keys; each speaks for its account's root.
    package init(
        keys: [(account: AccountID, credentials: SigV4.Credentials)] = [],
        directory: any PrincipalDirectory = EmptyDirectory(), tokens: SessionTokens = SessionTokens(key: .random()),
        clock: @escaping @Sendable () -> SigV4Time = { .now() }
    ) {
        self.directory = directory
        self.tokens = tokens
        self.clock = clock
        for (account, credentials) in keys { add(account: account, credentials: credentials) }
    }

    /// Lets a key of the account's owner sign from now on.
    package func add(account: AccountID, credentials: SigV4.Credentials) {
        let record = Record(
            principal: .root(account, accessKeyID: credentials.accessKeyID),
            secretAccessKey: credentials.secretAccessKey)
        state.withLock { $0.records[credentials.accessKeyID] = record }
    }

    /// Makes temporary credentials of a function's role for one execution environment. They last until
    /// ``revoke(accessKeyID:)``, at most ``lifetime``.
    ///
    /// - Parameter roleARN: One that is not there, or does not trust Lambda any more, gives credentials that may do
    ///   nothing.
    package func issue(account: AccountID, region: String, roleARN: String, functionName: String)
        -> TemporaryCredentials
    {
        let partition = ARN(roleARN)?.partition ?? "aws"
        let function = "arn:\(partition):lambda:\(region):\(account):function:\(functionName)"
        let name = roleARN.split(separator: "/").last.map(String.init) ?? "role"
        let role = directory.role(arn: roleARN, of: account.digits)
        let isTrusting = role?.trusts(service: "lambda.amazonaws.com", source: function) ?? false
        let id = isTrusting ? role?.id ?? "" : "AROAUNKNOWN"
        let now = clock()
        let expires = now + Self.lifetime
        let credentials = TemporaryCredentials(
            accessKeyID: AccessKeyID.make(AccessKeyID.temporary, account: account.digits),
            secretAccessKey: RandomText.secretAccessKey,
            sessionToken: "IQoJ" + RandomText.of(252, from: RandomText.base64),
            expires: expires.secondsSince1970)
        var session = Principal.Session(issued: now.secondsSince1970, expires: expires.secondsSince1970)
        session.context["lambda:SourceFunctionArn"] = function
        let principal = Principal(
            .assumedRole(role: name, session: functionName), account: account,
            arn: "arn:\(partition):sts::\(account):assumed-role/\(name)/\(functionName)",
            id: "\(id):\(functionName)", accessKeyID: credentials.accessKeyID, session: session)
        let record = Record(
            principal: principal, secretAccessKey: credentials.secretAccessKey,
            sessionToken: credentials.sessionToken, region: region, expires: expires)
        state.withLock { state in
            if state.records.count >= state.sweepAt {
                state.records = state.records.filter { $0.value.expires.map { $0 > now } ?? true }
                state.sweepAt = max(1_024, 2 * state.records.count)
            }
            state.records[credentials.accessKeyID] = record
        }
        return credentials
    }

    /// Ends a key. Unknown ids are ignored.
    package func revoke(accessKeyID: String) {
        state.withLock { _ = $0.records.removeValue(forKey: accessKeyID) }
    }

    /// The record of a key, whether or not it has expired; sessions are known by their token only.
    package func record(accessKeyID: String, sessionToken: String? = nil) -> Record? {
        let generation = directory.generation
        let (record, seen) = state.withLock { ($0.records[accessKeyID], $0.seen[accessKeyID]) }
        if let record { return record }
        if let seen, seen.generation == generation || seen.record.sessionToken != nil { return seen.record }
        guard let found = find(accessKeyID, sessionToken) else {
            state.withLock { _ = $0.seen.removeValue(forKey: accessKeyID) }
            return nil
        }
        state.withLock { state in
            if state.seen.count >= Self.seenLimit, state.seen[accessKeyID] == nil { state.seen.removeAll() }
            state.seen[accessKeyID] = Seen(record: found, generation: generation)
        }
        return found
    }

    /// The record of the key that a request was signed with.
    ///
    /// - Throws: `UnrecognizedClientException` for an unknown key or a session token that is not the key's,
    ///   `ExpiredTokenException`.
    package func record(for claim: SigV4.Claim) throws(SigV4Failure) -> Record {
        guard let record = record(accessKeyID: claim.accessKeyID, sessionToken: claim.sessionToken),
            Self.isSame(record.sessionToken ?? "", claim.sessionToken ?? "")
        else { throw .invalidToken }
        if let expires = record.expires, expires <= clock() { throw .expiredToken }
        return record
    }

    /// A user's key or a session. Only what is authentic is kept, so that nobody fills the memory with guesses.
    private func find(_ accessKeyID: String, _ sessionToken: String?) -> Record? {
        guard let sessionToken else {
            guard let key = directory.key(accessKeyID) else { return nil }
            let user = key.user
            return Record(
                principal: Principal(
                    .user(name: user.name), account: user.account, arn: user.arn, id: user.id,
                    accessKeyID: accessKeyID),
                secretAccessKey: key.secretAccessKey)
        }
        guard let (principal, secret) = tokens.open(sessionToken, accessKeyID: accessKeyID),
            let session = principal.session
        else { return nil }
        return Record(
            principal: principal, secretAccessKey: secret, sessionToken: sessionToken,
            expires: SigV4Time(secondsSince1970: session.expires))
    }

    /// Compares in a time that depends on the lengths only.
    private static func isSame(_ left: String, _ right: String) -> Bool {
        guard left.utf8.count == right.utf8.count else { return false }
        return zip(left.utf8, right.utf8).reduce(UInt8(0)) { $0 | ($1.0 ^ $1.1) } == 0
    }
}
