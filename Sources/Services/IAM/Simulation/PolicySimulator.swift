import AWSWire
import IAMModel
import Policies

/// The policy simulator: what would be allowed to whom, by the very evaluation that decides about requests.
extension IAMService {
    func simulateCustomPolicy(_ call: Call) throws -> Output {
        let input = try IAM.SimulateCustomPolicyRequest(decoding: call.request)
        guard input.resourceHandlingOption == nil else { throw AWSError.noResourceHandling }
        let caller = input.callerArn ?? call.names.arn("user/simulated")
        var simulation = try SimulationRequest(
            requester: call.names.requester(.user, arn: caller), actions: input.actionNames,
            resources: input.resourceArns, owner: input.resourceOwner, entries: input.contextEntries, call)
        for (index, text) in input.policyInputList.enumerated() {
            let policy = try simulation.add(text, id: "PolicyInputList.\(index + 1)")
            simulation.requester.identityPolicies.append(policy)
        }
        try simulation.take(
            boundaries: input.permissionsBoundaryPolicyInputList, resourcePolicy: input.resourcePolicy)
        return try simulation.answer(input.marker, input.maxItems)
    }

    func simulatePrincipalPolicy(_ call: Call) throws -> Output {
        let input = try IAM.SimulatePrincipalPolicyRequest(decoding: call.request)
        guard input.resourceHandlingOption == nil else { throw AWSError.noResourceHandling }
        let source = try SimulatedPrincipal(input.policySourceArn, accounts[call.account], call.names)
        var requester = source.requester
        if let caller = input.callerArn {
            let other = try call.names.requester(.user, arn: caller)
            (requester.arn, requester.account) = (other.arn, other.account)
        }
        var simulation = try SimulationRequest(
            requester: requester, actions: input.actionNames, resources: input.resourceArns,
            owner: input.resourceOwner, entries: input.contextEntries, call)
        for (id, text) in source.policies {
            simulation.requester.identityPolicies.append(try simulation.add(text, id: id))
        }
        for (index, text) in (input.policyInputList ?? []).enumerated() {
            let policy = try simulation.add(text, id: "PolicyInputList.\(index + 1)")
            simulation.requester.identityPolicies.append(policy)
        }
        if let (id, text) = source.boundary { simulation.requester.boundary = try simulation.add(text, id: id) }
        try simulation.take(
            boundaries: input.permissionsBoundaryPolicyInputList, resourcePolicy: input.resourcePolicy)
        return try simulation.answer(input.marker, input.maxItems)
    }

    // MARK: Context keys

    func getContextKeysForCustomPolicy(_ call: Call) throws -> Output {
        let input = try IAM.GetContextKeysForCustomPolicyRequest(decoding: call.request)
        return try Self.contextKeys(input.policyInputList)
    }

    func getContextKeysForPrincipalPolicy(_ call: Call) throws -> Output {
        let input = try IAM.GetContextKeysForPrincipalPolicyRequest(decoding: call.request)
        let source = try SimulatedPrincipal(input.policySourceArn, accounts[call.account], call.names)
        return try Self.contextKeys(source.policies.map(\.text) + (input.policyInputList ?? []))
    }

    private static func contextKeys(_ texts: [String]) throws(AWSError) -> Output {
        var names: [String] = []
        var known: Set<ContextKey> = []
        for text in texts {
            names += try Documents.simulated(text).contextKeyNames.filter { known.insert(ContextKey($0)).inserted }
        }
        return IAM.GetContextKeysForPolicyResponse(contextKeyNames: names)
    }
}

extension AWSError {
    fileprivate static let noResourceHandling = AWSError.unsupported(
        "ResourceHandlingOption is about EC2, which is not here.")
}

extension SimulationRequest {
    /// - Parameters:
    ///   - resources: nil for `*`.
    ///   - owner: An ARN of the account that owns them, or its number; nil for the account that asks.
    fileprivate init(
        requester: Requester, actions: [String], resources: [String]?, owner: String?, entries: [IAM.ContextEntry]?,
        _ call: Call
    ) throws(AWSError) {
        self.requester = requester
        self.actions = actions
        self.resources = resources.flatMap { $0.isEmpty ? nil : $0 } ?? ["*"]
        self.owner = owner.map { ARN($0)?.account ?? $0 } ?? call.account
        guard AccountID(self.owner) != nil else { throw IAMError.invalidInput(message: "Invalid ResourceOwner.") }
        for action in actions where action.split(separator: ":").count != 2 {
            throw IAMError.invalidInput(message: "Invalid action: \(action)")
        }
        var values: [String: [String]] = [:]
        for entry in entries ?? [] {
            guard let name = entry.contextKeyName else { continue }
            values[name] = entry.contextKeyValues ?? []
        }
        context = AccessContext(values)
    }

