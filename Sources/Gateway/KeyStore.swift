package import AWSWire
import Synchronization

/// The access keys that may sign: the owners' own, given at the start, and temporary ones of execution environments.
///
/// Everything is in memory; looking a key up takes constant time.
package final class KeyStore: Sendable {
    /// A key and whom it speaks for.
    package struct Record: Sendable, Hashable {
        package var credentials: SigV4.Credentials
        package var account: AccountID
        package var principalARN: String
        package var kind: Caller.Kind
        /// The region of the function that temporary credentials belong to.
        package var region: String?
        /// When temporary credentials end.
        package var expires: SigV4Time?
    }

    /// How long temporary credentials last, in seconds: twelve hours.
    package static let lifetime: Int64 = 12 * 3_600

    private struct State {
        var records: [String: Record] = [:]
        /// How many records there may be before expired ones are looked for again.
        var sweepAt = 1_024
    }

    private let state = Mutex(State())
    private let clock: @Sendable () -> SigV4Time

    /// - Parameter keys: the owners' keys; each speaks for its account's root.
    package init(
        keys: [(account: AccountID, credentials: SigV4.Credentials)] = [],
        clock: @escaping @Sendable () -> SigV4Time = { .now() }
    ) {
        self.clock = clock
        for (account, credentials) in keys { add(account: account, credentials: credentials) }
    }

    /// Lets a key of the account's owner sign from now on.
    package func add(account: AccountID, credentials: SigV4.Credentials) {
        let record = Record(
            credentials: SigV4.Credentials(
                accessKeyID: credentials.accessKeyID, secretAccessKey: credentials.secretAccessKey),
            account: account, principalARN: "arn:aws:iam::\(account):root", kind: .root)
        state.withLock { $0.records[credentials.accessKeyID] = record }
    }

    /// Makes temporary credentials for one execution environment. They last until ``revoke(accessKeyID:)``, at most
    /// ``lifetime``.
    package func issue(account: AccountID, region: String, roleARN: String, functionName: String)
        -> (accessKeyID: String, secretAccessKey: String, sessionToken: String)
    {
        let role = roleARN.split(separator: "/").last.map(String.init) ?? "role"
        let credentials = SigV4.Credentials(
            accessKeyID: "ASIA" + RandomText.of(16, from: RandomText.base32),
            secretAccessKey: RandomText.of(40, from: RandomText.base64),
            sessionToken: "IQoJ" + RandomText.of(252, from: RandomText.base64))
        let now = clock()
        let record = Record(
            credentials: credentials, account: account,
            principalARN: "arn:aws:sts::\(account):assumed-role/\(role)/\(functionName)", kind: .function,
            region: region, expires: now + Self.lifetime)
        state.withLock { state in
            if state.records.count >= state.sweepAt {
                state.records = state.records.filter { $0.value.expires.map { $0 > now } ?? true }
                state.sweepAt = max(1_024, 2 * state.records.count)
            }
            state.records[credentials.accessKeyID] = record
        }
        return (credentials.accessKeyID, credentials.secretAccessKey, credentials.sessionToken ?? "")
    }

    /// Ends a key. Unknown ids are ignored.
    package func revoke(accessKeyID: String) {
        state.withLock { _ = $0.records.removeValue(forKey: accessKeyID) }
    }

    /// The record of a key, whether or not it has expired.
    package func record(accessKeyID: String) -> Record? {
        state.withLock { $0.records[accessKeyID] }
    }

    /// The record of the key that a request was signed with.
    ///
    /// - Throws: `UnrecognizedClientException` for an unknown key or a session token that is not the key's,
    ///   `ExpiredTokenException`.
    func record(for claim: SigV4.Claim) throws(SigV4Failure) -> Record {
        guard let record = record(accessKeyID: claim.accessKeyID),
            Self.isSame(record.credentials.sessionToken ?? "", claim.sessionToken ?? "")
        else { throw .invalidToken }
        if let expires = record.expires, expires <= clock() { throw .expiredToken }
        return record
    }

    /// Compares in a time that depends on the lengths only.
    private static func isSame(_ left: String, _ right: String) -> Bool {
        guard left.utf8.count == right.utf8.count else { return false }
        return zip(left.utf8, right.utf8).reduce(UInt8(0)) { $0 | ($1.0 ^ $1.1) } == 0
    }
}
