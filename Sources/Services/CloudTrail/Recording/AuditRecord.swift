import AWSWire
import Identity
import NIOCore

/// One event as it is kept: CloudTrail's document, and what events are looked up by.
///
/// https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-record-contents.html
struct AuditRecord: Sendable {
    /// Of the documents' format.
    private static let version = "1.11"
    /// Bytes that one of the larger members may have, and texts.
    private static let memberLimit = 100 * 1024
    private static let textLimit = 1024

    var id: String
    /// Seconds since 1970.
    var time: Int64
    var account: String
    var region: String
    var name: String
    var source: String
    var isReadOnly: Bool
    var isManagement: Bool
    /// Whether the request was refused or failed.
    var hasFailed: Bool
    /// Whether it did something that is to be on disk soon.
    var hasEffect: Bool
    var userName: String?
    var accessKeyID: String?
    var resources: [AuditedCall.Resource]
    /// The document, on one line.
    var document: String

    /// - Parameters:
    ///   - omitted: How many events before this one were left out, for there were too many of their kind.
    init(_ event: AuditEvent, _ call: AuditedCall, directory: any PrincipalDirectory, omitted: Int = 0) {
        let request = event.request
        id = RequestID.make()
        time = event.time.secondsSince1970
        account = call.account ?? request.caller.account.digits
        region = call.region ?? request.caller.region
        name = call.eventName
        source = call.eventSource
        isReadOnly = call.isReadOnly
        isManagement = call.category == .management
        hasFailed = event.status >= 400
        hasEffect = call.tellsAnswer && !hasFailed
        let identity = UserIdentity(event, hasFailed ? nil : call.webIdentity, directory: directory)
        userName = identity.userName
        accessKeyID = identity.accessKeyID
        resources = call.resources
        document = ""

        var writer = JSONWriter()
        func write(_ name: String, _ value: AuditValue) {
            writer.name(name)
            value.write(to: &writer)
        }
        writer.beginObject()
        write("eventVersion", .text(Self.version))
        write("userIdentity", identity.value)
        write("eventTime", .text(event.time.extended))
        write("eventSource", .text(source))
        write("eventName", .text(name))
        write("awsRegion", .text(region))
        write("sourceIPAddress", .text(request.sourceIP ?? ""))
        write("userAgent", .text(Self.bounded(request.header("user-agent") ?? "")))
        if hasFailed {
            let (code, message) = Self.error(event)
            write("errorCode", .text(code))
            if let message { write("errorMessage", .text(message)) }
        }
        let wire = event.service.wireProtocol(of: event.request.headers)
        let answer = hasFailed ? nil : call.elements(of: event.answer, protocol: wire)
        write("requestParameters", Self.bounded(call.parameters, "requestParameters"))
        write("responseElements", answer.map { Self.bounded($0, "responseElements") } ?? .null)
        if omitted > 0 {
            write(
                "additionalEventData",
                .object([AuditValue.Member("eventsLeftOutBefore", .number(String(omitted)))]))
        }
        write("requestID", .text(request.requestID))
        write("eventID", .text(id))
        write("readOnly", .bool(isReadOnly))
        let named = resources.filter { $0.arn.hasPrefix("arn:") }
        if !named.isEmpty { write("resources", Self.resources(named, account: account)) }
        write("eventType", .text("AwsApiCall"))
        write("managementEvent", .bool(isManagement))
        write("recipientAccountId", .text(account))
        write("eventCategory", .text(call.category.rawValue))
        writer.endObject()
        document = String(buffer: writer.buffer)
    }

    /// Reads a document as it stands in a file; nil where it is none.
    init?(reading document: String) {
        guard let record = try? JSONValue(parsing: ByteBuffer(string: document)), let id = record["eventID"]?.string,
            let time = record["eventTime"]?.string.flatMap({
                SigV4Time(basic: $0.filter { $0 != "-" && $0 != ":" })
            }), let account = record["recipientAccountId"]?.string, let region = record["awsRegion"]?.string,
            let name = record["eventName"]?.string, let source = record["eventSource"]?.string
        else { return nil }
        self.id = id
        self.time = time.secondsSince1970
        self.account = account
        self.region = region
        self.name = name
        self.source = source
        isReadOnly = record["readOnly"]?.bool ?? false
        isManagement = record["managementEvent"]?.bool ?? false
        hasFailed = record["errorCode"] != nil
        // It is on disk already.
        hasEffect = false
        let identity = record["userIdentity"]
        userName = UserIdentity.userName(in: identity)
        accessKeyID = (identity?["accessKeyId"]?.string).flatMap { $0.isEmpty ? nil : $0 }
        if source == "iam.amazonaws.com" {
            // Names are not among the resources that are told.
            resources = AuditedCall.Resource.ofIdentities { record["requestParameters"]?[$0]?.string }
        } else {
            resources = (record["resources"]?.elements ?? []).compactMap { resource in
                guard let type = resource["type"]?.string, let arn = resource["ARN"]?.string else { return nil }
                return AuditedCall.Resource(type: type, arn: arn)
            }
        }
        self.document = document
    }

    private static func resources(_ resources: [AuditedCall.Resource], account: String) -> AuditValue {
        .list(
            resources.map { resource in
                .object([
                    AuditValue.Member("accountId", .text(ARN(resource.arn).map(\.account) ?? account)),
                    AuditValue.Member("type", .text(resource.type)), AuditValue.Member("ARN", .text(resource.arn)),
                ])
            })
    }

    /// The code as CloudTrail has it, which calls every denial the same.
    private static func error(_ event: AuditEvent) -> (code: String, message: String?) {
        let (code, message) = AuditEvent.error(in: event.answer)
        var name = event.errorType ?? code ?? "Status\(event.status)"
        if name == "AccessDeniedException" { name = "AccessDenied" }
        return (bounded(name), message.map(bounded))
    }

    private static func bounded(_ text: String) -> String {
        text.utf8.count <= textLimit ? text : text.prefix(textLimit / 4) + "..."
    }

    /// - Returns: Null for nothing; a note for what is too much, as CloudTrail has it.
    private static func bounded(_ value: AuditValue, _ name: String) -> AuditValue {
        if value.isEmpty { return .null }
        var writer = JSONWriter()
        value.write(to: &writer)
        let size = writer.buffer.readableBytes
        guard size > memberLimit else { return value }
        return .object([
            AuditValue.Member("omitted", .bool(true)), AuditValue.Member("originalSize", .number(String(size))),
            AuditValue.Member("reason", .text("\(name) too large")),
        ])
    }
}

extension AuditedCall.Resource {
    /// The last part of its name, as LookupEvents finds it by.
    var shortName: String {
        guard let parsed = ARN(arn) else { return arn }
        if parsed.service == "lambda" {
            return parsed.resource.split(separator: ":").dropFirst().first.map(String.init) ?? arn
        }
        return parsed.resource.split(separator: "/").last.map(String.init) ?? arn
    }
}
