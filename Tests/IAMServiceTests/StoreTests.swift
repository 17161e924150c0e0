import AWSWire
import IAMModel
import Identity
import Logging
import Policies
import Storage
import TestSupport
import Testing

@testable import IAMService

@Suite struct StoreTests {
    /// Random operations against a simple model: after each, service and model agree on what there is; at the end,
    /// another service over the same database has the same account.
    @Test(arguments: 0..<6) func accountsAreWhatASimpleModelSays(seed: UInt64) async throws {
        var random = SeededGenerator(seed: seed)
        let harness = try await Harness()
        var model = Model()
        for _ in 0..<250 {
            let step = Step.random(using: &random)
            let failure = await harness.failure(step.action, step.parameters)
            #expect(failure?.code == model.apply(step), "\(step)")
            let account = harness.service.accounts[Harness.account]
            #expect(Dictionary(account.users.all.map { ($0.name, Set($0.groups)) }) { $1 } == model.users)
            #expect(Set(account.groups.all.map(\.name)) == model.groups)
            #expect(Dictionary(account.roles.all.map { ($0.name, Set($0.policies.attached)) }) { $1 } == model.roles)
            #expect(Set(account.policies.all.map(\.name)) == model.policies)
        }
        let restarted = try await harness.restarted()
        #expect(restarted.accounts[Harness.account] == harness.service.accounts[Harness.account])
    }

    @Test func writersWhoComeTogetherAllCount() async throws {
        let harness = try await Harness()
        try await withThrowingTaskGroup(of: Void.self) { group in
            for number in 0..<60 {
                group.addTask { try await harness.user("u\(number)") }
                group.addTask { try await harness.call("CreateGroup", [("GroupName", "g\(number)")]) }
            }
            try await group.waitForAll()
        }
        let account = harness.service.accounts[Harness.account]
        #expect(account.users.count == 60)
        #expect(account.groups.count == 60)
        #expect(try await harness.restarted().accounts[Harness.account] == account)
    }

    /// A commit that fails takes everything back, and later writers do not go on from what it had done.
    @Test func nothingIsLeftOfACommitThatFailed() async throws {
        let harness = try await Harness()
        try await harness.user("u")
        let broken = FailingDatabase(harness.database)
        let service = IAMService(database: broken, sealing: harness.sealing, logger: .init(label: "iam"))
        try await service.prepare()
        let before = service.accounts[Harness.account]
        broken.fails = true
        await #expect(throws: FailingDatabase.Failure.self) {
            try await service.accounts.change(Harness.account) { $0.users.remove("u") }
        }
        #expect(service.accounts[Harness.account] == before)
        broken.fails = false
        let known = try await service.accounts.change(Harness.account) { account in
            account.groups.put(GroupRecord(name: "g", path: "/", id: "AGPA", created: 0))
            return account.users["u"] != nil
        }
        #expect(known)
        #expect(try await harness.restarted().accounts[Harness.account].users["u"] != nil)
    }

    @Test func secretsAreStoredEncrypted() async throws {
        let harness = try await Harness()
        try await harness.user("u")
        let answer = try await harness.call("CreateAccessKey", [("UserName", "u")])
        let secret = try #require(answer.element("SecretAccessKey"))
        let documents = try await harness.database.read { connection in
            try connection.query("SELECT document FROM iam_records", []).map { try $0.text("document") }
        }
        #expect(!documents.isEmpty)
        #expect(!documents.contains { $0.contains(secret) })
    }

    @Test func usesAreRemembered() async throws {
        let harness = try await Harness()
        try await harness.role("r")
        let id = try #require(harness.service.accounts[Harness.account].roles["r"]?.id)
        harness.service.uses.note(id, account: Harness.account, service: "s3", region: "eu-west-1")
        let use = try #require(harness.service.uses[id])
        await harness.service.uses.store(harness.service.logger)
        #expect(try await harness.restarted().uses[id] == use)
        let answer = try await harness.call("GetRole", [("RoleName", "r")])
        #expect(answer.element("RoleLastUsed")?.contains("<Region>eu-west-1</Region>") == true)
        // Until it is deleted.
        try await harness.call("DeleteRole", [("RoleName", "r")])
        #expect(harness.service.uses[id] == nil)
        await harness.service.uses.store(harness.service.logger)
        #expect(try await harness.restarted().uses[id] == nil)
    }

    @Test func everythingGoesWithAReset() async throws {
        let harness = try await Harness()
        try await harness.user("u")
        try await harness.service.reset()
        #expect(harness.service.accounts[Harness.account].users.count == 0)
        #expect(harness.service.directory.user("u", in: .standard) == nil)
        try await harness.user("u")
    }

    /// As a new data directory: the account that began with the standard role begins with it again, others do not.
    @Test func aResetAccountIsAsANewOne() async throws {
        let harness = try await Harness()
        try await harness.service.prepareRole(in: .standard)
        let first = try #require(harness.service.directory.role(IAMService.standardRole, in: .standard))
        for action in ["AWSLambdaBasicExecutionRole", "AWSLambdaRole"] {
            try await harness.call(
                "DetachRolePolicy",
                [("RoleName", "lambda"), ("PolicyArn", "arn:aws:iam::aws:policy/service-role/\(action)")])
        }
        try await harness.call("DeleteRole", [("RoleName", "lambda")])
        try await harness.call("CreateUser", [("UserName", "u")], account: "111111111111")
        try await harness.service.reset()
        let again = try #require(harness.service.directory.role(IAMService.standardRole, in: .standard))
        #expect(again.policies.map(\.id) == first.policies.map(\.id) && again.id != first.id)
        #expect(
            again.trusts(service: "lambda.amazonaws.com", source: "arn:aws:lambda:us-east-1:000000000000:function:f"))
        #expect(harness.service.accounts["111111111111"].roles.count == 0)
        // It is stored, and its owner's to delete: no start makes it again.
        let restarted = try await harness.restarted()
        try await restarted.prepareRole(in: .standard)
        #expect(restarted.directory.role("lambda", in: .standard)?.id == again.id)
    }
}

