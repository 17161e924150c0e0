package import AWSWire
package import NIOCore
package import Storage

/// Why a request was refused, for those only who may know: sealed with the server's key, and opened by
/// DecodeAuthorizationMessage for whoever has the permission.
package struct AuthorizationMessages: Sendable {
    private static let context = "authorization message"
    private let key: SealingKey

    package init(key: SealingKey) { self.key = key }

    /// - Parameter details: JSON.
    package func encode(_ details: ByteBuffer) throws -> String {
        Base64.encode(try key.seal(Array(details.readableBytesView), context: Self.context))
    }

    /// The details of one denial, in the members that AWS's have.
    /// https://docs.aws.amazon.com/STS/latest/APIReference/API_DecodeAuthorizationMessage.html
    package func encode(_ principal: Principal, action: String, resource: String, isExplicit: Bool) throws -> String {
        func name(_ name: String, _ value: AuditValue) -> AuditValue.Member { AuditValue.Member(name, value) }
        let context: [AuditValue.Member] = [
            name("principal", .object([name("id", .text(principal.id)), name("arn", .text(principal.arn))])),
            name("action", .text(action)), name("resource", .text(resource)),
            name("conditions", .object([name("items", .list([]))])),
        ]
        let items = AuditValue.object([name("items", .list([]))])
        let details = AuditValue.object([
            name("allowed", .bool(false)), name("explicitDeny", .bool(isExplicit)), name("matchedStatements", items),
            name("failures", items), name("context", .object(context)),
        ])
        var writer = JSONWriter()
        details.write(to: &writer)
        return try encode(writer.buffer)
    }

    /// - Returns: nil for what this server's key did not seal.
    package func decode(_ message: String) -> String? {
        guard let sealed = Base64.decode(message), sealed.count > 28,
            let text = try? key.open(sealed, context: Self.context)
        else { return nil }
        return String(validating: text, as: UTF8.self)
    }
}