    fileprivate mutating func take(boundaries: [String]?, resourcePolicy text: String?) throws(AWSError) {
        if let boundaries, let text = boundaries.first {
            guard boundaries.count == 1 else {
                throw IAMError.invalidInput(message: "Only one permissions boundary can be simulated.")
            }
            requester.boundary = try add(text, id: "PermissionsBoundaryPolicyInputList.1")
        }
        if let text { resourcePolicy = try add(text, id: Self.resourcePolicyID, as: .resource).policy }
    }

    fileprivate func answer(_ marker: String?, _ limit: Int?) throws(AWSError) -> Output {
        let page = try page(marker, limit)
        return IAM.SimulatePolicyResponse(
            evaluationResults: page.elements, isTruncated: page.isTruncated, marker: page.marker)
    }
}

/// The policies of a user, a group or a role, by what results call them.
private struct SimulatedPrincipal {
    var requester: Requester
    var policies: [(id: String, text: String)]
    var boundary: (id: String, text: String)?

    init(_ arn: String, _ account: Account, _ names: Names) throws(AWSError) {
        guard ARN(arn) != nil else { throw .unparsedARN }
        guard let (kind, _, name) = names.parse(arn) else {
            throw IAMError.noSuchEntity(message: "The entity \(arn) cannot be found.")
        }
        switch kind {
        case "user":
            let user = try account.user(name)
            requester = try names.requester(.user, arn: names.user(user), id: user.id, tags: user.tags)
            policies = try Self.texts(of: user.policies, "user_\(name)", account, names)
            for group in user.groups.compactMap({ account.groups[$0] }) {
                policies += try Self.texts(of: group.policies, "group_\(group.name)", account, names)
            }
            boundary = try Self.boundary(user.boundary, account, names)
        case "group":
            let group = try account.group(name)
            requester = try names.requester(.user, arn: names.group(group))
            policies = try Self.texts(of: group.policies, "group_\(name)", account, names)
        case "role":
            let role = try account.role(name)
            requester = try names.requester(
                .assumedRole(arn: names.role(role)), arn: names.role(role), id: role.id, tags: role.tags)
            policies = try Self.texts(of: role.policies, "role_\(name)", account, names)
            boundary = try Self.boundary(role.boundary, account, names)
        default: throw IAMError.invalidInput(message: "\(arn) is neither a user, a group nor a role.")
        }
    }

    private static func texts(of policies: PolicySet, _ owner: String, _ account: Account, _ names: Names)
        throws(AWSError) -> [(id: String, text: String)]
    {
        var texts: [(id: String, text: String)] = []
        for arn in policies.attached {
            guard let text = try account.document(ofPolicy: arn, names) else { continue }
            texts.append((PolicyARN(arn)?.name ?? arn, text))
        }
        for (name, text) in policies.inline.sorted(by: { $0.key < $1.key }) { texts.append(("\(owner)_\(name)", text)) }
        return texts
    }

    private static func boundary(_ arn: String?, _ account: Account, _ names: Names) throws(AWSError)
        -> (id: String, text: String)?
    {
        guard let arn, let text = try account.document(ofPolicy: arn, names) else { return nil }
        return (PolicyARN(arn)?.name ?? arn, text)
    }
}

extension Names {
    fileprivate func requester(_ kind: Requester.Kind, arn text: String, id: String? = nil, tags: [TagRecord] = [])
        throws(AWSError) -> Requester
    {
        guard let arn = ARN(text), AccountID(arn.account) != nil else {
            throw IAMError.invalidInput(message: "\(text) is invalid")
        }
        var requester = Requester(kind, arn: text, account: arn.account, userID: id)
        requester.tags = tags.dictionary
        return requester
    }
}
