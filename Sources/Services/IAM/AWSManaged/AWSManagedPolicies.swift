import AWSWire
import Crypto
import NIOCore

/// A managed policy that is AWS's: the same in every account.
struct AWSManagedPolicy: Sendable {
    var name: String
    var path: String
    /// The number of the version in force; the ones before are not kept.
    var version: Int
    /// When that version was made, in seconds since 1970.
    var date: Int64
    /// The text in force.
    var document: String

    /// Of this policy alone. Not the id that AWS has for it.
    var id: String {
        let digest = Array(SHA256.hash(data: Array("\(path)\(name)".utf8)))
        return EntityID.policy + String(digest.prefix(17).map { AccessKeyID.character(UInt64($0)) })
    }

    func arn(_ partition: String) -> String { "arn:\(partition):iam::aws:policy\(path)\(name)" }
}

/// Those of AWS's managed policies that there are here: what users of the services that run here attach.
///
/// `policies.json` has them as AWS publishes them, but for the policies that list actions of all services
/// (ReadOnlyAccess, ViewOnlyAccess and SecurityAudit): these have the actions of services that are, or are to be, here.
struct AWSManagedPolicies: Sendable {
    static let standard = AWSManagedPolicies(PackageResources.policies_json)

    /// In the order of their names.
    let all: [AWSManagedPolicy]
    private let byName: [String: AWSManagedPolicy]

    subscript(arn: String, partition: String) -> AWSManagedPolicy? {
        guard let parsed = PolicyARN(arn), parsed.account == "aws", let policy = byName[parsed.name],
            policy.arn(partition) == arn
        else { return nil }
        return policy
    }

    private init(_ bytes: [UInt8]) {
        guard let list = try? JSONValue(parsing: ByteBuffer(bytes: bytes)) else {
            preconditionFailure("policies.json is no JSON")
        }
        all = list.elements.map(Self.policy).sorted { $0.name < $1.name }
        byName = Dictionary(all.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
    }

    private static func policy(_ value: JSONValue) -> AWSManagedPolicy {
        guard let name = value["name"]?.string, let path = value["path"]?.string,
            let version = (value["version"]?.string?.dropFirst()).flatMap({ Int($0) }),
            let date = value["date"]?.string.flatMap(seconds), let statements = value["statements"]
        else { preconditionFailure("policies.json lacks a member") }
        var writer = JSONWriter()
        writer.beginObject()
        writer.name("Version")
        writer.string("2012-10-17")
        writer.name("Statement")
        writer.copy(statements)
        writer.endObject()
        return AWSManagedPolicy(
            name: name, path: path, version: version, date: date, document: String(buffer: writer.buffer))
    }

    /// Of `2015-04-09T15:03:43Z`.
    private static func seconds(_ text: String) -> Int64? {
        SigV4Time(basic: text.filter { $0 != "-" && $0 != ":" })?.secondsSince1970
    }
}

extension JSONWriter {
    /// Writes a value as it was read, compact.
    fileprivate mutating func copy(_ value: JSONValue) {
        switch value.kind {
        case .object:
            beginObject()
            for (name, member) in value.members {
                self.name(name)
                copy(member)
            }
            endObject()
        case .array:
            beginArray()
            for element in value.elements { copy(element) }
            endArray()
        case .string: string(value.string ?? "")
        case .number: double(value.double ?? 0)
        case .true: bool(true)
        case .false: bool(false)
        case .null: null()
        }
    }
}
