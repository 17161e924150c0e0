import AWSWire
import IAMModel
import Identity
import Policies

/// What each operation has to be allowed, as the Service Authorization Reference lists it.
///
/// https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsidentityandaccessmanagementiam.html
extension IAMService {
    func authorize(_ operation: IAM.Operation, _ call: Call) throws(AWSError) {
        try refuseSession(of: call.request.caller.principal)
        guard !call.request.caller.principal.isUnlimited else { return }
        let access = IAMAccess(operation, call, accounts[call.account])
        for arn in access.resources { try require("iam:\(operation.rawValue)", on: arn, call, access.context) }
        if let role = access.passedRole {
            try require("iam:PassRole", on: role, call, ["iam:PassedToService": ["ec2.amazonaws.com"]])
        }
    }

    private func require(
        _ action: String, on arn: String, _ call: Call, _ context: @autoclosure () -> AccessContext
    ) throws(AWSError) {
        try authorizer.require(
            action, on: ProtectedResource(arn, account: call.account), call.request, wire: wireProtocol,
            context: context())
    }

    /// IAM takes the sessions of roles alone, whatever policies say: those of GetSessionToken would need MFA, those of
    /// GetFederationToken are never taken.
    ///
    /// https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_sts-comparison.html
    private func refuseSession(of principal: Principal) throws(AWSError) {
        guard principal.session != nil else { return }
        switch principal.kind {
        case .assumedRole, .anonymous: return
        case .root, .user, .federated: throw SigV4Failure.invalidToken.error(for: wireProtocol)
        }
    }
}

/// One operation, as policies speak of it. Only parameters that the operation has count: any other would be the
/// caller's word for what is not looked at again.
struct IAMAccess {
    private let operation: IAM.Operation
    private let call: Call
    private let account: Account
    private let form: FormValue

    init(_ operation: IAM.Operation, _ call: Call, _ account: Account) {
        self.operation = operation
        self.call = call
        // What is to be made is not there yet: nothing that goes by its name now speaks for it.
        self.account = operation.members.contains("Path") ? Account(id: account.id) : account
        form = FormValue(call.request)
    }

    private func value(_ name: String) -> FormValue? { operation.members.contains(name) ? form[name] : nil }
    private func text(_ name: String) -> String? { value(name)?.text }

    /// The ARNs of what it is about: what gets another name or path has to be the caller's under both.
    var resources: [String] { [subject.arn] + (renamed.map { [$0] } ?? []) }

    private var renamed: String? {
        switch operation {
        case .updateUser:
            guard let name = text("NewUserName") ?? text("UserName") else { return nil }
            let path = text("NewPath") ?? text("UserName").flatMap { account.users[$0]?.path }
            return named("user", name, path: path)
        case .updateGroup:
            guard let name = text("NewGroupName") ?? text("GroupName") else { return nil }
            let path = text("NewPath") ?? text("GroupName").flatMap { account.groups[$0]?.path }
            return named("group", name, path: path)
        default: return nil
        }
    }

    /// The role that an instance profile gets.
    var passedRole: String? {
        guard operation == .addRoleToInstanceProfile, let name = text("RoleName") else { return nil }
        return named("role", name, path: account.roles[name]?.path)
    }

    // MARK: What it is about

    private struct Subject {
        var arn: String
        var tags: [TagRecord] = []
        var boundary: String?
    }

    /// Lists are about a path, and what is about nothing in particular about everything.
    private var subject: Subject {
        if let name = text("InstanceProfileName") {
            let profile = account.profiles[name]
            return Subject(arn: named("instance-profile", name, path: profile?.path), tags: profile?.tags ?? [])
        }
        if let name = text("GroupName") {
            return Subject(arn: named("group", name, path: account.groups[name]?.path))
        }
        if let name = text("RoleName") {
            let role = account.roles[name]
            return Subject(
                arn: named("role", name, path: role?.path), tags: role?.tags ?? [], boundary: role?.boundary)
        }
        if let name = userName {
            let user = account.users[name]
            return Subject(
                arn: named("user", name, path: user?.path), tags: user?.tags ?? [], boundary: user?.boundary)
        }
        if let arn = text("PolicyArn") {
            return Subject(arn: arn, tags: (try? account.policy(arn, call.names))?.tags ?? [])
        }
        if let arn = text("OpenIDConnectProviderArn") {
            return Subject(arn: arn, tags: (try? account.provider(arn, call.names))?.tags ?? [])
        }
        return Subject(arn: other)
    }

    private var other: String {
        if let arn = text("PolicySourceArn") ?? text("Arn") { return arn }
        if let name = text("PolicyName") { return named("policy", name, path: nil) }
        if let url = text("Url") { return call.names.provider(ProviderRecord.name(of: url)) }
        if let service = text("AWSServiceName") { return linkedRole(of: service) }
        // `task/aws-service-role/SERVICE/ROLE/ID`.
        if let task = text("DeletionTaskId")?.split(separator: "/"), task.count > 2 {
            return call.names.arn("role/" + task.dropFirst().dropLast().joined(separator: "/"))
        }
        return Self.paths[operation].map { call.names.arn($0 + (text("PathPrefix") ?? "/")) } ?? "*"
    }

    private func linkedRole(of service: String) -> String {
        guard let kind = ServiceLinkedRole.all[service] else { return "*" }
        return call.names.arn("role\(kind.path)\(kind.name(suffix: text("CustomSuffix")))")
    }

    private static let paths: [IAM.Operation: String] = [
        .listUsers: "user", .listGroups: "group", .listRoles: "role", .listPolicies: "policy",
        .listInstanceProfiles: "instance-profile",
    ]

    /// Operations on users are on oneself where they name nobody; what is asked of a key is asked of its user.
    private var userName: String? {
        if operation == .getAccessKeyLastUsed { return text("AccessKeyId").flatMap { account.keys[$0]?.user } }
        return text("UserName") ?? (Self.onOneself.contains(operation) ? call.userName : nil)
    }

    private static let onOneself: Set<IAM.Operation> = [
        .getUser, .createAccessKey, .deleteAccessKey, .updateAccessKey, .listAccessKeys, .createLoginProfile,
        .getLoginProfile, .deleteLoginProfile, .listMFADevices, .listSSHPublicKeys, .listServiceSpecificCredentials,
        .listSigningCertificates,
    ]

    /// - Parameter path: Of what there is; what is to be made says its own.
    private func named(_ kind: String, _ name: String, path: String?) -> String {
        call.names.arn("\(kind)\(path ?? text("Path") ?? "/")\(name)")
    }

    /// The values of IAM's condition keys, and those of tags.
    var context: AccessContext {
        var context = AccessContext()
        let subject = subject
        context["iam:PermissionsBoundary"] = (text("PermissionsBoundary") ?? subject.boundary).map { [$0] }
        context["iam:PolicyARN"] = text("PolicyArn").map { [$0] }
        context["iam:AWSServiceName"] = text("AWSServiceName").map { [$0] }
        for tag in subject.tags {
            context["iam:ResourceTag/\(tag.key)"] = [tag.value]
            context["aws:ResourceTag/\(tag.key)"] = [tag.value]
        }
        var keys = value("TagKeys")?.texts() ?? []
        for tag in value("Tags")?.list() ?? [] {
            guard let key = tag["Key"]?.text else { continue }
            keys.append(key)
            context["aws:RequestTag/\(key)"] = tag["Value"]?.text.map { [$0] }
        }
        if !keys.isEmpty { context["aws:TagKeys"] = keys }
        return context
    }
}
