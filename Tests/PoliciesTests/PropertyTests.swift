import TestSupport
import Testing

@testable import Policies

/// What holds for all policies, shown on many that are drawn by lot from a few names, so that they often meet.
@Suite struct PropertyTests {
    /// One question with all that has a say in it.
    private struct Scene {
        var requester: Requester
        var resource: [PolicyStatement]
        var rule: ProtectedResource.Rule
        var owner: String
        var action: String
        var arn: String
        var context: AccessContext

        var decision: Verdict.Decision {
            let policy = resource.isEmpty ? nil : CompiledPolicy(PolicyDocument(statements: resource))
            return Evaluation.decide(
                requester, action, on: ProtectedResource(arn, account: owner, policy: policy, rule: rule),
                context: context
            ).decision
        }
    }

    private static let actions = ["s3:GetObject", "S3:get*", "s3:Put?bject", "s3:*", "*", "sqs:*"]
    private static let resources = ["arn:aws:s3:::b/x", "arn:aws:s3:::b/*", "arn:aws:s3:::b/${aws:username}", "*"]

    private static func statement(_ random: inout SeededGenerator, names: Bool) -> PolicyStatement {
        func some<Value: Hashable & Sendable>(_ values: [Value], _ random: inout SeededGenerator) -> PolicyElement<
            Value
        > {
            let count = Int.random(in: 1...2, using: &random)
            return PolicyElement(
                (0..<count).map { _ in values[Int.random(in: values.indices, using: &random)] },
                sense: Int.random(in: 0..<5, using: &random) == 0 ? .allBut : .these)
        }
        let principals: [PolicyPrincipal] = [
            .anyone, .aws(EvaluationTableTests.own), .aws(EvaluationTableTests.user.arn), .aws("AROAFLYER"),
            .aws("arn:aws:iam::\(EvaluationTableTests.own):role/birds/flyer"), .aws(EvaluationTableTests.session.arn),
            .service("s3.amazonaws.com"), .aws(EvaluationTableTests.federated.arn),
        ]
        let tests: [ConditionOperator] = [
            ConditionOperator(.stringEquals), ConditionOperator(.stringNotLike), ConditionOperator(.null),
            ConditionOperator(.stringEquals, quantifier: .forAllValues), ConditionOperator(.bool, ifExists: true),
        ]
        var conditions: [PolicyCondition] = []
        if Int.random(in: 0..<3, using: &random) == 0 {
            let test = tests[Int.random(in: tests.indices, using: &random)]
            let value = ["true", "x", "${aws:username}"][Int.random(in: 0..<3, using: &random)]
            conditions = [PolicyCondition(test, ["k", "aws:username"][Int.random(in: 0..<2, using: &random)], [value])]
        }
        return PolicyStatement(
            effect: Int.random(in: 0..<4, using: &random) == 0 ? .deny : .allow,
            principals: names ? some(principals, &random) : nil, actions: some(actions, &random),
            resources: some(resources, &random), conditions: conditions)
    }

    private static func policies(_ random: inout SeededGenerator, _ counts: ClosedRange<Int>) -> [AttachedPolicy] {
        (0..<Int.random(in: counts, using: &random)).map { index in
            let statements = (0..<Int.random(in: 1...3, using: &random)).map { _ in statement(&random, names: false) }
            return AttachedPolicy(id: "p\(index)", CompiledPolicy(PolicyDocument(statements: statements)))
        }
    }

    private static func scene(_ random: inout SeededGenerator) -> Scene {
        let requesters = [
            EvaluationTableTests.user, EvaluationTableTests.session, EvaluationTableTests.federated,
            EvaluationTableTests.root, EvaluationTableTests.service, .anonymous,
        ]
        var requester = requesters[Int.random(in: requesters.indices, using: &random)]
        if ![.root, .service, .anonymous].contains(requester.kind) {
            requester.identityPolicies = policies(&random, 0...2)
            requester.boundary = policies(&random, 0...1).first
            if requester.kind != .user { requester.sessionPolicies = policies(&random, 0...2) }
        }
        let rules: [ProtectedResource.Rule] = [.mayGrant, .mayGrant, .mustGrant, .mustTrust]
        return Scene(
            requester: requester,
            resource: (0..<Int.random(in: 0...3, using: &random)).map { _ in statement(&random, names: true) },
            rule: rules[Int.random(in: rules.indices, using: &random)],
            owner: Bool.random(using: &random) ? EvaluationTableTests.own : EvaluationTableTests.other,
            action: ["s3:GetObject", "s3:PutObject"][Int.random(in: 0..<2, using: &random)],
            arn: ["arn:aws:s3:::b/x", "arn:aws:s3:::b/swift"][Int.random(in: 0..<2, using: &random)],
            context: Bool.random(using: &random) ? ["k": ["true"]] : [:])
    }

    private func forAll(_ seed: UInt64, _ check: (inout Scene, inout SeededGenerator) -> Void) {
        var random = SeededGenerator(seed: seed)
        for _ in 0..<400 {
            var scene = Self.scene(&random)
            check(&scene, &random)
        }
    }

    private static let everything = PolicyStatement(
        principals: nil, actions: PolicyElement(["*"]), resources: PolicyElement(["*"]))

