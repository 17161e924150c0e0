import NIOCore
import TestSupport
import Testing

@testable import Policies

/// The IAM User Guide's tables and rules for requests within an account and across two.
///
/// "Policy evaluation" is reference_policies_evaluation-logic_policy-eval-denyallow.html, "cross-account" is
/// reference_policies_evaluation-logic-cross-account.html, "boundaries" access_policies_boundaries.html, "principal"
/// reference_policies_elements_principal.html, "NotPrincipal" reference_policies_elements_notprincipal.html, "roles"
/// id_roles_terms-and-concepts.html and access_policies-cross-account-resource-access.html.
@Suite struct EvaluationTableTests {
    static let own = "111111111111"
    static let other = "222222222222"

    enum Policy: Sendable {
        case absent
        /// It is there, and speaks of something else.
        case silent
        case allows
        case denies
    }

    /// What the resource's policy says.
    enum Statement: Sendable {
        case allow(String)
        case deny(String)
    }

    struct Row: Sendable {
        var by: Requester
        var identity = Policy.absent
        var boundary = Policy.absent
        var session = Policy.absent
        var resource: [Statement] = []
        var rule = ProtectedResource.Rule.mayGrant
        var decision: Verdict.Decision
        var layer: PolicyLayer?
        var source: String
    }

    static let user = Requester(.user, arn: "arn:aws:iam::\(own):user/birds/swift", account: own, userID: "AIDASWIFT")
    static let session = Requester(
        .assumedRole(arn: "arn:aws:iam::\(own):role/birds/flyer"),
        arn: "arn:aws:sts::\(own):assumed-role/flyer/one", account: own, userID: "AROAFLYER:one")
    static let federated = Requester(
        .federatedUser(of: user.arn), arn: "arn:aws:sts::\(own):federated-user/guest", account: own,
        userID: "\(own):guest")
    static let root = Requester.root(of: own)
    static let service = Requester.service("s3.amazonaws.com")

