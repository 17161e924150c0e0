import AWSWire
import Synchronization
import XRayModel

/// The one rule there is, AWS's default: the first request of a second, and a twentieth of the others.
enum DefaultRule {
    static let name = "Default"
    static let fixedRate = 0.05
    static let reservoir = 1

    static func record(for owner: TraceOwner) -> XRay.SamplingRuleRecord {
        let arn = ARN(
            service: "xray", region: owner.region, account: owner.account, resource: "sampling-rule/\(name)")
        // The members that AWS answers, and its numbers.
        return XRay.SamplingRuleRecord(
            samplingRule: XRay.SamplingRule(
                ruleName: name, ruleARN: arn.description, resourceARN: "*", priority: 10_000, fixedRate: fixedRate,
                reservoirSize: reservoir, serviceName: "*", serviceType: "*", host: "*", httpMethod: "*", urlPath: "*",
                version: 1, attributes: [:]),
            createdAt: 0, modifiedAt: 0)
    }
}

/// What SDKs reported of their sampling lately, and which of them may take the first request of a second. In memory:
/// AWS keeps it for minutes.
final class SamplingStatistics: Sendable {
    struct Count: Sendable {
        /// Seconds since 1970.
        var time: Double
        var requests = 0
        var sampled = 0
        var borrowed = 0
        /// The client that has the reservoir, and until when.
        var holder: (client: String, until: Double)?
    }

    /// Owners are few; what is beyond this is not counted.
    private static let maximumOwners = 1024
    /// How long a count goes on, in seconds.
    private static let window = 600.0
    private let counts = Mutex<[TraceOwner: Count]>([:])

    func add(_ document: XRay.SamplingStatisticsDocument, of owner: TraceOwner, now: Double) {
        counts.withLock { counts in
            if counts[owner] == nil, counts.count >= Self.maximumOwners { return }
            var count = counts[owner] ?? Count(time: now)
            if now - count.time >= Self.window { count = Count(time: now, holder: count.holder) }
            // Numbers are a client's: they must not add up to a crash.
            count.requests = count.requests.addingReportingOverflow(document.requestCount).partialValue
            count.sampled = count.sampled.addingReportingOverflow(document.sampledCount).partialValue
            count.borrowed = count.borrowed.addingReportingOverflow(document.borrowCount ?? 0).partialValue
            counts[owner] = count
        }
    }

    /// How much of the reservoir a client has until `end`. It is one request a second of all clients together, so one
    /// of them has it, for as long as it reports in time.
    func quota(of client: String, of owner: TraceOwner, now: Double, end: Double) -> Int {
        counts.withLock { counts in
            guard var count = counts[owner] else { return 0 }
            if let holder = count.holder, holder.client != client, holder.until > now { return 0 }
            count.holder = (client, end)
            counts[owner] = count
            return DefaultRule.reservoir
        }
    }

    func count(of owner: TraceOwner) -> Count? { counts.withLock { $0[owner] } }

    func reset() { counts.withLock { $0 = [:] } }
}

extension XRayService {
    /// How soon SDKs should report again, in seconds; what they are told holds for thrice as long.
    private static let interval = 10

    func getSamplingRules(_ request: ServiceRequest) throws -> ServiceResponse {
        let input = try XRay.GetSamplingRulesRequest(decoding: request)
        // One page has them all.
        guard input.nextToken == nil else { throw AWSError.invalidToken }
        return XRay.GetSamplingRulesResult(samplingRuleRecords: [DefaultRule.record(for: request.owner)]).encode()
    }

    func getSamplingTargets(_ request: ServiceRequest) throws -> ServiceResponse {
        let input = try XRay.GetSamplingTargetsRequest(decoding: request)
        let now = Double(clock()) / 1000
        var targets: [XRay.SamplingTargetDocument] = []
        var unprocessed: [XRay.UnprocessedStatistics] = []
        for document in input.samplingStatisticsDocuments {
            guard document.ruleName == DefaultRule.name else {
                unprocessed.append(
                    XRay.UnprocessedStatistics(
                        ruleName: document.ruleName, errorCode: "400", message: "Unknown rule"))
                continue
            }
            statistics.add(document, of: request.owner, now: now)
            let end = now.rounded(.down) + Double(3 * Self.interval)
            let quota = statistics.quota(of: document.clientID, of: request.owner, now: now, end: end)
            targets.append(
                XRay.SamplingTargetDocument(
                    ruleName: DefaultRule.name, fixedRate: DefaultRule.fixedRate, reservoirQuota: quota,
                    reservoirQuotaTTL: end, interval: Self.interval))
        }
        // The rule has never been changed.
        return XRay.GetSamplingTargetsResult(
            samplingTargetDocuments: targets, lastRuleModification: 0, unprocessedStatistics: unprocessed
        ).encode()
    }

    func getSamplingStatisticSummaries(_ request: ServiceRequest) throws -> ServiceResponse {
        let input = try XRay.GetSamplingStatisticSummariesRequest(decoding: request)
        guard input.nextToken == nil else { throw AWSError.invalidToken }
        let count = statistics.count(of: request.owner)
        return XRay.GetSamplingStatisticSummariesResult(
            samplingStatisticSummaries: count.map {
                [
                    XRay.SamplingStatisticSummary(
                        ruleName: DefaultRule.name, timestamp: $0.time.rounded(.down), requestCount: $0.requests,
                        borrowCount: $0.borrowed, sampledCount: $0.sampled)
                ]
            } ?? []
        ).encode()
    }

    /// Daemons say how they are. AWS keeps it for itself; there is no operation that shows it.
    func putTelemetryRecords(_ request: ServiceRequest) throws -> ServiceResponse {
        _ = try XRay.PutTelemetryRecordsRequest(decoding: request)
        return .json(JSONWriter.emptyObject, status: 200, contentType: "application/json")
    }
}

extension JSONWriter {
    fileprivate static var emptyObject: JSONWriter {
        var writer = JSONWriter()
        writer.beginObject()
        writer.endObject()
        return writer
    }
}
