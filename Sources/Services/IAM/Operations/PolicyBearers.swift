import AWSWire
import IAMModel
import Policies

/// Inline policies and attachments are the same for users, groups and roles: here is what all of them do.
extension Account {
    func policies(of kind: EntityKind, _ name: String) throws(AWSError) -> PolicySet {
        switch kind {
        case .user: if let user = users[name] { return user.policies }
        case .group: if let group = groups[name] { return group.policies }
        case .role: if let role = roles[name] { return role.policies }
        }
        throw kind.missing(name)
    }

    /// A role that is AWS's own is not to be changed.
    mutating func changePolicies(
        of kind: EntityKind, _ name: String, _ work: (inout PolicySet) throws -> Void
    ) throws {
        var policies = try policies(of: kind, name)
        switch kind {
        case .user:
            try work(&policies)
            if var user = users[name] {
                user.policies = policies
                users.put(user)
            }
        case .group:
            try work(&policies)
            if var group = groups[name] {
                group.policies = policies
                groups.put(group)
            }
        case .role:
            guard roles[name]?.linkedService == nil else { throw AWSError.protected(name) }
            try work(&policies)
            if var role = roles[name] {
                role.policies = policies
                roles.put(role)
            }
        }
    }
}

extension IAMService {
    // MARK: Inline policies

    func putInline(_ text: String, named policy: String, to kind: EntityKind, _ name: String, _ call: Call) async throws
    {
        try Documents.check(text, as: .inline)
        let limit = kind.inlineQuota(quotas)
        try await accounts.change(call.account) { account in
            try account.changePolicies(of: kind, name) { policies in
                policies.inline[policy] = text
                guard policies.inline.values.reduce(0, { $0 + Documents.size($1) }) <= limit else {
                    throw IAMError.limitExceeded(
                        message: "Maximum policy size of \(limit) bytes exceeded for \(kind.word) \(name)")
                }
            }
        }
    }

    /// Percent-encoded.
    func inline(_ policy: String, of kind: EntityKind, _ name: String, _ call: Call) throws(AWSError) -> String {
        guard let text = try accounts[call.account].policies(of: kind, name).inline[policy] else {
            throw .noInlinePolicy(policy, of: kind)
        }
        return Documents.encoded(text)
    }

    func deleteInline(_ policy: String, of kind: EntityKind, _ name: String, _ call: Call) async throws {
        try await accounts.change(call.account) { account in
            try account.changePolicies(of: kind, name) { policies in
                guard policies.inline.removeValue(forKey: policy) != nil else {
                    throw AWSError.noInlinePolicy(policy, of: kind)
                }
            }
        }
    }

    func inlineNames(of kind: EntityKind, _ name: String, _ marker: String?, _ limit: Int?, _ call: Call)
        throws(AWSError) -> Page<String>
    {
        let names = try accounts[call.account].policies(of: kind, name).inline.keys.sorted()
        return try Page(names, marker: marker, limit: limit) { $0 }
    }

    // MARK: Attachments

    /// Attaching what is attached already changes nothing.
    func attach(_ arn: String, to kind: EntityKind, _ name: String, _ call: Call) async throws {
        let (quota, limit) = kind.attachmentQuota(quotas)
        try await accounts.change(call.account) { account in
            let policies = try account.policies(of: kind, name)
            guard try account.document(ofPolicy: arn, call.names) != nil else { throw AWSError.notAttachable(arn) }
            guard !policies.attached.contains(arn) else { return }
            try account.changePolicies(of: kind, name) { policies in
                guard policies.attached.count < limit else { throw AWSError.exceeds(quota, limit) }
                policies.attached.append(arn)
            }
        }
    }

    func detach(_ arn: String, from kind: EntityKind, _ name: String, _ call: Call) async throws {
        try await accounts.change(call.account) { account in
            try account.changePolicies(of: kind, name) { policies in
                guard let index = policies.attached.firstIndex(of: arn) else {
                    guard ARN(arn) != nil else { throw AWSError.unparsedARN }
                    throw AWSError.noPolicy(arn)
                }
                policies.attached.remove(at: index)
            }
        }
    }

    func attachments(
        of kind: EntityKind, _ name: String, under prefix: String?, _ marker: String?, _ limit: Int?, _ call: Call
    ) throws(AWSError) -> Page<IAM.AttachedPolicy> {
        let arns = try accounts[call.account].policies(of: kind, name).attached
            .filter { PolicyARN($0).map { $0.path.hasPrefix(prefix ?? "/") } ?? false }
        let all = arns.sorted().map { IAM.AttachedPolicy(policyName: PolicyARN($0)?.name, policyArn: $0) }
        return try Page(all, marker: marker, limit: limit) { $0.policyArn ?? "" }
    }
}
