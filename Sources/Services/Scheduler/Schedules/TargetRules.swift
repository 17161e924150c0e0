import AWSWire
import NIOCore
import SchedulerModel

/// What a schedule may have as its target.
///
/// https://docs.aws.amazon.com/scheduler/latest/UserGuide/managing-targets.html
struct TargetRules: Sendable {
    /// What AWS has beside those that can be reached here.
    private static let elsewhere: Set = [
        "states", "kinesis", "firehose", "codebuild", "codepipeline", "ecs", "inspector", "sagemaker",
    ]

    let quotas: SchedulerQuotas
    let place: GroupID

    func record(_ target: Scheduler.Target) throws(AWSError) -> ScheduleRecord.Target {
        try check(target)
        var record = ScheduleRecord.Target(
            arn: target.arn, role: target.roleArn, input: target.input,
            messageGroup: target.sqsParameters?.messageGroupId, deadLetters: target.deadLetterConfig?.arn,
            retries: target.retryPolicy?.maximumRetryAttempts ?? 185,
            maximumAge: Int64(target.retryPolicy?.maximumEventAgeInSeconds ?? 86_400))
        record.detailType = target.eventBridgeParameters?.detailType
        record.source = target.eventBridgeParameters?.source
        if UniversalTarget.isUniversal(target.arn) {
            _ = try UniversalTarget(target.arn, record.input ?? "", in: place)
        }
        return record
    }

    private func check(_ target: Scheduler.Target) throws(AWSError) {
        guard let arn = ARN(target.arn) else { throw .invalidTarget }
        if (target.input?.utf8.count ?? 0) > quotas.inputBytes {
            throw .invalidSchedule("The input of a target must not be longer than \(quotas.inputBytes) bytes.")
        }
        let isPlaced = !arn.region.isEmpty && AccountID(arn.account) != nil
        switch arn.service {
        case "scheduler":
            guard UniversalTarget.isUniversal(target.arn) else { throw .invalidTarget }
        case "lambda":
            guard isPlaced, arn.resource.hasPrefix("function:") else { throw .invalidTarget }
        case "sqs":
            guard isPlaced else { throw .invalidTarget }
            // AWS's words for these are not known.
            if arn.resource.hasSuffix(".fifo") != (target.sqsParameters?.messageGroupId != nil) {
                throw .invalidSchedule("SqsParameters with a MessageGroupId are for FIFO queues, which need them.")
            }
        case "sns":
            guard isPlaced else { throw .invalidTarget }
        case "events":
            guard isPlaced, arn.resource.hasPrefix("event-bus/") else { throw .invalidTarget }
            try checkEvent(target)
        case let service where Self.elsewhere.contains(service):
            throw .unsupported("Nothing takes what a schedule sends to \(target.arn).")
        default: throw .invalidTarget
        }
        try refuseParameters(target, of: arn.service)
    }

    /// Events for a bus have JSON objects as their details.
    private func checkEvent(_ target: Scheduler.Target) throws(AWSError) {
        guard target.eventBridgeParameters != nil else {
            throw .invalidSchedule("EventBridgeParameters must be set for event buses.")
        }
        guard let input = target.input else { return }
        guard (try? JSONValue(parsing: ByteBuffer(string: input)))?.kind == .object else {
            throw .invalidSchedule("The input for an event bus must be a JSON object.")
        }
    }

    /// What is for targets of other kinds.
    private func refuseParameters(_ target: Scheduler.Target, of service: String) throws(AWSError) {
        let isGiven = [
            ("EcsParameters", target.ecsParameters != nil), ("KinesisParameters", target.kinesisParameters != nil),
            ("SageMakerPipelineParameters", target.sageMakerPipelineParameters != nil),
            ("SqsParameters", target.sqsParameters != nil && service != "sqs"),
            ("EventBridgeParameters", target.eventBridgeParameters != nil && service != "events"),
        ]
        for (name, isGiven) in isGiven where isGiven {
            throw .invalidSchedule("\(name) are not for targets of this kind.")
        }
    }
}
