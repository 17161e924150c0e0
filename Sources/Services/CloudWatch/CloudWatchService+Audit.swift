package import AWSWire
import CloudWatchModel
package import NIOCore
package import NIOHTTP1

/// What the audit tells of requests to CloudWatch: what was done to alarms and dashboards; samples are data.
extension CloudWatchService {
    /// https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/logging_cw_api_calls.html
    private static let data: Set<String> = ["GetMetricData", "GetMetricStatistics", "ListMetrics", "PutMetricData"]

    package func hasOperation(_ name: String) -> Bool { CloudWatch.Operation(rawValue: name) != nil }

    package func isDataPlane(_ head: HTTPRequestHead, path: String, body: ByteBuffer) -> Bool {
        if CBORAnswer.isAsked(head.headers) {
            return CBORAnswer.operation(of: path).map { Self.data.contains(String($0)) } ?? false
        }
        if let target = head.headers.first(name: "x-amz-target") {
            return Self.data.contains(String(target.dropFirst(CloudWatch.Operation.targetPrefix.count)))
        }
        // The action comes early, whatever else a form holds.
        let start = body.getSlice(at: body.readerIndex, length: min(2_048, body.readableBytes)) ?? ByteBuffer()
        let query = head.uri.split(separator: "?", maxSplits: 1).dropFirst().first.map(String.init)
        let action = QueryParameters(query)["Action"] ?? QueryParameters(String(buffer: start))["Action"]
        return action.map(Self.data.contains) ?? false
    }

    package func audited(_ request: ServiceRequest) -> AuditedCall? {
        guard var call = namedCall(request) else { return nil }
        if Self.data.contains(call.eventName) {
            call.category = .data
            call.tellsAnswer = false
        }
        if let name = call.parameters["alarmName"]?.text {
            call.resources.append(AuditedCall.Resource(type: "AWS::CloudWatch::Alarm", arn: name))
        }
        return call
    }
}
