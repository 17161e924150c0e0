import AWSWire
import Crypto
import NIOCore
import NIOHTTP1
import Storage

/// What is asked once more with the token of a request that was done: it is answered as that was, and nothing is done.
struct Idempotency: Sendable {
    private let token: String?
    private let request: String
    private let place: GroupID
    private let now: Int64
    private let lifetime: Int64

    init(_ token: String?, _ call: Call, _ quotas: SchedulerQuotas) {
        self.token = token
        place = call.group(nil)
        now = call.now
        lifetime = quotas.tokenTime
        var hash = SHA256()
        for part in [call.request.method.rawValue, call.request.path, call.request.query ?? ""] {
            hash.update(data: Array("\(part)\n".utf8))
        }
        hash.update(data: Array(call.request.body.readableBytesView))
        request = Base64.encode(Array(hash.finalize()))
    }

    /// Notes the token; the caller does what it was asked to only where this is true.
    ///
    /// - Throws: `ConflictException` where the token came with something else.
    func isNew(_ connection: any SQLConnection) throws -> Bool {
        guard let token else { return true }
        let table = SchedulerTable(connection)
        if let known = try table.request(of: token, in: place, now: now) {
            guard known == request else { throw AWSError.tokenReused }
            return false
        }
        try table.forgetTokens(now: now)
        try table.note(token, for: request, in: place, expires: now + lifetime)
        return true
    }
}
