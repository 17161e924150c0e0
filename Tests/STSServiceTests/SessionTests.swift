import AWSWire
import Identity
import NIOCore
import Testing

@testable import STSService

/// Refusals in AWS's words: recorded by LocalStack (tests/aws/services/sts), quoted in AWS's documentation or in issues
/// of tools that met them.
@Suite struct SessionTests {
    private static let account = #"{"AWS":"000000000000"}"#
    private static let role = "arn:aws:iam::000000000000:role/ops"
    private static let asked = ["RoleArn": role, "RoleSessionName": "night"]

    @Test func callersLearnWhoTheyAre() async throws {
        let rig = Rig()
        let user = try rig.people.addUser("ann", policy: nil)
        let answer = try await rig.ask("GetCallerIdentity", by: user)
        #expect(Rig.element("Arn", answer) == "arn:aws:iam::000000000000:user/ann")
        #expect(Rig.element("UserId", answer) == "AIDAann")
        #expect(Rig.element("Account", answer) == "000000000000")
        #expect(await rig.refusal("GetCallerIdentity", by: Rig.anonymous)?.code == "MissingAuthenticationToken")
    }

    @Test func aRoleIsAssumedByWhomItTrustsAndWhoMay() async throws {
        let rig = Rig()
        try rig.people.addRole("ops", trust: Rig.trust(Self.account, "sts:AssumeRole"))
        let may = try rig.people.addUser("ann", policy: Rig.allow("sts:AssumeRole"))
        let mayNot = try rig.people.addUser("bob", policy: nil)
        let answer = try await rig.ask("AssumeRole", Self.asked, by: may)
        #expect(Rig.element("AssumedRoleId", answer) == "AROAops:night")
        #expect(Rig.element("Arn", answer) == "arn:aws:sts::000000000000:assumed-role/ops/night")
        #expect(Rig.element("Expiration", answer) == "2026-01-01T01:00:00Z")
        #expect(Rig.element("PackedPolicySize", answer) == nil)
        let session = try rig.session(answer)
        #expect(session.kind == .assumedRole(role: "ops", session: "night"))
        #expect(session.id == "AROAops:night" && session.session?.expires == Rig.start + 3_600)

        let refusal = await rig.refusal("AssumeRole", Self.asked, by: mayNot)
        #expect(refusal?.code == "AccessDenied" && refusal?.status == 403)
        let words =
            "User: arn:aws:iam::000000000000:user/bob is not authorized to perform: sts:AssumeRole on resource: "
        #expect(refusal?.message.hasPrefix(words + Self.role) == true)
        // Whoever may not learns nothing of what there is.
        let missing = ["RoleArn": Self.role + "x", "RoleSessionName": "night"]
        #expect(await rig.refusal("AssumeRole", missing, by: may)?.message.hasSuffix(":role/opsx") == true)
        // The owner of the account may, too, where the role trusts it.
        _ = try await rig.ask("AssumeRole", Self.asked)
        try rig.people.addRole("ops", trust: Rig.trust(#"{"Service":"lambda.amazonaws.com"}"#, "sts:AssumeRole"))
        #expect(await rig.refusal("AssumeRole", Self.asked)?.code == "AccessDenied")
    }

    @Test func externalIdsAndSourceIdentities() async throws {
        let rig = Rig()
        try rig.people.addRole(
            "ops",
            trust: Rig.trust(
                Self.account, "sts:AssumeRole", when: #"{"StringEquals":{"sts:ExternalId":"secret-handshake"}}"#))
        #expect(await rig.refusal("AssumeRole", Self.asked)?.code == "AccessDenied")
        #expect(
            await rig.refusal("AssumeRole", Self.asked.merging(["ExternalId": "no"]) { $1 })?.code == "AccessDenied")
        _ = try await rig.ask("AssumeRole", Self.asked.merging(["ExternalId": "secret-handshake"]) { $1 })

        let withSource = Self.asked.merging(["SourceIdentity": "ann"]) { $1 }
        try rig.people.addRole("ops", trust: Rig.trust(Self.account, "sts:AssumeRole"))
        #expect(await rig.refusal("AssumeRole", withSource)?.message.contains("sts:SetSourceIdentity") == true)
        try rig.people.addRole(
            "ops", trust: Rig.trust(Self.account, "sts:AssumeRole", "sts:SetSourceIdentity"), policy: Rig.allow("sts:*")
        )
        let answer = try await rig.ask("AssumeRole", withSource)
        #expect(Rig.element("SourceIdentity", answer) == "ann")
        // It goes with whatever the session assumes.
        let session = try rig.session(answer)
        #expect(try rig.session(await rig.ask("AssumeRole", Self.asked, by: session)).session?.sourceIdentity == "ann")
        let other = Self.asked.merging(["SourceIdentity": "bob"]) { $1 }
        #expect(await rig.refusal("AssumeRole", other, by: session)?.code == "AccessDenied")
    }

    @Test func durations() async throws {
        let rig = Rig()
        try rig.people.addRole(
            "ops", trust: Rig.trust(Self.account, "sts:AssumeRole"), policy: Rig.allow("sts:*"), longest: 7_200)
        func asked(_ seconds: Int) -> [String: String] { Self.asked.merging(["DurationSeconds": "\(seconds)"]) { $1 } }
        let session = try rig.session(await rig.ask("AssumeRole", asked(7_200)))
        #expect(session.session?.expires == Rig.start + 7_200)
        #expect(
            await rig.refusal("AssumeRole", asked(7_201))?.message
                == "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.")
        #expect(await rig.refusal("AssumeRole", asked(899))?.code == "ValidationError")
        #expect(
            await rig.refusal("AssumeRole", asked(3_601), by: session)?.message
                == "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining.")
        _ = try await rig.ask("AssumeRole", asked(3_600), by: session)
    }

    @Test func tags() async throws {
        let rig = Rig()
        try rig.people.addRole(
            "ops", trust: Rig.trust(Self.account, "sts:AssumeRole", "sts:TagSession"), policy: Rig.allow("sts:*"))
        var asked = Self.asked
        asked["Tags.member.1.Key"] = "SessionTag1"
        asked["Tags.member.1.Value"] = "v"
        asked["TransitiveTagKeys.member.1"] = "InvalidKey"
        let key = await rig.refusal("AssumeRole", asked)
        #expect(key?.code == "InvalidParameterValue")
        #expect(key?.message == "The specified transitive tag key must be included in the requested tags.")
        asked["TransitiveTagKeys.member.1"] = "sessiontag1"
        let session = try rig.session(await rig.ask("AssumeRole", asked))
        #expect(session.session?.tags == ["SessionTag1": "v"])
        #expect(session.session?.transitiveTags == ["SessionTag1"])
        let chained = try rig.session(await rig.ask("AssumeRole", Self.asked, by: session))
        #expect(chained.session?.tags == ["SessionTag1": "v"])

        asked["TransitiveTagKeys.member.1"] = nil
        asked["Tags.member.1.Key"] = "sessiontag1"
        #expect(
            await rig.refusal("AssumeRole", asked, by: session)?.message
                == "One of the specified transitive tag keys can't be set because it conflicts with a transitive tag "
                + "key from the calling session.")
        asked["Tags.member.2.Key"] = "SESSIONTAG1"
        asked["Tags.member.2.Value"] = "w"
        #expect(
            await rig.refusal("AssumeRole", asked)?.message
                == "Duplicate tag keys found. Please note that Tag keys are case insensitive.")
        try rig.people.addRole("ops", trust: Rig.trust(Self.account, "sts:AssumeRole"))
        asked["Tags.member.2.Key"] = "other"
        #expect(await rig.refusal("AssumeRole", asked)?.message.contains("sts:TagSession") == true)
    }

    @Test func whatIsTooMuch() async throws {
        let rig = Rig()
        try rig.people.addRole("ops", trust: Rig.trust(Self.account, "sts:AssumeRole", "sts:TagSession"))
        var asked = Self.asked
        // aws-actions/configure-aws-credentials, issue 1898.
        for index in 1...9 {
            asked["Tags.member.\(index).Key"] = "T\(index)"
            asked["Tags.member.\(index).Value"] = String(repeating: "a", count: 250)
        }
        let refusal = await rig.refusal("AssumeRole", asked)
        #expect(refusal?.code == "PackedPolicyTooLarge")
        #expect(refusal?.message == "Packed size of session tags consumes 498% of allotted space.")
        let long = Rig.allow("s3:GetObject", on: "arn:aws:s3:::" + String(repeating: "x", count: 2_048))
        let policy = await rig.refusal("AssumeRole", Self.asked.merging(["Policy": long]) { $1 })
        #expect(policy?.code == "PackedPolicyTooLarge")
    }

    @Test func sessionPolicies() async throws {
        let rig = Rig()
        try rig.people.addRole("ops", trust: Rig.trust(Self.account, "sts:AssumeRole"))
        func asked(_ policy: String) -> [String: String] { Self.asked.merging(["Policy": policy]) { $1 } }
        let text = Rig.allow("s3:GetObject")
        let answer = try await rig.ask("AssumeRole", asked(text))
        #expect(try rig.session(answer).session?.policies == [text])
        #expect(Rig.element("PackedPolicySize", answer) == "5")
        #expect(await rig.refusal("AssumeRole", asked("{"))?.code == "MalformedPolicyDocument")
        #expect(
            await rig.refusal("AssumeRole", asked(Rig.trust(Self.account, "s3:*")))?.code == "MalformedPolicyDocument")
        let managed = Self.asked.merging(["PolicyArns.member.1.arn": "arn:aws:iam::aws:policy/Nothing"]) { $1 }
        #expect(await rig.refusal("AssumeRole", managed)?.code == "ValidationError")
    }

    @Test(arguments: [
        "nothing-valid-in-here", "arn::b:::something/test-role", "arn:a::::something/test-role",
        "arn:a:::something/test-role", "arn:a:a::aaaaaaaaaa:",
    ]) func whatIsNoRole(_ arn: String) async throws {
        let refusal = await Rig().refusal("AssumeRole", ["RoleArn": arn, "RoleSessionName": "session"])
        #expect(refusal?.code == "ValidationError" && refusal?.message == "\(arn) is invalid")
    }

    @Test func whatCannotBeDoneIsRefused() async throws {
        let rig = Rig()
        try rig.people.addRole("ops", trust: Rig.trust(Self.account, "sts:AssumeRole"))
        let mfa = ["SerialNumber": "arn:aws:iam::000000000000:mfa/ann", "TokenCode": "123456"]
        #expect(await rig.refusal("AssumeRole", Self.asked.merging(mfa) { $1 })?.code == "NotImplementedException")
        #expect(await rig.refusal("GetSessionToken", mfa)?.code == "NotImplementedException")
        #expect(await rig.refusal("AssumeRoleWithSAML")?.code == "NotImplementedException")
        #expect(await rig.refusal("Nonsense")?.code == "InvalidAction")
        let name = Self.asked.merging(["RoleSessionName": "Session1:2"]) { $1 }
        #expect(
            await rig.refusal("AssumeRole", name)?.message
                == "1 validation error detected: Value 'Session1:2' at 'roleSessionName' failed to satisfy constraint: "
                + #"Member must satisfy regular expression pattern: [\w+=,.@-]*"#)
    }

    @Test func usersGetSessionsOfTheirOwn() async throws {
        let rig = Rig()
        let user = try rig.people.addUser("ann", policy: nil)
        let session = try rig.session(await rig.ask("GetSessionToken", by: user))
        #expect(session.kind == .user(name: "ann") && session.arn == user.arn && session.id == user.id)
        #expect(session.session?.expires == Rig.start + 43_200)
        #expect(
            await rig.refusal("GetSessionToken", by: session)?.message
                == "Cannot call GetSessionToken with session credentials")
        // An owner's ends after an hour, whatever it asks for.
        let owner = try rig.session(await rig.ask("GetSessionToken", ["DurationSeconds": "129600"]))
        #expect(owner.kind == .root && owner.session?.expires == Rig.start + 3_600)
    }

    @Test func federatedSessions() async throws {
        let rig = Rig()
        let user = try rig.people.addUser("ann", policy: Rig.allow("sts:GetFederationToken"))
        let answer = try await rig.ask("GetFederationToken", ["Name": "guest", "DurationSeconds": "900"], by: user)
        #expect(Rig.element("Arn", answer) == "arn:aws:sts::000000000000:federated-user/guest")
        #expect(Rig.element("FederatedUserId", answer) == "000000000000:guest")
        // As LocalStack recorded it.
        #expect(Rig.element("PackedPolicySize", answer) == "0")
        let session = try rig.session(answer)
        #expect(session.kind == .federated(name: "guest") && session.session?.provider == user.arn)
        try rig.people.addRole("ops", trust: Rig.trust(Self.account, "sts:AssumeRole"))
        #expect(await rig.refusal("AssumeRole", Self.asked, by: session)?.code == "AccessDenied")
        let other = try rig.people.addUser("bob", policy: nil)
        #expect(await rig.refusal("GetFederationToken", ["Name": "guest"], by: other)?.code == "AccessDenied")
    }

    @Test func keysTellTheirAccounts() async throws {
        let rig = Rig()
        let account = try #require(AccountID("111122223333"))
        let key = AccessKeyID.make(account: account.digits)
        #expect(Rig.element("Account", try await rig.ask("GetAccessKeyInfo", ["AccessKeyId": key])) == "111122223333")
        #expect(
            await rig.refusal("GetAccessKeyInfo", ["AccessKeyId": "AKIA0000000000000000"])?.code == "ValidationError")
        // Those of sessions, too.
        let session = try await rig.ask("GetSessionToken")
        let own = try #require(Rig.element("AccessKeyId", session))
        #expect(Rig.element("Account", try await rig.ask("GetAccessKeyInfo", ["AccessKeyId": own])) == "000000000000")
    }

    /// No service here makes such messages, so that none is one; whoever may not decode does not learn even that.
    @Test func noMessageIsOne() async throws {
        let rig = Rig()
        #expect(
            await rig.refusal("DecodeAuthorizationMessage", ["EncodedMessage": "xxxx"])?.code
                == "InvalidAuthorizationMessageException")
        #expect(await rig.refusal("DecodeAuthorizationMessage")?.code == "ValidationError")
        let user = try rig.people.addUser("ann", policy: nil)
        #expect(
            await rig.refusal("DecodeAuthorizationMessage", ["EncodedMessage": "xxxx"], by: user)?.code
                == "AccessDenied")
    }

    /// Tags that go with a session are passed to the next one, which its trust policy has to allow as well.
    @Test func inheritedTagsAreTags() async throws {
        let rig = Rig()
        try rig.people.addRole(
            "ops", trust: Rig.trust(Self.account, "sts:AssumeRole", "sts:TagSession"), policy: Rig.allow("sts:*"))
        var asked = Self.asked
        asked["Tags.member.1.Key"] = "team"
        asked["Tags.member.1.Value"] = "swifts"
        asked["TransitiveTagKeys.member.1"] = "team"
        let session = try rig.session(await rig.ask("AssumeRole", asked))
        try rig.people.addRole("ops", trust: Rig.trust(Self.account, "sts:AssumeRole"), policy: Rig.allow("sts:*"))
        #expect(await rig.refusal("AssumeRole", Self.asked, by: session)?.message.contains("sts:TagSession") == true)
        _ = try await rig.ask("AssumeRole", Self.asked)
    }

    /// A session is named alike wherever its request says that it is for: what policies name does not hang on that.
    @Test func noRegionNamesASessionOtherwise() async throws {
        let rig = Rig()
        try rig.people.addRole("ops", trust: Rig.trust(Self.account, "sts:AssumeRole"))
        for region in ["us-east-1", "cn-north-1"] {
            let answer = try await rig.ask("AssumeRole", Self.asked, region: region)
            #expect(Rig.element("Arn", answer) == "arn:aws:sts::000000000000:assumed-role/ops/night")
            let guest = try await rig.ask("GetFederationToken", ["Name": "guest"], region: region)
            #expect(Rig.element("Arn", guest) == "arn:aws:sts::000000000000:federated-user/guest")
        }
    }
}
