import AWSWire
import IAMModel
import NIOCore
import Policies

/// What is to be simulated: somebody with policies, several actions, several resources.
struct SimulationRequest {
    /// Who is asked for, with all policies.
    var requester: Requester
    /// The texts of the policies by what results call them: names, or `PolicyInputList.1`.
    var texts: [String: String] = [:]
    /// The keys that policies ask for, as they are spelled first.
    private var keyNames: [String] = []
    private var keys: Set<ContextKey> = []
    var resourcePolicy: CompiledPolicy?
    var actions: [String]
    var resources: [String]
    var owner: String
    var context: AccessContext

    /// The id of the resource's policy in results.
    static let resourcePolicyID = "ResourcePolicy"

    /// One result for each action and each resource.
    func page(_ marker: String?, _ limit: Int?) throws(AWSError) -> Page<IAM.EvaluationResult> {
        let places = texts.mapValues { PolicyDocument.statementPositions(in: ByteBuffer(string: $0)) }
        return try Page(count: actions.count * resources.count, marker: marker, limit: limit) { index in
            result(actions[index / resources.count], resources[index % resources.count], places)
        }
    }

    private func result(
        _ action: String, _ resource: String, _ places: [String: [(start: TextPosition, end: TextPosition)]]
    ) -> IAM.EvaluationResult {
        let simulation = Evaluation.simulate(
            requester, action, on: ProtectedResource(resource, account: owner, policy: resourcePolicy), context: context
        )
        let decision = IAM.PolicyEvaluationDecisionType(simulation.verdict.decision)
        let matches = simulation.matches.map { match in
            let isResource = match.source.layer == .resource
            let id = isResource ? Self.resourcePolicyID : match.source.id
            let place = places[id].flatMap { $0.indices.contains(match.statement) ? $0[match.statement] : nil }
            return IAM.Statement(
                sourcePolicyId: id, sourcePolicyType: .init(rawValue: isResource ? "Resource Policy" : "IAM Policy"),
                startPosition: place?.start.shape, endPosition: place?.end.shape)
        }
        let missing = keyNames.filter { simulation.missingKeys.contains(ContextKey($0)) }
        let boundary = simulation.decisions[.boundary].map {
            IAM.PermissionsBoundaryDecisionDetail(allowedByPermissionsBoundary: $0 == .allowed)
        }
        // Told of simulations across accounts only.
        var details: [String: IAM.PolicyEvaluationDecisionType] = [:]
        if requester.account != owner {
            details["IAM Policy"] = simulation.decisions[.identity].map { .init($0) }
            details["Resource Policy"] = simulation.decisions[.resource].map { .init($0) }
        }
        let specific = IAM.ResourceSpecificResult(
            evalResourceName: resource, evalResourceDecision: decision, matchedStatements: matches,
            missingContextValues: missing, permissionsBoundaryDecisionDetail: boundary)
        return IAM.EvaluationResult(
            evalActionName: action, evalResourceName: resource, evalDecision: decision, matchedStatements: matches,
            missingContextValues: missing, permissionsBoundaryDecisionDetail: boundary, evalDecisionDetails: details,
            resourceSpecificResults: [specific])
    }

    /// Adds a policy; the ids of the lists are those that results have.
    mutating func add(_ text: String, id: String, as kind: PolicyKind = .inline) throws(AWSError) -> AttachedPolicy {
        let document = try Documents.simulated(text, as: kind)
        texts[id] = text
        keyNames += document.contextKeyNames.filter { keys.insert(ContextKey($0)).inserted }
        return AttachedPolicy(id: id, CompiledPolicy(document))
    }
}

extension IAM.PolicyEvaluationDecisionType {
    init(_ decision: Verdict.Decision) { self.init(rawValue: decision.rawValue) }
}

extension Documents {
    /// - Throws: `InvalidInput`, which is what the simulator says of texts that are no policies.
    static func simulated(_ text: String, as kind: PolicyKind = .inline) throws(AWSError) -> PolicyDocument {
        do {
            return try check(text, as: kind)
        } catch {
            throw IAMError.invalidInput(message: error.message)
        }
    }
}

extension TextPosition {
    fileprivate var shape: IAM.Position { IAM.Position(line: line, column: column) }
}
