import AWSWire
import IAMModel
import Identity
import Policies

/// What each operation has to be allowed, as the Service Authorization Reference lists it.
///
/// https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsidentityandaccessmanagementiam.html
extension IAMService {
    func authorize(_ operation: IAM.Operation, _ call: Call) throws(AWSError) {
        guard !call.request.caller.principal.isUnlimited else { return }
        let access = IAMAccess(operation, call, accounts[call.account])
        try authorizer.require(
            "iam:\(operation.rawValue)", on: ProtectedResource(access.resource, account: call.account), call.request,
            wire: wireProtocol, context: access.context)
        guard operation == .addRoleToInstanceProfile else { return }
        try authorizer.require(
            "iam:PassRole", on: ProtectedResource(access.role ?? "*", account: call.account), call.request,
            wire: wireProtocol)
    }
}

/// One operation, as policies speak of it.
struct IAMAccess {
    private let operation: IAM.Operation
    private let call: Call
    private let account: Account
    private let form: FormValue

    init(_ operation: IAM.Operation, _ call: Call, _ account: Account) {
        self.operation = operation
        self.call = call
        self.account = account
        form = FormValue(call.request)
    }

    private func text(_ name: String) -> String? { form[name]?.text }

    /// The ARN of what it is about. Lists are about a path, and what is about nothing in particular about everything.
    var resource: String {
        if let profile { return profile }
        if let group { return group }
        if let role { return role }
        if let user { return user }
        if let arn = text("PolicyArn") ?? text("OpenIDConnectProviderArn") ?? text("PolicySourceArn") ?? text("Arn") {
            return arn
        }
        if let name = text("PolicyName") { return named("policy", name, path: text("Path")) }
        if let url = text("Url") { return call.names.provider(String(url.trimmingPrefix("https://"))) }
        if let service = text("AWSServiceName") { return call.names.arn("role/aws-service-role/\(service)/*") }
        return Self.paths[operation].map { call.names.arn($0 + (text("PathPrefix") ?? "/")) } ?? "*"
    }

    private static let paths: [IAM.Operation: String] = [
        .listUsers: "user", .listGroups: "group", .listRoles: "role", .listPolicies: "policy",
        .listInstanceProfiles: "instance-profile",
    ]

    var role: String? {
        text("RoleName").map { named("role", $0, path: account.roles[$0]?.path ?? text("Path")) }
    }

    private var profile: String? {
        text("InstanceProfileName").map {
            named("instance-profile", $0, path: account.profiles[$0]?.path ?? text("Path"))
        }
    }

    private var group: String? {
        text("GroupName").map { named("group", $0, path: account.groups[$0]?.path ?? text("Path")) }
    }

    /// Operations on users are on oneself where they name nobody.
    private var user: String? {
        let name = text("UserName") ?? (Self.onOneself.contains(operation) ? call.userName : nil)
        return name.map { named("user", $0, path: account.users[$0]?.path ?? text("Path")) }
    }

    private static let onOneself: Set<IAM.Operation> = [
        .getUser, .createAccessKey, .deleteAccessKey, .updateAccessKey, .listAccessKeys, .getLoginProfile,
        .listMFADevices, .listSSHPublicKeys, .listServiceSpecificCredentials, .listSigningCertificates,
    ]

    private func named(_ kind: String, _ name: String, path: String?) -> String {
        call.names.arn("\(kind)\(path ?? "/")\(name)")
    }

    /// The values of IAM's condition keys, and those of tags.
    var context: AccessContext {
        var context = AccessContext()
        let user = text("UserName").flatMap { account.users[$0] }
        let role = text("RoleName").flatMap { account.roles[$0] }
        let boundary = text("PermissionsBoundary") ?? user?.boundary ?? role?.boundary
        context["iam:PermissionsBoundary"] = boundary.map { [$0] }
        context["iam:PolicyARN"] = text("PolicyArn").map { [$0] }
        context["iam:AWSServiceName"] = text("AWSServiceName").map { [$0] }
        for tag in user?.tags ?? role?.tags ?? [] {
            context["iam:ResourceTag/\(tag.key)"] = [tag.value]
            context["aws:ResourceTag/\(tag.key)"] = [tag.value]
        }
        let tags = form["Tags"]?.list() ?? []
        var keys = form["TagKeys"]?.texts() ?? []
        for tag in tags {
            guard let key = tag["Key"]?.text else { continue }
            keys.append(key)
            context["aws:RequestTag/\(key)"] = tag["Value"]?.text.map { [$0] }
        }
        if !keys.isEmpty { context["aws:TagKeys"] = keys }
        return context
    }
}
