import AWSWire
import NIOCore
import XRayModel

/// A trace as its segments tell it, for summaries and filters.
struct Trace: Sendable {
    /// One segment, or a subsegment that was sent by itself.
    struct Node: Sendable {
        var id: String
        var parent: String?
        var service: Service
        var isSubsegment: Bool
        /// Seconds since 1970.
        var start: Double
        /// Nil while it is in progress.
        var end: Double?
        var flags: Flags
        var json: JSONValue
    }

    /// What a service is in a trace: `ServiceId` in answers.
    struct Service: Sendable, Hashable {
        var name: String
        /// Such as `AWS::Lambda::Function`.
        var type: String?
        var account: String

        var shape: XRay.ServiceId { XRay.ServiceId(name: name, names: [name], accountId: account, type: type) }
    }

    struct Flags: Sendable, Hashable {
        var error = false
        var fault = false
        var throttle = false
    }

    var id: String
    /// The earliest first.
    var nodes: [Node]
    /// Where it began: the earliest segment that no other caused. Nil when only subsegments have come so far.
    var root: Node?
    /// Keys in the order of the trace, each with the values that it has and where.
    var annotations: [(key: String, value: Annotation, service: Service)] = []

    enum Annotation: Sendable, Hashable {
        case text(String)
        case number(Double)
        case flag(Bool)
    }

    /// - Parameter documents: Checked ones: ``SegmentDocument``.
    init(id: String, documents: [String], account: String) {
        self.id = id
        nodes = documents.compactMap { Node($0, account: account) }.sorted { $0.start < $1.start }
        let ids = Set(nodes.map(\.id))
        root = nodes.first { !$0.isSubsegment && !($0.parent.map(ids.contains) ?? false) }
        // Gathered apart, for exclusive access.
        var found: [(key: String, value: Annotation, service: Service)] = []
        for node in nodes { Self.gather(node.json, node.service, into: &found) }
        annotations = found
    }

    /// The parser has bounded how deep subsegments nest.
    private static func gather(
        _ json: JSONValue, _ service: Service, into found: inout [(key: String, value: Annotation, service: Service)]
    ) {
        for (key, value) in json["annotations"]?.members ?? [] {
            if let text = value.string {
                found.append((key, .text(text), service))
            } else if let number = value.double {
                found.append((key, .number(number), service))
            } else if let flag = value.bool {
                found.append((key, .flag(flag), service))
            }
        }
        for subsegment in json["subsegments"]?.elements ?? [] { gather(subsegment, service, into: &found) }
    }

    // MARK: Times, in seconds

    var start: Double { nodes.first?.start ?? 0 }
    /// From the first beginning to the last end.
    var duration: Double { max(0, (nodes.compactMap(\.end).max() ?? start) - start) }
    /// What the caller waited for; nil while that is not over.
    var responseTime: Double? { root.flatMap(\.duration) }
    var isPartial: Bool { nodes.contains { $0.end == nil } }

    /// Of segments, in the order of the trace.
    var services: [Service] {
        var seen: Set<Service> = []
        return nodes.filter { !$0.isSubsegment }.map(\.service).filter { seen.insert($0).inserted }
    }
}

extension Trace.Node {
    init?(_ document: String, account: String) {
        guard let json = try? JSONValue(parsing: ByteBuffer(string: document)), let id = json["id"]?.string,
            let name = json["name"]?.string, let start = json["start_time"]?.double
        else { return nil }
        self.id = id
        self.json = json
        self.start = start
        parent = json["parent_id"]?.string
        isSubsegment = json["type"]?.string == "subsegment"
        end = json["in_progress"]?.bool == true ? nil : json["end_time"]?.double
        service = Trace.Service(
            name: name, type: json["origin"]?.string, account: json["aws"]?["account_id"]?.string ?? account)
        flags = Trace.Flags(
            error: json["error"]?.bool == true, fault: json["fault"]?.bool == true,
            throttle: json["throttle"]?.bool == true)
        // A segment that says nothing but the status says what the status means.
        switch json["http"]?["response"]?["status"]?.int ?? 0 {
        case 429:
            flags.error = true
            flags.throttle = true
        case 400..<500: flags.error = true
        case 500...: flags.fault = true
        default: break
        }
    }

    var duration: Double? { end.map { max(0, $0 - start) } }
}

extension Trace {
    /// As GetTraceSummaries answers it. Root causes, which AWS works out, are left empty.
    var summary: XRay.TraceSummary {
        let http = root?.json["http"]
        var values: [String: [XRay.ValueWithServiceIds]] = [:]
        for (key, value, service) in annotations {
            values[key, default: []].append(
                XRay.ValueWithServiceIds(annotationValue: value.shape, serviceIds: [service.shape]))
        }
        return XRay.TraceSummary(
            id: id, startTime: start, duration: duration.milliseconds, responseTime: responseTime?.milliseconds,
            hasFault: root?.flags.fault ?? false, hasError: root?.flags.error ?? false,
            hasThrottle: root?.flags.throttle ?? false, isPartial: isPartial,
            http: XRay.Http(
                httpURL: http?["request"]?["url"]?.string, httpStatus: http?["response"]?["status"]?.int,
                httpMethod: http?["request"]?["method"]?.string, userAgent: http?["request"]?["user_agent"]?.string,
                clientIp: http?["request"]?["client_ip"]?.string),
            annotations: values, users: users.map { XRay.TraceUser(userName: $0, serviceIds: []) },
            serviceIds: services.map(\.shape),
            resourceARNs: distinct { $0["resource_arn"]?.string }.map { XRay.ResourceARNDetail(arn: $0) },
            instanceIds: distinct { $0["aws"]?["ec2"]?["instance_id"]?.string }.map { XRay.InstanceIdDetail(id: $0) },
            availabilityZones: distinct { $0["aws"]?["ec2"]?["availability_zone"]?.string }.map {
                XRay.AvailabilityZoneDetail(name: $0)
            },
            entryPoint: root?.service.shape, faultRootCauses: [], errorRootCauses: [], responseTimeRootCauses: [],
            revision: nodes.count)
    }

    var users: [String] { distinct { $0["user"]?.string } }

    private func distinct(_ member: (JSONValue) -> String?) -> [String] {
        var seen: Set<String> = []
        return nodes.compactMap { member($0.json) }.filter { seen.insert($0).inserted }
    }
}

extension Trace.Annotation {
    fileprivate var shape: XRay.AnnotationValue {
        switch self {
        case .text(let text): XRay.AnnotationValue(stringValue: text)
        case .number(let number): XRay.AnnotationValue(numberValue: number)
        case .flag(let flag): XRay.AnnotationValue(booleanValue: flag)
        }
    }
}

extension Double {
    /// To three places, as AWS has durations.
    fileprivate var milliseconds: Double { (self * 1000).rounded() / 1000 }
}