    static func aws(_ name: String) -> String { #""Principal":{"AWS":"\#(name)"}"# }

    static let naming = (
        everybody: #""Principal":"*""#, account: aws("arn:aws:iam::\(own):root"), number: aws(own),
        user: aws(user.arn), userID: aws("AIDASWIFT"), role: aws("arn:aws:iam::\(own):role/birds/flyer"),
        roleID: aws("AROAFLYER"), session: aws(session.arn), federated: aws(federated.arn),
        service: #""Principal":{"Service":"s3.amazonaws.com"}"#, stranger: aws("arn:aws:iam::\(own):user/crow")
    )

    /// "Policy evaluation", table "Resource-based policies and implicit denies in other policy types (same account)":
    /// all other policies are there and say nothing.
    static let implicitDenials: [Row] = [
        Row(
            by: session, identity: .silent, boundary: .silent, session: .silent, resource: [.allow(naming.role)],
            decision: .implicitDeny, layer: .boundary, source: "Policy evaluation: role session, role ARN"),
        Row(
            by: session, identity: .silent, boundary: .allows, session: .silent, resource: [.allow(naming.role)],
            decision: .implicitDeny, layer: .session, source: "Policy evaluation: limited by either"),
        Row(
            by: session, identity: .silent, boundary: .allows, session: .allows, resource: [.allow(naming.role)],
            decision: .allowed, source: "Policy evaluation: a role's grant needs no identity policy"),
        Row(
            by: session, identity: .silent, boundary: .silent, session: .silent, resource: [.allow(naming.session)],
            decision: .allowed, source: "Policy evaluation: role session, session ARN"),
        Row(
            by: user, identity: .silent, boundary: .silent, resource: [.allow(naming.user)], decision: .allowed,
            source: "Policy evaluation: IAM user, user ARN"),
        Row(
            by: federated, identity: .silent, boundary: .silent, session: .silent, resource: [.allow(naming.user)],
            decision: .implicitDeny, layer: .boundary, source: "Policy evaluation: federated user, user ARN"),
        Row(
            by: federated, identity: .silent, session: .silent, resource: [.allow(naming.user)],
            decision: .implicitDeny, layer: .session, source: "Policy evaluation: limited by either"),
        Row(
            by: federated, identity: .silent, boundary: .silent, session: .silent,
            resource: [.allow(naming.federated)], decision: .allowed,
            source: "Policy evaluation: federated user, session ARN"),
        Row(
            by: root, resource: [.allow(naming.account)], decision: .allowed,
            source: "Policy evaluation: root user, root ARN"),
        Row(
            by: service, resource: [.allow(naming.service)], decision: .allowed,
            source: "Policy evaluation: service principal"),
        Row(
            by: session, identity: .silent, boundary: .silent, session: .silent, resource: [.allow(naming.everybody)],
            decision: .allowed, source: "principal: boundaries and session policies do not limit what * grants"),
    ]

    /// Explicit denials win over whatever allows, in every kind of policy.
    static let denials: [Row] = [
        Row(
            by: user, identity: .denies, resource: [.allow(naming.user)], decision: .explicitDeny, layer: .identity,
            source: "Policy evaluation: deny evaluation"),
        Row(
            by: user, identity: .allows, boundary: .denies, resource: [.allow(naming.user)], decision: .explicitDeny,
            layer: .boundary, source: "boundaries: an explicit deny in a boundary overrides a resource's allow"),
        Row(
            by: session, identity: .allows, session: .denies, resource: [.allow(naming.session)],
            decision: .explicitDeny, layer: .session, source: "Policy evaluation: deny evaluation"),
        Row(
            by: user, identity: .allows, resource: [.allow(naming.user), .deny(naming.everybody)],
            decision: .explicitDeny, layer: .resource, source: "Policy evaluation: deny evaluation"),
        Row(
            by: user, identity: .allows, resource: [.deny(naming.account)], decision: .explicitDeny, layer: .resource,
            source: "Policy evaluation: an account that is denied is everybody in it"),
        Row(
            by: session, identity: .allows, resource: [.deny(naming.role)], decision: .explicitDeny, layer: .resource,
            source: "Policy evaluation: a role that is denied is each of its sessions"),
        Row(
            by: root, resource: [.deny(naming.everybody)], decision: .explicitDeny, layer: .resource,
            source: "Policy evaluation: deny evaluation comes before all else, for the root too"),
        Row(
            by: user, identity: .allows, resource: [.deny(naming.stranger)], decision: .allowed,
            source: "Policy evaluation: the denial is another's"),
        Row(
            by: user, identity: .denies, decision: .explicitDeny, layer: .identity,
            source: "Policy evaluation: deny evaluation"),
    ]

    /// Within one account.
    static let sameAccount: [Row] = [
        Row(by: user, decision: .implicitDeny, layer: .identity, source: "Policy evaluation: the default"),
        Row(
            by: user, identity: .silent, decision: .implicitDeny, layer: .identity,
            source: "Policy evaluation, step 5"),
        Row(by: user, identity: .allows, decision: .allowed, source: "Policy evaluation, step 5"),
        Row(by: session, identity: .allows, decision: .allowed, source: "Policy evaluation, step 5"),
        Row(by: root, decision: .allowed, source: "Policy evaluation: the root has full access"),
        Row(
            by: user, identity: .allows, boundary: .silent, decision: .implicitDeny, layer: .boundary,
            source: "boundaries: the intersection of both"),
        Row(
            by: user, identity: .silent, boundary: .allows, decision: .implicitDeny, layer: .identity,
            source: "boundaries: a boundary grants nothing"),
        Row(
            by: user, identity: .allows, boundary: .allows, decision: .allowed,
            source: "boundaries: the intersection of both"),
        Row(
            by: session, identity: .allows, session: .silent, decision: .implicitDeny, layer: .session,
            source: "boundaries: the intersection of all three"),
        Row(
            by: session, identity: .allows, boundary: .silent, session: .allows, decision: .implicitDeny,
            layer: .boundary, source: "boundaries: the intersection of all three"),
        Row(
            by: session, identity: .silent, session: .allows, decision: .implicitDeny, layer: .identity,
            source: "boundaries: a session policy grants nothing"),
        Row(
            by: session, identity: .allows, boundary: .allows, session: .allows, decision: .allowed,
            source: "boundaries: the intersection of all three"),
        Row(
            by: federated, identity: .allows, decision: .implicitDeny, layer: .session,
            source: "GetFederationToken: without a policy the session has no permissions"),
        Row(
            by: federated, identity: .allows, session: .allows, decision: .allowed,
            source: "GetFederationToken: the intersection of both"),
        Row(
            by: federated, identity: .silent, session: .allows, decision: .implicitDeny, layer: .identity,
            source: "GetFederationToken: the intersection of both"),
        // An account that is named leaves the decision to its own policies.
        Row(
            by: user, identity: .silent, resource: [.allow(naming.account)], decision: .implicitDeny, layer: .identity,
            source: "principal: an account principal delegates to the account"),
        Row(
            by: user, identity: .silent, resource: [.allow(naming.number)], decision: .implicitDeny, layer: .identity,
            source: "principal: an account principal delegates to the account"),
        Row(
            by: user, identity: .allows, resource: [.allow(naming.account)], decision: .allowed,
            source: "principal: an account principal delegates to the account"),
        Row(
            by: user, identity: .silent, resource: [.allow(naming.everybody)], decision: .allowed,
            source: "principal: * needs no other permission within the account"),
        Row(
            by: user, identity: .silent, resource: [.allow(naming.stranger)], decision: .implicitDeny,
            layer: .identity, source: "Policy evaluation: step 3"),
        Row(
            by: user, identity: .silent, resource: [.allow(naming.userID)], decision: .allowed,
            source: "principal: IAM keeps a user that was named by its id"),
        Row(
            by: session, identity: .silent, boundary: .silent, resource: [.allow(naming.roleID)],
            decision: .implicitDeny, layer: .boundary, source: "principal: IAM keeps a role that was named by its id"),
        Row(
            by: session, identity: .silent, resource: [.allow(naming.roleID)], decision: .allowed,
            source: "principal: IAM keeps a role that was named by its id"),
    ]

    /// Where the resource's policy has to have its say, in the same account too.
    static let mandatory: [Row] = [
        Row(
            by: user, identity: .allows, rule: .mustTrust, decision: .implicitDeny, layer: .trust,
            source: "Policy evaluation, step 3: trust policies and key policies must allow it"),
        Row(
            by: user, identity: .allows, rule: .mustGrant, decision: .implicitDeny, layer: .resource,
            source: "Policy evaluation, step 3: trust policies and key policies must allow it"),
        Row(
            by: root, rule: .mustGrant, decision: .implicitDeny, layer: .resource,
            source: "KMS, key-policies.html: no principal, the root included, has permissions without the key policy"),
        Row(
            by: user, identity: .silent, resource: [.allow(naming.account)], rule: .mustTrust, decision: .implicitDeny,
            layer: .identity, source: "roles: a trusted account delegates to its policies"),
        Row(
            by: user, identity: .allows, resource: [.allow(naming.account)], rule: .mustTrust, decision: .allowed,
            source: "roles: a trusted account delegates to its policies"),
        Row(
            by: user, identity: .silent, resource: [.allow(naming.user)], rule: .mustTrust, decision: .allowed,
            source: "roles: a user that the trust policy of its account's role names needs no policy of its own"),
        Row(
            by: session, identity: .silent, session: .silent, resource: [.allow(naming.role)], rule: .mustTrust,
            decision: .implicitDeny, layer: .session, source: "Policy evaluation: role session, role ARN"),
        Row(
            by: user, identity: .allows, resource: [.allow(naming.stranger)], rule: .mustTrust,
            decision: .implicitDeny, layer: .trust, source: "roles: only whom the trust policy names"),
        Row(
            by: user, identity: .allows, resource: [.allow(naming.user), .deny(naming.account)], rule: .mustTrust,
            decision: .explicitDeny, layer: .trust, source: "Policy evaluation: deny evaluation"),
        Row(
            by: service, resource: [.allow(naming.service)], rule: .mustTrust, decision: .allowed,
            source: "roles: a service role trusts the service"),
        Row(
            by: service, resource: [.allow(naming.account)], rule: .mustTrust, decision: .implicitDeny, layer: .trust,
            source: "roles: a service role trusts the service"),
    ]

    /// Callers of `own` at a resource of `other`: both accounts have to allow it.
    static let crossAccount: [Row] = [
        Row(by: user, decision: .implicitDeny, layer: .identity, source: "cross-account: neither"),
        Row(by: user, identity: .allows, decision: .implicitDeny, layer: .resource, source: "cross-account: one only"),
        Row(
            by: user, identity: .silent, resource: [.allow(naming.user)], decision: .implicitDeny, layer: .identity,
            source: "cross-account: one only"),
        Row(
            by: user, identity: .allows, resource: [.allow(naming.user)], decision: .allowed,
            source: "cross-account: Carlos and the bucket Production"),
        Row(
            by: user, identity: .denies, resource: [.allow(naming.user)], decision: .explicitDeny, layer: .identity,
            source: "cross-account: Carlos and the bucket Production-logs"),
        Row(
            by: user, identity: .allows, resource: [.allow(naming.account)], decision: .allowed,
            source: "cross-account: the entire account may be named"),
        Row(
            by: user, identity: .silent, resource: [.allow(naming.account)], decision: .implicitDeny, layer: .identity,
            source: "cross-account: one only"),
        Row(
            by: user, identity: .silent, resource: [.allow(naming.everybody)], decision: .implicitDeny,
            layer: .identity, source: "principal: * needs identity-based permissions across accounts"),
        Row(
            by: user, identity: .allows, resource: [.allow(naming.everybody)], decision: .allowed,
            source: "principal: * needs identity-based permissions across accounts"),
        Row(
            by: user, identity: .allows, boundary: .silent, resource: [.allow(naming.user)], decision: .implicitDeny,
            layer: .boundary, source: "cross-account: policies that limit the identity's are checked"),
        Row(
            by: session, identity: .allows, boundary: .silent, resource: [.allow(naming.session)],
            decision: .implicitDeny, layer: .boundary,
            source: "cross-account: direct grants count only within an account"),
        Row(
            by: session, identity: .allows, session: .silent, resource: [.allow(naming.session)],
            decision: .implicitDeny, layer: .session,
            source: "cross-account: direct grants count only within an account"),
        Row(
            by: session, identity: .allows, resource: [.allow(naming.role)], decision: .allowed,
            source: "cross-account: roles may be named"),
        Row(
            by: session, identity: .allows, resource: [.allow(naming.session)], decision: .allowed,
            source: "cross-account: sessions may be named"),
        Row(
            by: user, identity: .allows, resource: [.allow(naming.user), .deny(naming.account)],
            decision: .explicitDeny, layer: .resource, source: "cross-account: both must return Allow"),
        Row(by: root, decision: .implicitDeny, layer: .resource, source: "cross-account: both must return Allow"),
        Row(
            by: root, resource: [.allow(naming.account)], decision: .allowed,
            source: "cross-account: the root has full access on its side"),
        Row(
            by: user, identity: .silent, resource: [.allow(naming.user)], rule: .mustTrust, decision: .implicitDeny,
            layer: .identity, source: "roles: across accounts both sides must allow"),
        Row(
            by: user, identity: .allows, resource: [.allow(naming.account)], rule: .mustTrust, decision: .allowed,
            source: "roles: across accounts both sides must allow"),
        Row(
            by: user, identity: .allows, rule: .mustTrust, decision: .implicitDeny, layer: .trust,
            source: "roles: across accounts both sides must allow"),
        Row(
            by: .anonymous, decision: .implicitDeny, layer: .resource,
            source: "principal: only * lets in who gave no name"),
        Row(
            by: .anonymous, resource: [.allow(naming.everybody)], decision: .allowed,
            source: "principal: * lets in who gave no name"),
        Row(
            by: .anonymous, resource: [.allow(naming.account)], decision: .implicitDeny, layer: .resource,
            source: "principal: only * lets in who gave no name"),
        Row(
            by: service, resource: [.allow(naming.user)], decision: .implicitDeny, layer: .resource,
            source: "principal: services are named as such"),
    ]

    private static func not(_ names: String...) -> String {
        #""NotPrincipal":{"AWS":[\#(names.map { "\"\($0)\"" }.joined(separator: ","))]}"#
    }

    /// All with an identity policy that allows it.
    static let notPrincipals: [Row] = [
        Row(
            by: user, identity: .allows, resource: [.deny(not(user.arn, "arn:aws:iam::\(own):root"))],
            decision: .allowed, source: "NotPrincipal: example IAM user"),
        Row(
            by: user, identity: .allows,
            resource: [.deny(not("arn:aws:iam::\(own):user/bob", "arn:aws:iam::\(own):root"))],
            decision: .explicitDeny, layer: .resource, source: "NotPrincipal: example IAM user, all but Bob"),
        Row(
            by: session, identity: .allows,
            resource: [
                .deny(not(session.arn, "arn:aws:iam::\(own):role/birds/flyer", "arn:aws:iam::\(own):root"))
            ], decision: .allowed, source: "NotPrincipal: example IAM role"),
        Row(
            by: session, identity: .allows,
            resource: [.deny(not("arn:aws:iam::\(own):role/birds/flyer", "arn:aws:iam::\(own):root"))],
            decision: .explicitDeny, layer: .resource, source: "NotPrincipal: the session has to be named too"),
        Row(
            by: user, identity: .allows, boundary: .allows, resource: [.deny(not(user.arn))], decision: .explicitDeny,
            layer: .resource, source: "boundaries: always denied under NotPrincipal with Deny"),
        Row(
            by: user, resource: [.allow(not("arn:aws:iam::\(own):user/bob"))], decision: .allowed,
            source: "NotPrincipal: with Allow, all but the one named"),
        Row(
            by: user, resource: [.allow(not(user.arn))], decision: .implicitDeny, layer: .identity,
            source: "NotPrincipal: with Allow, all but the one named"),
        Row(
            by: user, resource: [.allow(not(own))], decision: .implicitDeny, layer: .identity,
            source: "NotPrincipal: with Allow, an account is everybody in it"),
    ]

    @Test(arguments: implicitDenials + denials + sameAccount + mandatory + notPrincipals)
    func withinAnAccount(_ row: Row) throws { try check(row, owner: Self.own) }

    @Test(arguments: crossAccount)
    func acrossAccounts(_ row: Row) throws { try check(row, owner: Self.other) }

    private func check(_ row: Row, owner: String) throws {
        var requester = row.by
        requester.identityPolicies = try attached(row.identity)
        requester.boundary = try attached(row.boundary).first
        requester.sessionPolicies = try attached(row.session)
        let statements = row.resource.map { statement in
            switch statement {
            case .allow(let who): #"{"Effect":"Allow",\#(who),"Action":"a:Do","Resource":"*"}"#
            case .deny(let who): #"{"Effect":"Deny",\#(who),"Action":"a:Do","Resource":"*"}"#
            }
        }
        let policy = statements.isEmpty ? nil : try policy(statements.joined(separator: ","))
        let resource = ProtectedResource("arn:aws:a:::thing", account: owner, policy: policy, rule: row.rule)
        let verdict = Evaluation.decide(requester, "a:Do", on: resource)
        #expect(verdict.decision == row.decision, "\(row.source)")
        #expect(verdict.layer == row.layer, "\(row.source)")
        #expect(Evaluation.simulate(requester, "a:Do", on: resource).verdict.decision == row.decision)
    }

    private func attached(_ kind: Policy) throws -> [AttachedPolicy] {
        let statement: String
        switch kind {
        case .absent: return []
        case .silent: statement = #"{"Effect":"Allow","Action":"a:Other","Resource":"*"}"#
        case .allows: statement = #"{"Effect":"Allow","Action":"a:*","Resource":"*"}"#
        case .denies:
            statement =
                #"{"Effect":"Allow","Action":"*","Resource":"*"},{"Effect":"Deny","Action":"a:Do","Resource":"*"}"#
        }
        return [AttachedPolicy(id: "policy", try policy(statement))]
    }

    private func policy(_ statements: String) throws -> CompiledPolicy {
        let text = #"{"Version":"2012-10-17","Statement":[\#(statements)]}"#
        return CompiledPolicy(try PolicyDocument(parsing: ByteBuffer(string: text)))
    }
}

extension EvaluationTableTests.Row: CustomTestStringConvertible {
    var testDescription: String { "\(source): \(by.arn)" }
}
