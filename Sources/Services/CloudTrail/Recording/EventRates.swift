import AWSWire

/// How many events of a kind may be told in a while: a flood of them must not fill the disk.
///
/// What changes something is always told.
struct EventRates: Sendable {
    /// A second, once the burst is spent.
    struct Rate: Sendable {
        var burst: Double
        var perSecond: Double
    }

    /// Requests that are nobody's: forged, or without a signature.
    static let unauthenticated = Rate(burst: 500, perSecond: 5)
    /// What one user, role or owner reads or is denied.
    static let principal = Rate(burst: 2_000, perSecond: 5)
    private static let limit = 4_096

    private struct Bucket {
        var tokens: Double
        var filled: Int64
        var omitted = 0
    }

    private var buckets: [String: Bucket] = [:]

    /// - Parameter now: Seconds since 1970.
    /// - Returns: nil when the event is one too many, else how many before it were.
    mutating func admit(_ kind: String, _ rate: Rate, now: Int64) -> Int? {
        if buckets[kind] == nil, buckets.count >= Self.limit { buckets = buckets.filter { $0.value.omitted > 0 } }
        var bucket = buckets[kind] ?? Bucket(tokens: rate.burst, filled: now)
        defer { buckets[kind] = bucket }
        bucket.tokens = min(rate.burst, bucket.tokens + Double(max(0, now - bucket.filled)) * rate.perSecond)
        bucket.filled = now
        guard bucket.tokens >= 1 else {
            bucket.omitted += 1
            return nil
        }
        bucket.tokens -= 1
        defer { bucket.omitted = 0 }
        return bucket.omitted
    }

    /// Whose events count together: all sessions of a role are one.
    static func kind(of principal: Principal) -> String {
        switch principal.kind {
        case .root: "\(principal.account) root"
        case .user(let name): "\(principal.account) user \(name)"
        case .assumedRole(let role, _): "\(principal.account) role \(role)"
        case .federated(let name): "\(principal.account) federated \(name)"
        case .anonymous: "nobody"
        }
    }
}
