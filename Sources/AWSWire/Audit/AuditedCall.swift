package import NIOCore
package import NIOHTTP1

/// Which call of a service a request is, and what of it may be told.
package struct AuditedCall: Sendable {
    package enum Category: String, Sendable, Hashable {
        case management = "Management"
        /// What is done with a resource rather than to it, such as an invocation: told only where it is asked for.
        case data = "Data"
    }

    /// What the call is about.
    package struct Resource: Sendable, Hashable {
        /// `AWS::Lambda::Function`.
        package var type: String
        /// A name alone is looked up by, but not told as a resource.
        package var arn: String

        package init(type: String, arn: String) {
            self.type = type
            self.arn = arn
        }

        /// What a request to IAM is about, from the members that name it.
        package static func ofIdentities(_ text: (_ member: String) -> String?) -> [Resource] {
            let kinds = [
                ("userName", "AWS::IAM::User"), ("roleName", "AWS::IAM::Role"), ("groupName", "AWS::IAM::Group"),
                ("policyArn", "AWS::IAM::Policy"), ("policyName", "AWS::IAM::Policy"),
                ("instanceProfileName", "AWS::IAM::InstanceProfile"), ("accessKeyId", "AWS::IAM::AccessKey"),
                ("openIDConnectProviderArn", "AWS::IAM::OIDCProvider"),
            ]
            return kinds.compactMap { member, type in text(member).map { Resource(type: type, arn: $0) } }
        }
    }

    package struct WebIdentity: Sendable, Hashable {
        package var provider: String
        package var audience: String
        package var subject: String

        package init(provider: String, audience: String, subject: String) {
            self.provider = provider
            self.audience = audience
            self.subject = subject
        }
    }

    /// As CloudTrail calls it: mostly the operation's name.
    package var eventName: String
    /// `lambda.amazonaws.com`.
    package var eventSource: String
    package var category = Category.management
    package var isReadOnly: Bool
    /// The twelve digits of whose history it belongs to; nil for the caller's.
    package var account: String?
    /// Where a global service's calls are told; nil for the region of the request.
    package var region: String?
    package var parameters: AuditValue
    package var resources: [Resource] = []
    /// Whether a successful answer's members are told, as for all that has an effect.
    package var tellsAnswer: Bool
    package var disclosure: AuditDisclosure
    /// Whom an identity provider vouches for, where that took the place of a signature and held.
    package var webIdentity: WebIdentity?

    package init(
        _ operation: String, of signingName: String, parameters: AuditValue, disclosure: AuditDisclosure
    ) {
        eventName = operation
        eventSource = "\(signingName).amazonaws.com"
        isReadOnly = Self.isReadOnly(operation)
        tellsAnswer = !isReadOnly
        self.parameters = parameters
        self.disclosure = disclosure
    }

    /// Whether an operation of that name changes nothing.
    package static func isReadOnly(_ operation: String) -> Bool {
        let verbs = [
            "Get", "List", "Describe", "Lookup", "BatchGet", "Head", "Filter", "Search", "Simulate", "Decode", "Check",
        ]
        return verbs.contains(where: operation.hasPrefix)
    }

    /// What a successful answer says, in the service's protocol.
    package func elements(of answer: ByteBuffer, protocol wire: WireProtocol) -> AuditValue? {
        guard tellsAnswer, answer.readableBytes > 0 else { return nil }
        switch wire {
        case .restJSON, .awsJSON: return (try? JSONValue(parsing: answer)).map { disclosure.value($0) }
        case .rpcCBOR:
            return (try? CBOR.json(answer)).flatMap { try? JSONValue(parsing: $0) }.map { disclosure.value($0) }
        case .query: return disclosure.result(String(buffer: answer))
        }
    }
}

extension AuditDisclosure {
    /// The members of a JSON body; none where it is not one.
    package func body(_ body: ByteBuffer) -> AuditValue {
        guard body.readableBytes > 0, let value = try? JSONValue(parsing: body), value.kind == .object else {
            return .object([])
        }
        return self.value(value)
    }

    /// What a request of a REST protocol says: labels of its path, then its query, then its body.
    package func parameters(of request: ServiceRequest, labels: RouteLabels) -> AuditValue {
        var members = labels.all.map { label in member(label.name) { .text(label.value) } }
        var names = Set(members.map(\.name))
        for (name, value) in QueryParameters(request.query).pairs where !Self.isEnvelope(name) {
            if names.insert(Self.spelled(name)).inserted { members.append(member(name) { scalar(value, name: name) }) }
        }
        if case .object(let more) = body(request.body) { members += more.filter { !names.contains($0.name) } }
        return .object(members)
    }
}

extension Service {
    package var secretMembers: Set<String> { [] }
    package func wireProtocol(of _: HTTPHeaders) -> WireProtocol { wireProtocol }
    package func isDataPlane(_: HTTPMethod, path _: String) -> Bool { false }
    package func hasOperation(_: String) -> Bool { true }

    package func isDataPlane(_ head: HTTPRequestHead, path: String, body _: ByteBuffer) -> Bool {
        isDataPlane(head.method, path: path)
    }

    /// The call, where the protocol itself names it: JSON and query services need not do more.
    package func audited(_ request: ServiceRequest) -> AuditedCall? { namedCall(request) }

    /// The call that a JSON or query request names; nil where the service has none of that name, and for REST, where
    /// only the service knows.
    package func namedCall(_ request: ServiceRequest) -> AuditedCall? {
        let disclosure = AuditDisclosure(secretMembers)
        switch wireProtocol(of: request.headers) {
        case .restJSON: return nil
        case .awsJSON:
            guard let operation = request.header("x-amz-target")?.split(separator: ".").last.map(Self.name),
                !operation.isEmpty, hasOperation(operation)
            else { return nil }
            return AuditedCall(
                operation, of: signingName, parameters: disclosure.body(request.body), disclosure: disclosure)
        case .rpcCBOR:
            guard let operation = CBORAnswer.operation(of: request.path).map(Self.name), hasOperation(operation) else {
                return nil
            }
            let body = (try? CBOR.json(request.body)) ?? ByteBuffer()
            return AuditedCall(
                operation, of: signingName, parameters: disclosure.body(body), disclosure: disclosure)
        case .query:
            let request = request.readingForm()
            guard let operation = (try? QueryAnswer.action(of: request)).map({ Self.name($0[...]) }),
                hasOperation(operation)
            else { return nil }
            return AuditedCall(
                operation, of: signingName, parameters: disclosure.form(of: request), disclosure: disclosure)
        }
    }

    /// Whoever is not let in may call an operation anything.
    private static func name(_ operation: Substring) -> String {
        String(String.UnicodeScalarView(operation.unicodeScalars.prefix(128).filter { $0.isASCII && $0 > " " }))
    }
}
