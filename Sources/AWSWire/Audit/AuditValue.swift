import NIOCore

/// A part of a request or of an answer as the audit shows it: names in CloudTrail's spelling, nothing secret inside.
package indirect enum AuditValue: Sendable, Hashable {
    package struct Member: Sendable, Hashable {
        package var name: String
        package var value: AuditValue

        package init(_ name: String, _ value: AuditValue) {
            self.name = name
            self.value = value
        }
    }

    case null
    case bool(Bool)
    /// As it was written.
    case number(String)
    case text(String)
    case list([AuditValue])
    case object([Member])

    /// What stands for a value that is not to be told.
    package static let hidden = AuditValue.text("HIDDEN_DUE_TO_SECURITY_REASONS")

    package subscript(name: String) -> AuditValue? {
        guard case .object(let members) = self else { return nil }
        return members.first { $0.name == name }?.value
    }

    package var text: String? {
        if case .text(let text) = self { text } else { nil }
    }

    package var isEmpty: Bool {
        switch self {
        case .object(let members): members.isEmpty
        case .list(let elements): elements.isEmpty
        case .null: true
        case .bool, .number, .text: false
        }
    }

    package func write(to writer: inout JSONWriter) {
        switch self {
        case .null: writer.null()
        case .bool(let value): writer.bool(value)
        case .number(let text): writer.raw(ByteBuffer(string: text))
        case .text(let text): writer.string(text)
        case .list(let elements):
            writer.beginArray()
            for element in elements { element.write(to: &writer) }
            writer.endArray()
        case .object(let members):
            writer.beginObject()
            for member in members {
                writer.name(member.name)
                member.value.write(to: &writer)
            }
            writer.endObject()
        }
    }
}

/// Which members are told, and how: names begin in lower case, as in CloudTrail's records, and secrets are hidden.
package struct AuditDisclosure: Sendable {
    /// Secrets of every service, in lower case: what models do not mark, or could.
    private static let secrets: Set<String> = [
        "secretaccesskey", "sessiontoken", "password", "oldpassword", "newpassword", "zipfile", "payload", "variables",
        "environmentvariables", "privatekey", "secretstring", "secretbinary", "plaintext", "webidentitytoken",
        "samlassertion", "tokencode", "authorizationtoken", "tradeintoken", "clientcontext", "location",
    ]

    private let secrets: Set<String>

    /// - Parameter secrets: The names of members that a service's model marks as sensitive.
    package init(_ secrets: Set<String> = []) {
        self.secrets = Self.secrets.union(secrets.map { $0.lowercased() })
    }

    package func isSecret(_ name: String) -> Bool { secrets.contains(name.lowercased()) }

    package static func spelled(_ name: String) -> String { name.prefix(1).lowercased() + name.dropFirst() }

    func member(_ name: String, _ value: () -> AuditValue) -> AuditValue.Member {
        AuditValue.Member(Self.spelled(name), isSecret(name) ? .hidden : value())
    }

    /// - Parameter isMap: The names are a caller's own, such as those of tags: they stay as they are.
    func value(_ json: JSONValue, isMap: Bool = false) -> AuditValue {
        switch json.kind {
        case .null: return .null
        case .true: return .bool(true)
        case .false: return .bool(false)
        case .number: return .number(json.numberText ?? "0")
        case .string: return .text(json.string ?? "")
        case .array: return .list(json.elements.map { value($0) })
        case .object:
            return .object(
                json.members.map { name, value in
                    if isMap { return AuditValue.Member(name, isSecret(name) ? .hidden : self.value(value)) }
                    return member(name) { self.value(value, isMap: Self.maps.contains(name.lowercased())) }
                })
        }
    }

    /// Members that are maps of a caller's own names.
    private static let maps: Set<String> = ["tags", "additionalversionweights"]
}
