/// One alias as it is stored.
struct AliasRecord: Hashable, Sendable {
    var key: FunctionKey
    var name: String
    /// `$LATEST` or the number of a published version.
    var version: String
    /// The share of the invocations, from 0 to 1, that other published versions get: at most one entry.
    var weights: [String: Double]
    var description: String
    /// New on every change.
    var revisionID: String

    var arn: String { key.arn(qualifier: name) }
}
