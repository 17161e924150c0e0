import NIOCore

@testable import Policies

/// Whatever can be done with a text that calls itself a policy.
enum Exercise {
    struct Violation: Error {
        var description: String
    }

    private static let requesters: [Requester] = {
        var all = [
            EvaluationTableTests.user, EvaluationTableTests.session, EvaluationTableTests.federated,
            EvaluationTableTests.root, EvaluationTableTests.service, .anonymous,
        ]
        for index in all.indices { all[index].tags = ["Team": "yellow"] }
        return all
    }()

    private static let context: AccessContext = [
        "k": ["true"], "n": ["7", "8"], "aws:SourceArn": ["arn:aws:s3:::b"], "aws:SourceIp": ["::ffff:10.0.0.1"],
        "aws:CurrentTime": ["2026-11-27T10:00:00Z"], "s3:prefix": ["home/swift"],
    ]

    /// Reads, prints, checks, compiles and asks it; it must be refused or hold to its own text.
    ///
    /// - Throws: ``Violation``.
    static func run(_ bytes: [UInt8]) throws(Violation) {
        let text = ByteBuffer(bytes: bytes)
        for kind in PolicyKind.allCases {
            guard let valid = try? PolicyDocument(validating: text, as: kind) else { continue }
            try hold((try? PolicyDocument(parsing: text)) == valid, "\(kind) is valid and cannot be read")
            try hold(PolicyDocument.statementPositions(in: text).count == valid.statements.count, "positions")
        }
        guard let document = try? PolicyDocument(parsing: text) else { return }
        try hold((try? PolicyDocument(parsing: document.json)) == document, "prints as something else")
        let policy = CompiledPolicy(document)
        try hold(policy.contextKeys == Set(document.contextKeyNames.map(ContextKey.init)), "keys")
        for requester in requesters { try ask(policy, requester) }
    }

    private static func ask(_ policy: CompiledPolicy, _ requester: Requester) throws(Violation) {
        var requester = requester
        let attached = AttachedPolicy(id: "p", policy)
        for isLimited in [false, true] {
            requester.identityPolicies = [attached]
            requester.boundary = isLimited ? attached : nil
            requester.sessionPolicies = isLimited ? [attached] : []
            for owner in [EvaluationTableTests.own, EvaluationTableTests.other] {
                let resource = ProtectedResource(
                    "arn:aws:s3:::b/swift", account: owner, policy: policy, rule: isLimited ? .mustGrant : .mayGrant)
                let verdict = Evaluation.decide(requester, "s3:GetObject", on: resource, context: context)
                let simulation = Evaluation.simulate(requester, "s3:GetObject", on: resource, context: context)
                try hold(simulation.verdict.decision == verdict.decision, "the simulator decides otherwise")
                let keys = Set(verdict.consultedKeys.map(ContextKey.init))
                try hold(keys.isSubset(of: policy.contextKeys), "consulted keys that nobody asks for")
                try hold(verdict.isAllowed == (verdict.layer == nil), "no reason")
            }
        }
    }

    private static func hold(_ condition: Bool, _ otherwise: @autoclosure () -> String) throws(Violation) {
        if !condition { throw Violation(description: otherwise()) }
    }
}
