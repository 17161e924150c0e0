import AWSWire
import Crypto
import CryptoExtras
import Identity
import Logging
import NIOCore
import NIOHTTP1
import NIOPosix
import Policies
import Storage
import Synchronization
import Testing

@testable import STSService

/// Who there is, as a test says.
final class People: PrincipalDirectory {
    private struct State {
        var users: [String: UserIdentity] = [:]
        var roles: [String: RoleIdentity] = [:]
        var providers: [String: WebIdentityProvider] = [:]
        var generation: UInt64 = 0
    }
    private let state = Mutex(State())

    private func change(_ body: (inout State) -> Void) {
        state.withLock { state in
            state.generation += 1
            body(&state)
        }
    }

    private static func policy(_ text: String) throws -> CompiledPolicy {
        CompiledPolicy(try PolicyDocument(parsing: ByteBuffer(string: text)))
    }

    func addUser(_ name: String, policy: String?) throws -> Principal {
        let arn = "arn:aws:iam::000000000000:user/\(name)"
        let policies = try policy.map { [AttachedPolicy(id: "p", try Self.policy($0))] } ?? []
        change {
            $0.users[name] = UserIdentity(
                account: .standard, name: name, arn: arn, id: "AIDA\(name)", policies: policies)
        }
        return Principal(.user(name: name), account: .standard, arn: arn, id: "AIDA\(name)", accessKeyID: "AKIA\(name)")
    }

    func addRole(
        _ name: String, in account: AccountID = .standard, trust: String, policy: String? = nil, longest: Int = 3_600
    ) throws {
        let policies = try policy.map { [AttachedPolicy(id: "p", try Self.policy($0))] } ?? []
        let trust = try Self.policy(trust)
        change {
            $0.roles["\(account)/\(name)"] = RoleIdentity(
                account: account, name: name, arn: "arn:aws:iam::\(account):role/\(name)", id: "AROA\(name)",
                tags: ["of": "role"], trust: trust, policies: policies, maxSessionDuration: longest)
        }
    }

    func addProvider(_ url: String, clients: [String]) {
        change {
            $0.providers[url] = WebIdentityProvider(
                arn: "arn:aws:iam::000000000000:oidc-provider/\(url)", url: url, clientIDs: clients, thumbprints: [])
        }
    }

    var generation: UInt64 { state.withLock { $0.generation } }
    func key(_: String) -> UserKey? { nil }
    func user(_ name: String, in account: AccountID) -> UserIdentity? {
        state.withLock { account == .standard ? $0.users[name] : nil }
    }
    func role(_ name: String, in account: AccountID) -> RoleIdentity? {
        state.withLock { $0.roles["\(account)/\(name)"] }
    }
    func managedPolicy(_: String, in _: AccountID) -> AttachedPolicy? { nil }
    func provider(_ url: String, in account: AccountID) -> WebIdentityProvider? {
        state.withLock { account == .standard ? $0.providers[url] : nil }
    }
    func noteUse(of _: Principal, service _: String, region _: String) {}
}

/// The web as a test says.
final class Web: WebFetching {
    struct Unreachable: Error {}
    private let pages = Mutex<[String: String]>([:])
    private let asked = Mutex<[String]>([])

    var requests: [String] { asked.withLock { $0 } }
    func put(_ url: String, _ text: String?) { pages.withLock { $0[url] = text } }

    func get(_ url: String, limit: Int) async throws -> ByteBuffer {
        asked.withLock { $0.append(url) }
        guard let text = pages.withLock({ $0[url] }) else { throw Unreachable() }
        return ByteBuffer(string: text)
    }
}

final class Rig: Sendable {
    /// 2026-01-01T00:00:00Z
    static let start: Int64 = 1_767_225_600

    let people = People()
    let web = Web()
    let tokens = SessionTokens(key: .random())
    let service: STSService

    init() {
        let time = Clock()
        clock = time
        service = STSService(
            authorizer: Authorizer(directory: self.people, clock: { time.now }), tokens: tokens, web: web,
            clock: { time.now }, logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
    }

    final class Clock: Sendable {
        private let time = Mutex(Rig.start)
        var now: Int64 {
            get { time.withLock { $0 } }
            set { time.withLock { $0 = newValue } }
        }
    }
    let clock: Clock

    static let root = Principal.root(.standard, accessKeyID: "AKIAROOT")
    static let anonymous = Principal.anonymous(.standard)

    /// The text of an answer.
    func ask(
        _ action: String, _ parameters: [String: String] = [:], by principal: Principal = Rig.root,
        region: String = "us-east-1"
    ) async throws -> String {
        let form = ([("Action", action), ("Version", "2011-06-15")] + parameters.sorted { $0.key < $1.key })
            .map { "\($0)=\(PercentEncoding.encode($1))" }.joined(separator: "&")
        let request = ServiceRequest(
            method: .POST, path: "/", headers: ["Content-Type": "application/x-www-form-urlencoded"],
            body: ByteBuffer(string: form), caller: Caller(principal, region: region),
            requestID: "5f0c1c3e-8b0a-4f6e-9d0a-2b9a5c1d7e42")
        let answer = try await service.respond(to: request, on: MultiThreadedEventLoopGroup.singleton.next()).get()
        return String(buffer: answer.bytes)
    }

    func refusal(
        _ action: String, _ parameters: [String: String] = [:], by principal: Principal = Rig.root,
        location: SourceLocation = #_sourceLocation
    ) async -> AWSError? {
        await #expect(throws: AWSError.self, sourceLocation: location) {
            _ = try await ask(action, parameters, by: principal)
        }
    }

    /// The session that an answer gives credentials of.
    func session(_ answer: String, location: SourceLocation = #_sourceLocation) throws -> Principal {
        let token = try #require(Self.element("SessionToken", answer), sourceLocation: location)
        let key = try #require(Self.element("AccessKeyId", answer), sourceLocation: location)
        let opened = try #require(tokens.open(token, accessKeyID: key), sourceLocation: location)
        #expect(opened.secretAccessKey == Self.element("SecretAccessKey", answer), sourceLocation: location)
        return opened.principal
    }

    static func element(_ name: String, _ text: String) -> String? {
        guard let start = text.firstRange(of: "<\(name)>")?.upperBound,
            let end = text[start...].firstRange(of: "</\(name)>")?.lowerBound
        else { return nil }
        return String(text[start..<end])
    }

    // MARK: Policies

    static func allow(_ actions: String..., on resource: String = "*") -> String {
        let list = actions.map { "\"\($0)\"" }.joined(separator: ",")
        return
            #"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":[\#(list)],"Resource":"\#(resource)"}]}"#
    }

    static func trust(
        _ principal: String, _ actions: String..., when condition: String = ""
    ) -> String {
        let list = actions.map { "\"\($0)\"" }.joined(separator: ",")
        let condition = condition.isEmpty ? "" : #","Condition":\#(condition)"#
        return
            #"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":\#(principal),"Action":[\#(list)]\#(condition)}]}"#
    }
}