/// A database whose writes can be made to fail after the work is done, as on a full disk.
private final class FailingDatabase: Database, @unchecked Sendable {
    struct Failure: Error {}

    private let database: any Database
    /// Set between writes only.
    var fails = false

    init(_ database: any Database) { self.database = database }

    func read<Value: Sendable>(_ work: @escaping @Sendable (any SQLConnection) throws -> Value) async throws -> Value {
        try await database.read(work)
    }

    func write<Value: Sendable>(_ work: @escaping @Sendable (any SQLConnection) throws -> Value) async throws -> Value {
        try await database.write { [fails] connection in
            let value = try work(connection)
            if fails { throw Failure() }
            return value
        }
    }
}

// MARK: The model

private struct Step: CustomStringConvertible {
    var action: String
    var parameters: [(String, String)]

    var description: String { "\(action) \(parameters.map { "\($0.0)=\($0.1)" }.joined(separator: " "))" }

    subscript(name: String) -> String { parameters.first { $0.0 == name }?.1 ?? "" }

    static func random(using random: inout SeededGenerator) -> Step {
        let name = "n\(Int.random(in: 0..<4, using: &random))"
        let other = "n\(Int.random(in: 0..<4, using: &random))"
        let arn = "arn:aws:iam::\(Harness.account):policy/\(other)"
        let steps = [
            Step(action: "CreateUser", parameters: [("UserName", name)]),
            Step(action: "DeleteUser", parameters: [("UserName", name)]),
            Step(action: "CreateGroup", parameters: [("GroupName", name)]),
            Step(action: "DeleteGroup", parameters: [("GroupName", name)]),
            Step(action: "AddUserToGroup", parameters: [("UserName", name), ("GroupName", other)]),
            Step(action: "RemoveUserFromGroup", parameters: [("UserName", name), ("GroupName", other)]),
            Step(
                action: "CreateRole",
                parameters: [("RoleName", name), ("AssumeRolePolicyDocument", Harness.trust)]),
            Step(action: "DeleteRole", parameters: [("RoleName", name)]),
            Step(
                action: "CreatePolicy", parameters: [("PolicyName", name), ("PolicyDocument", Harness.policy)]),
            Step(action: "DeletePolicy", parameters: [("PolicyArn", arn)]),
            Step(action: "AttachRolePolicy", parameters: [("RoleName", name), ("PolicyArn", arn)]),
            Step(action: "DetachRolePolicy", parameters: [("RoleName", name), ("PolicyArn", arn)]),
        ]
        return steps[Int.random(in: 0..<steps.count, using: &random)]
    }
}

/// What an account has, without any of the machinery.
private struct Model {
    /// Groups of each user.
    var users: [String: Set<String>] = [:]
    var groups: Set<String> = []
    /// ARNs of what is attached to each role.
    var roles: [String: Set<String>] = [:]
    var policies: Set<String> = []

    /// - Returns: The code of the error; nil for success.
    mutating func apply(_ step: Step) -> String? {
        let (user, group, role) = (step["UserName"], step["GroupName"], step["RoleName"])
        let arn = step["PolicyArn"]
        let policy = arn.split(separator: "/").last.map(String.init) ?? ""
        let (taken, missing, conflict) = ("EntityAlreadyExists", "NoSuchEntity", "DeleteConflict")
        switch step.action {
        case "CreateUser":
            guard users[user] == nil else { return taken }
            users[user] = []
        case "DeleteUser":
            guard let mine = users[user] else { return missing }
            guard mine.isEmpty else { return conflict }
            users[user] = nil
        case "CreateGroup": return groups.insert(group).inserted ? nil : taken
        case "DeleteGroup":
            guard groups.contains(group) else { return missing }
            guard !users.values.contains(where: { $0.contains(group) }) else { return conflict }
            groups.remove(group)
        case "AddUserToGroup":
            guard users[user] != nil, groups.contains(group) else { return missing }
            users[user]?.insert(group)
        case "RemoveUserFromGroup":
            guard users[user] != nil, groups.contains(group) else { return missing }
            return users[user]?.remove(group) == nil ? missing : nil
        case "CreateRole":
            guard roles[role] == nil else { return taken }
            roles[role] = []
        case "DeleteRole":
            guard let mine = roles[role] else { return missing }
            guard mine.isEmpty else { return conflict }
            roles[role] = nil
        case "CreatePolicy": return policies.insert(step["PolicyName"]).inserted ? nil : taken
        case "DeletePolicy":
            guard policies.contains(policy) else { return missing }
            guard !roles.values.contains(where: { $0.contains(arn) }) else { return conflict }
            policies.remove(policy)
        case "AttachRolePolicy":
            guard roles[role] != nil, policies.contains(policy) else { return missing }
            roles[role]?.insert(arn)
        default:
            guard roles[role] != nil else { return missing }
            return roles[role]?.remove(arn) == nil ? missing : nil
        }
        return nil
    }
}
