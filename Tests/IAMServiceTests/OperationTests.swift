import AWSWire
import IAMModel
import NIOCore
import Policies
import Testing

@testable import IAMService

@Suite struct OperationTests {
    /// Each operation whose shapes are generated has a method; the others say that they are not here.
    @Test func everyOperationAnswersOrSaysThatItIsNotHere() async throws {
        let harness = try await Harness()
        var missing: [String] = []
        for operation in IAM.Operation.allCases {
            if await harness.failure(operation.rawValue)?.code == "NotImplementedException" {
                missing.append(operation.rawValue)
            }
        }
        #expect(missing.contains("GenerateCredentialReport"))
        #expect(IAM.Operation.allCases.count - missing.count == 114)
    }

    @Test func quotas() async throws {
        var quotas = IAMQuotas()
        quotas.users = 1
        quotas.groupsPerUser = 1
        quotas.policiesPerRole = 1
        quotas.tagsPerResource = 1
        let harness = try await Harness(quotas: quotas)
        try await harness.user("u")
        #expect(await harness.failure("CreateUser", [("UserName", "v")])?.code == "LimitExceeded")
        for name in ["a", "b"] { try await harness.call("CreateGroup", [("GroupName", name)]) }
        try await harness.call("AddUserToGroup", [("UserName", "u"), ("GroupName", "a")])
        #expect(
            await harness.failure("AddUserToGroup", [("UserName", "u"), ("GroupName", "b")])?.message
                == "Cannot exceed quota for GroupsPerUser: 1")
        try await harness.role("r")
        let (first, second) = (try await harness.managedPolicy("p"), try await harness.managedPolicy("q"))
        try await harness.call("AttachRolePolicy", [("RoleName", "r"), ("PolicyArn", first)])
        #expect(
            await harness.failure("AttachRolePolicy", [("RoleName", "r"), ("PolicyArn", second)])?.message
                == "Cannot exceed quota for PoliciesPerRole: 1")
        #expect(
            await harness.failure(
                "TagRole",
                [
                    ("RoleName", "r"), ("Tags.member.1.Key", "a"), ("Tags.member.1.Value", ""),
                    ("Tags.member.2.Key", "b"), ("Tags.member.2.Value", ""),
                ])?.code == "LimitExceeded")
    }

    @Test func aUserAsksForItself() async throws {
        let harness = try await Harness()
        let everything = Harness.policy.replacing("logs:*", with: "iam:*")
        try await harness.user("u")
        try await harness.role("r")
        for (kind, name) in [("User", "u"), ("Role", "r")] {
            try await harness.call(
                "Put\(kind)Policy",
                [("\(kind)Name", name), ("PolicyName", "i"), ("PolicyDocument", everything)])
        }
        let account = harness.service.accounts[Harness.account]
        let user = Principal(
            .user(name: "u"), account: .standard, arn: "arn:aws:iam::000000000000:user/u",
            id: try #require(account.users["u"]?.id), accessKeyID: "AKIA")
        #expect(try await harness.call("GetUser", as: user).element("UserName") == "u")
        #expect(try await harness.call("CreateAccessKey", as: user).element("UserName") == "u")
        let session = Principal(
            .assumedRole(role: "r", session: "s"), account: .standard,
            arn: "arn:aws:sts::000000000000:assumed-role/r/s", id: "\(try #require(account.roles["r"]?.id)):s",
            accessKeyID: "ASIA", session: .init(issued: 0, expires: .max))
        #expect(
            await harness.failure("GetUser", as: session)?.message
                == "Must specify userName when calling with non-User credentials")
    }

    @Test func pagesGoOnWhereTheLastEnded() throws {
        let all = Array(0..<25).map { String($0 + 100) }
        var seen: [String] = []
        var marker: String?
        repeat {
            let page = try Page(all, marker: marker, limit: 10) { $0 }
            seen += page.elements
            marker = page.marker
        } while marker != nil
        #expect(seen == all)
        #expect(throws: AWSError.self) { try Page(all, marker: "%", limit: nil) { $0 } }
    }

    @Test func policiesOfAWSCanBeRead() throws {
        let all = AWSManagedPolicies.standard.all
        #expect(all.count > 50)
        #expect(Set(all.map(\.id)).count == all.count)
        for policy in all {
            #expect(throws: Never.self) {
                try PolicyDocument(validating: ByteBuffer(string: policy.document), as: .managed)
            }
            #expect(AWSManagedPolicies.standard[policy.arn("aws"), "aws"]?.name == policy.name)
        }
    }

    @Test func serviceLinkedRolesCanBeTrusted() throws {
        #expect(ServiceLinkedRole.all.count > 60)
        for role in ServiceLinkedRole.all.values {
            #expect(throws: Never.self) { try PolicyDocument(validating: ByteBuffer(string: role.trust), as: .trust) }
            #expect(role.name.utf8.count <= 64)
        }
    }

    @Test func idsTellTheAccount() {
        for account in ["000000000000", "111111111111", "999999999999", "123456789012"] {
            let id = AccessKeyID.make(account: account)
            #expect(id.utf8.count == 20)
            #expect(AccessKeyID.account(of: id)?.digits == account)
        }
        #expect(AccessKeyID.account(of: "AKIA1") == nil)
        #expect(EntityID.make(EntityID.role, account: "123456789012").utf8.count == 21)
    }
}
