import AWSWire
import Identity
import NIOCore
import Policies
import Synchronization
import Testing

/// What services may do by themselves, and as roles.
///
/// https://docs.aws.amazon.com/sns/latest/dg/subscribe-sqs-queue-to-sns-topic.html,
/// https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html
@Suite struct ServiceCallerTests {
    private struct Directory: PrincipalDirectory {
        var role: RoleIdentity
        func key(_: String) -> UserKey? { nil }
        func user(_: String, in _: AccountID) -> UserIdentity? { nil }
        func role(_ name: String, in account: AccountID) -> RoleIdentity? {
            name == role.name && account == role.account ? role : nil
        }
        func managedPolicy(_: String, in _: AccountID) -> AttachedPolicy? { nil }
        func provider(_: String, in _: AccountID) -> WebIdentityProvider? { nil }
        func noteUse(of _: Principal, service _: String, region _: String) {}
        var generation: UInt64 { 1 }
    }

    private final class Log: DenialLog {
        private let denials = Mutex<[Denial]>([])
        var all: [Denial] { denials.withLock { $0 } }
        func note(_ denial: Denial) { denials.withLock { $0.append(denial) } }
    }

    private static let queue = "arn:aws:sqs:us-east-1:000000000000:queue"
    private static let topic = "arn:aws:sns:us-east-1:000000000000:topic"
    private static let function = "arn:aws:lambda:us-east-1:000000000000:function:f"
    private static let role = "arn:aws:iam::000000000000:role/path/r"

    private static func policy(_ text: String) throws -> CompiledPolicy {
        CompiledPolicy(try PolicyDocument(parsing: ByteBuffer(string: text)))
    }

    private static func authorizer(
        _ mode: Authorizer.Mode = .enforcing, trusted: String = "lambda.amazonaws.com", allows action: String
    ) throws -> Authorizer {
        let trust =
            #"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"sts:AssumeRole","#
            + #""Principal":{"Service":"\#(trusted)"}}]}"#
        let own =
            #"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"\#(action)","Resource":"*"}]}"#
        let identity = RoleIdentity(
            account: .standard, name: "r", arn: role, id: "AROA1", trust: try policy(trust),
            policies: [AttachedPolicy(id: "own", try policy(own))])
        return Authorizer(directory: Directory(role: identity), mode: mode)
    }

    private static func allowing(_ service: String, source: String, effect: String = "Allow") throws -> CompiledPolicy {
        try policy(
            #"{"Version":"2012-10-17","Statement":[{"Effect":"\#(effect)","Action":"sqs:SendMessage","Resource":"*","#
                + #""Principal":{"Service":"\#(service)"},"Condition":{"ArnEquals":{"aws:SourceArn":"\#(source)"}}}]}"#)
    }

    private func message(
        _ authorizer: Authorizer, _ caller: ServiceCaller, policy: CompiledPolicy? = nil,
        account: String = "000000000000"
    ) -> String? {
        do {
            try authorizer.require(
                "sqs:SendMessage", on: ProtectedResource(Self.queue, account: account, policy: policy), by: caller,
                wire: .query(namespace: ""))
            return nil
        } catch {
            #expect(error.code == "AccessDenied")
            return error.message
        }
    }

    @Test func aServiceByItselfNeedsTheResourcesPolicy() throws {
        let authorizer = try Self.authorizer(allows: "sqs:*")
        let topic = ServiceCaller("sns.amazonaws.com", for: Self.topic, of: .standard)
        let refusal =
            "User: sns.amazonaws.com is not authorized to perform: sqs:SendMessage on resource: \(Self.queue) because "
            + "no resource-based policy allows the sqs:SendMessage action"
        #expect(message(authorizer, topic) == refusal)
        #expect(message(authorizer, topic, policy: try Self.allowing("sns.amazonaws.com", source: "arn:x")) == refusal)
        #expect(
            message(authorizer, topic, policy: try Self.allowing("s3.amazonaws.com", source: Self.topic)) == refusal)
        #expect(message(authorizer, topic, policy: try Self.allowing("sns.amazonaws.com", source: Self.topic)) == nil)
        // A policy lets in whom it names, of whatever account the topic is.
        let stranger = ServiceCaller("sns.amazonaws.com", for: Self.topic, of: AccountID("222222222222")!)
        #expect(
            message(authorizer, stranger, policy: try Self.allowing("sns.amazonaws.com", source: Self.topic)) == nil)
    }

    /// LocalStack's record of a subscription filter's permission names `logs.REGION.amazonaws.com`.
    @Test func policiesMayNameAServiceOfARegion() throws {
        let authorizer = try Self.authorizer(allows: "sqs:*")
        let topic = ServiceCaller("sns.amazonaws.com", for: Self.topic, of: .standard)
        for (name, isAllowed) in [("sns.us-east-1.amazonaws.com", true), ("sns.eu-west-1.amazonaws.com", false)] {
            let policy = try Self.allowing(name, source: Self.topic)
            #expect((message(authorizer, topic, policy: policy) == nil) == isAllowed)
        }
        let denial = try Self.allowing("sns.us-east-1.amazonaws.com", source: Self.topic, effect: "Deny")
        #expect(message(authorizer, topic, policy: denial)?.contains("explicit deny") == true)
    }

    @Test func aRoleMayWhatItsPoliciesAllow() throws {
        let caller = ServiceCaller("lambda.amazonaws.com", for: Self.function, of: .standard, as: Self.role)
        #expect(message(try Self.authorizer(allows: "sqs:SendMessage"), caller) == nil)
        #expect(
            message(try Self.authorizer(allows: "sqs:ReceiveMessage"), caller)
                == "User: arn:aws:sts::000000000000:assumed-role/r/f is not authorized to perform: sqs:SendMessage on "
                + "resource: \(Self.queue) because no identity-based policy allows the sqs:SendMessage action")
    }

    @Test func aRoleCountsAsLongAsItIsThereAndTrustsTheService() throws {
        let caller = ServiceCaller("lambda.amazonaws.com", for: Self.function, of: .standard, as: Self.role)
        #expect(message(try Self.authorizer(trusted: "ec2.amazonaws.com", allows: "sqs:*"), caller) != nil)
        for gone in ["arn:aws:iam::000000000000:role/r", "arn:aws:iam::222222222222:role/path/r", "nonsense"] {
            let caller = ServiceCaller("lambda.amazonaws.com", for: Self.function, of: .standard, as: gone)
            #expect(message(try Self.authorizer(allows: "sqs:*"), caller) != nil)
        }
    }

    @Test func lenientModesKeepAccountsApartAndDenialsInForce() throws {
        let log = Log()
        let topic = ServiceCaller("sns.amazonaws.com", for: Self.topic, of: .standard)
        for mode in [Authorizer.Mode.off, .permissive(log)] {
            let authorizer = try Self.authorizer(mode, allows: "sqs:*")
            #expect(message(authorizer, topic) == nil)
            #expect(message(authorizer, topic, account: "222222222222") != nil)
            let denial = try Self.allowing("sns.amazonaws.com", source: Self.topic, effect: "Deny")
            #expect(message(authorizer, topic, policy: denial) != nil)
        }
        #expect(
            log.all == [Denial(principal: "sns.amazonaws.com", action: "sqs:SendMessage", resource: Self.queue)])
    }
}
