import AWSWire
import Delivery
import LogsModel
import Storage

extension LogsService {
    /// AWS's quota.
    private static let subscriptionLimit = 2

    /// Has the events that match a pattern sent to a function, if its policy lets CloudWatch Logs invoke it.
    func putSubscriptionFilter(_ request: ServiceRequest) async throws -> ServiceResponse {
        let input = try Logs.PutSubscriptionFilterRequest(decoding: request)
        try Self.refuseWhatIsMissing(input)
        let key = GroupKey(input.logGroupName, of: request.caller)
        try Self.checkDestination(input, request.caller)
        let pattern = try FilterPattern(parameter: input.filterPattern)
        guard try await database.read({ try GroupRecord.find(key, on: $0) }) != nil else { throw LogsFailure.noGroup }
        do throws(DeliveryFailure) {
            try await delivery.check(input.destinationArn, from: key.sender)
        } catch {
            if error.code == "NotImplementedException" { throw AWSError.unsupported(error.message) }
            throw LogsError.invalidParameter(
                message: "Could not execute the lambda function. Make sure you have given CloudWatch Logs permission "
                    + "to execute your function.")
        }
        let record = SubscriptionRecord(
            name: input.filterName, pattern: input.filterPattern, destination: input.destinationArn,
            distribution: (input.distribution ?? .byLogStream).rawValue, created: clock())
        try await database.write { connection in
            guard let group = try GroupRecord.find(key, on: connection) else { throw LogsFailure.noGroup }
            let others = try SubscriptionRecord.all(of: group.id, on: connection).filter { $0.name != record.name }
            guard others.count < Self.subscriptionLimit else {
                throw LogsError.limitExceeded(message: "Resource limit exceeded.")
            }
            let metricFilters = try MetricFilterRecord.all(of: group.id, on: connection)
            try pattern.checkExpressions(beside: others.map(\.pattern) + metricFilters.map(\.pattern))
            try record.put(in: group.id, on: connection)
        }
        return Logs.empty
    }

    private static func refuseWhatIsMissing(_ input: Logs.PutSubscriptionFilterRequest) throws(AWSError) {
        if input.applyOnTransformedLogs == true {
            throw .unsupported("Subscriptions to transformed logs: not implemented.")
        }
        if input.fieldSelectionCriteria != nil || input.emitSystemFields?.isEmpty == false {
            throw .unsupported("System fields of subscriptions: not implemented.")
        }
    }

    /// The words are those that LocalStack's tests have recorded (`test_put_subscription_filter_errors`).
    private static func checkDestination(
        _ input: Logs.PutSubscriptionFilterRequest, _ caller: Caller
    ) throws(AWSError) {
        guard let arn = ARN(input.destinationArn) else {
            throw LogsError.invalidParameter(message: "Invalid destinationArn")
        }
        switch arn.service {
        case "lambda" where arn.account != caller.account.digits:
            throw AWSError(
                code: "AccessDeniedException",
                message: "Cross-account lambda invocation passing is not allowed. You must use DestinationPolicies to "
                    + "create cross account lambda triggers.", status: 400)
        case "lambda":
            // Functions are invoked by the service itself: a role would be named for nothing.
            guard input.roleArn == nil else {
                throw LogsError.invalidParameter(
                    message: "destinationArn for vendor lambda cannot be used with roleArn")
            }
        case "kinesis", "firehose":
            guard input.roleArn != nil else {
                throw LogsError.invalidParameter(
                    message: "destinationArn for vendor \(arn.service) cannot be used without roleArn")
            }
            throw .unsupported("Subscriptions of \(arn.service): not implemented.")
        default: throw .unsupported("Subscriptions of \(arn.service): not implemented.")
        }
    }

    func describeSubscriptionFilters(_ request: ServiceRequest) async throws -> ServiceResponse {
        let input = try Logs.DescribeSubscriptionFiltersRequest(decoding: request)
        let key = GroupKey(input.logGroupName, of: request.caller)
        return try await database.read { connection in
            guard let group = try GroupRecord.find(key, on: connection) else { throw LogsFailure.noGroup }
            let prefix = input.filterNamePrefix ?? ""
            let all = try SubscriptionRecord.all(of: group.id, on: connection).filter { $0.name.hasPrefix(prefix) }
            let rest = all.drop { record in input.nextToken.map { record.name <= $0 } ?? false }
            let page = rest.prefix(input.limit ?? 50)
            return Logs.DescribeSubscriptionFiltersResponse(
                subscriptionFilters: page.map { $0.shape(of: key) },
                nextToken: page.count < rest.count ? page.last?.name : nil)
        }.encode()
    }

    func deleteSubscriptionFilter(_ request: ServiceRequest) async throws -> ServiceResponse {
        let input = try Logs.DeleteSubscriptionFilterRequest(decoding: request)
        let key = GroupKey(input.logGroupName, of: request.caller)
        try await database.write { connection in
            guard let group = try GroupRecord.find(key, on: connection) else { throw LogsFailure.noGroup }
            guard try SubscriptionRecord.delete(input.filterName, in: group.id, on: connection) else {
                throw LogsFailure.noFilter
            }
        }
        return Logs.empty
    }
}

extension SubscriptionRecord {
    fileprivate func shape(of group: GroupKey) -> Logs.SubscriptionFilter {
        Logs.SubscriptionFilter(
            filterName: name, logGroupName: group.name, filterPattern: pattern, destinationArn: destination,
            distribution: Logs.Distribution(rawValue: distribution), applyOnTransformedLogs: false,
            creationTime: Int(created))
    }
}
