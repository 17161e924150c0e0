import SchedulerModel

extension ScheduleRecord {
    /// The members that AWS answers, as LocalStack's tests recorded them (test_schedule_and_group).
    func shown(_ id: ScheduleID) -> Scheduler.GetScheduleOutput {
        Scheduler.GetScheduleOutput(
            actionAfterCompletion: isDeletedAtTheEnd ? .delete : Scheduler.ActionAfterCompletion.none, arn: id.arn,
            creationDate: Double(created) / 1_000, description: description, endDate: end,
            flexibleTimeWindow: Scheduler.FlexibleTimeWindow(
                mode: window == nil ? .off : .flexible, maximumWindowInMinutes: window),
            groupName: id.group.name, lastModificationDate: Double(modified) / 1_000, name: id.name,
            scheduleExpression: expression, scheduleExpressionTimezone: zone, startDate: start, state: state,
            target: target.shown)
    }

    func summary(_ id: ScheduleID) -> Scheduler.ScheduleSummary {
        Scheduler.ScheduleSummary(
            arn: id.arn, creationDate: Double(created) / 1_000, groupName: id.group.name,
            lastModificationDate: Double(modified) / 1_000, name: id.name, state: state,
            target: Scheduler.TargetSummary(arn: target.arn))
    }

    private var state: Scheduler.ScheduleState { isEnabled ? .enabled : .disabled }
}

extension ScheduleRecord.Target {
    fileprivate var shown: Scheduler.Target {
        var shown = Scheduler.Target(arn: arn, roleArn: role)
        shown.input = input
        shown.deadLetterConfig = deadLetters.map { Scheduler.DeadLetterConfig(arn: $0) }
        shown.retryPolicy = Scheduler.RetryPolicy(
            maximumEventAgeInSeconds: Int(maximumAge), maximumRetryAttempts: retries)
        shown.sqsParameters = messageGroup.map { Scheduler.SqsParameters(messageGroupId: $0) }
        if let detailType, let source {
            shown.eventBridgeParameters = Scheduler.EventBridgeParameters(detailType: detailType, source: source)
        }
        return shown
    }
}

extension GroupRecord {
    func shown(_ id: GroupID) -> Scheduler.GetScheduleGroupOutput {
        Scheduler.GetScheduleGroupOutput(
            arn: id.arn, creationDate: Double(created) / 1_000, lastModificationDate: Double(modified) / 1_000,
            name: id.name, state: .active)
    }

    func summary(_ id: GroupID) -> Scheduler.ScheduleGroupSummary {
        Scheduler.ScheduleGroupSummary(
            arn: id.arn, creationDate: Double(created) / 1_000, lastModificationDate: Double(modified) / 1_000,
            name: id.name, state: .active)
    }
}
