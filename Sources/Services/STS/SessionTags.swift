import AWSWire
import Policies
import STSModel

/// The tags of a session: those that were asked for, and those that the caller's session hands on.
struct SessionTags {
    /// Bytes that tags have room for, after a recording: nine tags of 252 bytes each are told to take 498 %.
    private static let room = 455

    /// What was asked for, in its order.
    var requested: [(key: String, value: String)]
    /// Those and the inherited ones.
    var all: [String: String]
    /// Which of them further sessions inherit.
    var transitive: [String]

    /// How much of the space for them those that were asked for take, in percent.
    var packedSize: Int { requested.reduce(0) { $0 + $1.key.utf8.count + $1.value.utf8.count } * 100 / Self.room }

    /// The errors are those that LocalStack recorded (tests/aws/services/sts).
    ///
    /// - Throws: `InvalidParameterValue`, `PackedPolicyTooLarge`.
    init(_ tags: [(key: String, value: String)], transitive keys: [String], caller: Principal.Session?) throws(AWSError)
    {
        requested = tags
        var seen: Set<String> = []
        for (key, _) in tags {
            guard seen.insert(key.lowercased()).inserted else {
                throw .invalidParameter("Duplicate tag keys found. Please note that Tag keys are case insensitive.")
            }
            if key.lowercased().hasPrefix("aws:") {
                throw .invalidParameter("Tag keys that begin with aws: are reserved.")
            }
        }
        // In the spelling of the tags.
        let named = keys.map { key in tags.first { $0.key.lowercased() == key.lowercased() }?.key }
        guard !named.contains(nil) else {
            throw .invalidParameter("The specified transitive tag key must be included in the requested tags.")
        }
        let inherited = caller?.transitiveTags ?? []
        guard !inherited.contains(where: { seen.contains($0.lowercased()) }) else {
            throw .invalidParameter(
                "One of the specified transitive tag keys can't be set because it conflicts with a transitive tag key "
                    + "from the calling session.")
        }
        all = [:]
        for key in inherited { all[key] = caller?.tags[key] }
        for (key, value) in tags { all[key] = value }
        transitive = inherited + named.compactMap { $0 }
        guard packedSize <= 100 else {
            throw STSError.packedPolicyTooLarge(
                message: "Packed size of session tags consumes \(packedSize)% of allotted space.")
        }
    }

    init(_ tags: [STS.Tag]?, transitive keys: [String]? = nil, caller: Principal.Session?) throws(AWSError) {
        try self.init((tags ?? []).map { ($0.key, $0.value) }, transitive: keys ?? [], caller: caller)
    }

    /// The condition keys that they are.
    func describe(to context: inout AccessContext) {
        guard !requested.isEmpty else { return }
        context["aws:TagKeys"] = requested.map(\.key)
        for (key, value) in requested { context["aws:RequestTag/\(key)"] = [value] }
        let own = transitive.filter { key in requested.contains { $0.key == key } }
        if !own.isEmpty { context["sts:TransitiveTagKeys"] = own }
    }
}