    private static func attached(_ effect: PolicyStatement.Effect) -> AttachedPolicy {
        var statement = everything
        statement.effect = effect
        return AttachedPolicy(id: "all", CompiledPolicy(PolicyDocument(statements: [statement])))
    }

    @Test(arguments: 0..<4 as Range<UInt64>)
    func denialsAlwaysWin(seed: UInt64) {
        forAll(seed) { scene, random in
            var denied = [scene, scene, scene, scene]
            denied[0].requester.identityPolicies.append(Self.attached(.deny))
            denied[1].requester.boundary = Self.attached(.deny)
            denied[2].requester.sessionPolicies.append(Self.attached(.deny))
            var statement = Self.everything
            (statement.effect, statement.principals) = (.deny, PolicyElement([.anyone]))
            denied[3].resource.insert(statement, at: Int.random(in: 0...scene.resource.count, using: &random))
            #expect(denied.map(\.decision) == [.explicitDeny, .explicitDeny, .explicitDeny, .explicitDeny])
        }
    }

    @Test(arguments: 0..<4 as Range<UInt64>)
    func orderNeverMatters(seed: UInt64) {
        forAll(seed) { scene, random in
            let decision = scene.decision
            scene.resource.shuffle(using: &random)
            scene.requester.identityPolicies.shuffle(using: &random)
            scene.requester.sessionPolicies.shuffle(using: &random)
            for index in scene.requester.identityPolicies.indices {
                var document = scene.requester.identityPolicies[index].policy.document
                document.statements.shuffle(using: &random)
                for statement in document.statements.indices {
                    document.statements[statement].actions.values.shuffle(using: &random)
                    document.statements[statement].resources?.values.shuffle(using: &random)
                }
                scene.requester.identityPolicies[index].policy = CompiledPolicy(document)
            }
            #expect(scene.decision == decision)
            // Nor how the statements are spread over policies.
            let statements = scene.requester.identityPolicies.flatMap(\.policy.document.statements)
            scene.requester.identityPolicies = [
                AttachedPolicy(id: "one", CompiledPolicy(PolicyDocument(statements: statements)))
            ]
            #expect(scene.decision == decision)
        }
    }

    @Test(arguments: 0..<4 as Range<UInt64>)
    func oneMoreAllowTakesNoneAway(seed: UInt64) {
        forAll(seed) { scene, random in
            let decision = scene.decision
            var statement = Self.statement(&random, names: false)
            statement.effect = .allow
            let policy = CompiledPolicy(PolicyDocument(statements: [statement]))
            var more = [scene, scene]
            more[0].requester.identityPolicies.append(AttachedPolicy(id: "more", policy))
            var named = Self.statement(&random, names: true)
            named.effect = .allow
            more[1].resource.append(named)
            if !scene.requester.sessionPolicies.isEmpty {
                more.append(scene)
                more[2].requester.sessionPolicies.append(AttachedPolicy(id: "more", policy))
            }
            for scene in more {
                if decision == .allowed { #expect(scene.decision == .allowed) }
                if decision == .explicitDeny { #expect(scene.decision == .explicitDeny) }
            }
        }
    }

    @Test(arguments: 0..<4 as Range<UInt64>)
    func limitsAddNothing(seed: UInt64) {
        forAll(seed) { scene, random in
            guard scene.requester.boundary == nil else { return }
            let decision = scene.decision
            var bounded = scene
            bounded.requester.boundary = Self.policies(&random, 1...1).first
            if decision != .allowed { #expect(bounded.decision != .allowed) }
            guard case .assumedRole = scene.requester.kind, scene.requester.sessionPolicies.isEmpty else { return }
            var limited = scene
            limited.requester.sessionPolicies = Self.policies(&random, 1...2)
            if decision != .allowed { #expect(limited.decision != .allowed) }
        }
    }

    // Two requests that do not differ in the keys that were looked at are decided alike.
    @Test(arguments: 0..<4 as Range<UInt64>)
    func otherKeysDoNotMatter(seed: UInt64) {
        forAll(seed) { scene, random in
            let policy = scene.resource.isEmpty ? nil : CompiledPolicy(PolicyDocument(statements: scene.resource))
            let resource = ProtectedResource(scene.arn, account: scene.owner, policy: policy, rule: scene.rule)
            let verdict = Evaluation.decide(scene.requester, scene.action, on: resource, context: scene.context)
            guard !verdict.consultedKeys.contains("k") else { return }
            scene.context["k"] = [["x"], ["true"], ["x", "true"], []][Int.random(in: 0..<4, using: &random)]
            let again = Evaluation.decide(scene.requester, scene.action, on: resource, context: scene.context)
            #expect(again == verdict)
        }
    }

    @Test(arguments: 0..<4 as Range<UInt64>)
    func policiesComeBackFromTheirText(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        for _ in 0..<200 {
            let statements = (0..<3).map { _ in Self.statement(&random, names: Bool.random(using: &random)) }
            let document = PolicyDocument(statements: statements)
            let read = try PolicyDocument(parsing: document.json)
            // `"*"` among other principals is written as one of the accounts, which means the same.
            #expect(read.json == document.json)
            #expect(try PolicyDocument(parsing: read.json) == read)
        }
    }
}
