import AWSWire
import IAMModel

/// The operations on the policies of users, groups and roles: each kind has its own of each, which differ in the member
/// that names who has the policies, and in nothing else.
extension IAMService {
    func putInline<Input: PutPolicyInput>(_: Input.Type) -> @Sendable (Call) async throws -> Output {
        { [self] call in
            let input = try Input(decoding: call.request, labels: RouteLabels())
            try await putInline(input.policyDocument, named: input.policyName, to: Input.kind, input.bearer, call)
            return nil
        }
    }

    func getInline<Input: NamedPolicyInput>(
        _: Input.Type, _ answer: @escaping @Sendable (_ bearer: String, _ name: String, _ text: String) -> Output
    ) -> @Sendable (Call) throws -> Output {
        { [self] call in
            let input = try Input(decoding: call.request, labels: RouteLabels())
            let text = try inline(input.policyName, of: Input.kind, input.bearer, call)
            return answer(input.bearer, input.policyName, text)
        }
    }

    func deleteInline<Input: NamedPolicyInput>(_: Input.Type) -> @Sendable (Call) async throws -> Output {
        { [self] call in
            let input = try Input(decoding: call.request, labels: RouteLabels())
            try await deleteInline(input.policyName, of: Input.kind, input.bearer, call)
            return nil
        }
    }

    func listInline<Input: PolicyListInput>(
        _: Input.Type, _ answer: @escaping @Sendable (Page<String>) -> Output
    ) -> @Sendable (Call) throws -> Output {
        { [self] call in
            let input = try Input(decoding: call.request, labels: RouteLabels())
            return answer(try inlineNames(of: Input.kind, input.bearer, input.marker, input.maxItems, call))
        }
    }

    func attach<Input: AttachmentInput>(_: Input.Type) -> @Sendable (Call) async throws -> Output {
        { [self] call in
            let input = try Input(decoding: call.request, labels: RouteLabels())
            try await attach(input.policyArn, to: Input.kind, input.bearer, call)
            return nil
        }
    }

    func detach<Input: AttachmentInput>(_: Input.Type) -> @Sendable (Call) async throws -> Output {
        { [self] call in
            let input = try Input(decoding: call.request, labels: RouteLabels())
            try await detach(input.policyArn, from: Input.kind, input.bearer, call)
            return nil
        }
    }

    func listAttached<Input: AttachmentListInput>(
        _: Input.Type, _ answer: @escaping @Sendable (Page<IAM.AttachedPolicy>) -> Output
    ) -> @Sendable (Call) throws -> Output {
        { [self] call in
            let input = try Input(decoding: call.request, labels: RouteLabels())
            return answer(
                try attachments(
                    of: Input.kind, input.bearer, under: input.pathPrefix, input.marker, input.maxItems, call))
        }
    }
}

// MARK: What the inputs have in common

/// The input of an operation on what one who may have policies has.
protocol BearerInput: SendableMetatype {
    static var kind: EntityKind { get }
    /// The name of the one.
    var bearer: String { get }
    init(decoding request: ServiceRequest, labels: RouteLabels) throws(AWSError)
}

protocol UserInput: BearerInput { var userName: String { get } }
protocol GroupInput: BearerInput { var groupName: String { get } }
protocol RoleInput: BearerInput { var roleName: String { get } }

extension UserInput {
    static var kind: EntityKind { .user }
    var bearer: String { userName }
}

extension GroupInput {
    static var kind: EntityKind { .group }
    var bearer: String { groupName }
}

extension RoleInput {
    static var kind: EntityKind { .role }
    var bearer: String { roleName }
}

/// An inline policy by its name.
protocol NamedPolicyInput: BearerInput { var policyName: String { get } }
protocol PutPolicyInput: NamedPolicyInput { var policyDocument: String { get } }
/// A managed policy by its ARN.
protocol AttachmentInput: BearerInput { var policyArn: String { get } }

protocol PolicyListInput: BearerInput {
    var marker: String? { get }
    var maxItems: Int? { get }
}

protocol AttachmentListInput: PolicyListInput { var pathPrefix: String? { get } }

extension IAM.PutUserPolicyRequest: UserInput, PutPolicyInput {}
extension IAM.PutGroupPolicyRequest: GroupInput, PutPolicyInput {}
extension IAM.PutRolePolicyRequest: RoleInput, PutPolicyInput {}

extension IAM.GetUserPolicyRequest: UserInput, NamedPolicyInput {}
extension IAM.GetGroupPolicyRequest: GroupInput, NamedPolicyInput {}
extension IAM.GetRolePolicyRequest: RoleInput, NamedPolicyInput {}

extension IAM.DeleteUserPolicyRequest: UserInput, NamedPolicyInput {}
extension IAM.DeleteGroupPolicyRequest: GroupInput, NamedPolicyInput {}
extension IAM.DeleteRolePolicyRequest: RoleInput, NamedPolicyInput {}

extension IAM.ListUserPoliciesRequest: UserInput, PolicyListInput {}
extension IAM.ListGroupPoliciesRequest: GroupInput, PolicyListInput {}
extension IAM.ListRolePoliciesRequest: RoleInput, PolicyListInput {}

extension IAM.AttachUserPolicyRequest: UserInput, AttachmentInput {}
extension IAM.AttachGroupPolicyRequest: GroupInput, AttachmentInput {}
extension IAM.AttachRolePolicyRequest: RoleInput, AttachmentInput {}

extension IAM.DetachUserPolicyRequest: UserInput, AttachmentInput {}
extension IAM.DetachGroupPolicyRequest: GroupInput, AttachmentInput {}
extension IAM.DetachRolePolicyRequest: RoleInput, AttachmentInput {}

extension IAM.ListAttachedUserPoliciesRequest: UserInput, AttachmentListInput {}
extension IAM.ListAttachedGroupPoliciesRequest: GroupInput, AttachmentListInput {}
extension IAM.ListAttachedRolePoliciesRequest: RoleInput, AttachmentListInput {}
