import AWSWire
import Delivery
import EventBridgeModel
import NIOCore
import Policies
import Storage

extension EventsService {
    /// Targets whose ids are there are replaced.
    func putTargets(_ call: Call) async throws -> ServiceResponse {
        let input = try EventBridge.PutTargetsRequest(decoding: call.request)
        let key = RuleKey(input.rule, on: BusKey(input.eventBusName, of: call.request.caller))
        let bus = try await buses.bus(key.bus)
        try require("PutTargets", on: key, bus, call, context: ["events:TargetArn": input.targets.map(\.arn)])
        guard let bus else { throw EventsFailure.noBus(key.bus.name) }
        guard bus.rule(key.name) != nil else { throw EventsFailure.noRule(key) }
        for target in input.targets { try requireRole(target.roleArn, of: key, call) }
        let targets = try input.targets.map { target throws(AWSError) in try record(target) }
        try await changeRule(key, now: call.now) { [quotas] rule in
            for target in targets {
                rule.targets.removeAll { $0.id == target.id }
                rule.targets.append(target)
            }
            rule.targets.sort { $0.id < $1.id }
            guard rule.targets.count <= quotas.targetsPerRule else { throw EventsFailure.tooMany }
        }
        return EventBridge.PutTargetsResponse(failedEntryCount: 0, failedEntries: []).encode()
    }

    func removeTargets(_ call: Call) async throws -> ServiceResponse {
        let input = try EventBridge.RemoveTargetsRequest(decoding: call.request)
        let key = RuleKey(input.rule, on: BusKey(input.eventBusName, of: call.request.caller))
        _ = try await rule(key, "RemoveTargets", call)
        try await changeRule(key, now: call.now) { rule in rule.targets.removeAll { input.ids.contains($0.id) } }
        return EventBridge.RemoveTargetsResponse(failedEntryCount: 0, failedEntries: []).encode()
    }

    func listTargetsByRule(_ call: Call) async throws -> ServiceResponse {
        let input = try EventBridge.ListTargetsByRuleRequest(decoding: call.request)
        let key = RuleKey(input.rule, on: BusKey(input.eventBusName, of: call.request.caller))
        let targets = try await rule(key, "ListTargetsByRule", call).record.targets
        let page = try Page(targets, after: input.nextToken, limit: input.limit, standard: quotas.pageSize) { $0.id }
        return EventBridge.ListTargetsByRuleResponse(
            targets: page.elements.map(\.shape), nextToken: page.next
        ).encode()
    }

    // MARK: What a target may be

    private func record(_ target: EventBridge.Target) throws(AWSError) -> TargetRecord {
        guard let arn = ARN(target.arn) else {
            throw EventsFailure.validation(
                "Parameter \(target.arn) is not valid. Reason: Provided Arn is not in correct format.")
        }
        guard delivery.reaches(target.arn) else {
            throw .unsupported("Targets of the service \(arn.service) are not implemented.")
        }
        try checkParameters(target)
        if target.arn.hasSuffix(".fifo"), arn.service == "sqs", target.sqsParameters?.messageGroupId == nil {
            throw EventsFailure.validation("Parameter(s) SqsParameters must be specified for target: \(target.id).")
        }
        if let letters = target.deadLetterConfig?.arn, ARN(letters)?.service != "sqs" {
            throw EventsFailure.parameter("DeadLetterConfig.Arn", "\(letters) is not the ARN of a queue.")
        }
        guard BusKey(arn: target.arn) == nil || !target.changesInput else {
            throw EventsFailure.validation("Modifying the input for target \(target.id) is not supported.")
        }
        try checkInput(target)
        var record = TargetRecord(id: target.id, arn: target.arn)
        record.role = target.roleArn
        record.input = target.input
        record.inputPath = target.inputPath
        record.transformer = target.inputTransformer.map {
            TargetRecord.Transformer(paths: $0.inputPathsMap, template: $0.inputTemplate)
        }
        record.group = target.sqsParameters?.messageGroupId
        record.hasQueueParameters = target.sqsParameters == nil ? nil : true
        record.retries = target.retryPolicy.map {
            TargetRecord.Retries(attempts: $0.maximumRetryAttempts, age: $0.maximumEventAgeInSeconds)
        }
        record.deadLetters = target.deadLetterConfig?.arn
        record.hasDeadLetters = target.deadLetterConfig == nil ? nil : true
        return record
    }

    /// Parameters of targets that cannot be reached.
    private func checkParameters(_ target: EventBridge.Target) throws(AWSError) {
        let given = [
            ("KinesisParameters", target.kinesisParameters != nil),
            ("RunCommandParameters", target.runCommandParameters != nil),
            ("EcsParameters", target.ecsParameters != nil), ("BatchParameters", target.batchParameters != nil),
            ("HttpParameters", target.httpParameters != nil),
            ("RedshiftDataParameters", target.redshiftDataParameters != nil),
            ("SageMakerPipelineParameters", target.sageMakerPipelineParameters != nil),
            ("AppSyncParameters", target.appSyncParameters != nil),
        ]
        if let (name, _) = given.first(where: \.1) {
            throw .unsupported("\(name) of targets are not implemented.")
        }
    }

    private func checkInput(_ target: EventBridge.Target) throws(AWSError) {
        let given = [target.input != nil, target.inputPath != nil, target.inputTransformer != nil]
        guard given.count(where: { $0 }) <= 1 else {
            throw EventsFailure.validation(
                "Only one of Input, InputPath, or InputTransformer must be provided for target \(target.id).")
        }
        if let input = target.input, JSONSyntax.validate(ByteBuffer(string: input)) != nil {
            throw EventsFailure.validation("JSON syntax error in input for target \(target.id).")
        }
        if let path = target.inputPath, EventPath(path) == nil {
            throw EventsFailure.validation("Invalid InputPath for target \(target.id).")
        }
        guard let transformer = target.inputTransformer else { return }
        let paths = transformer.inputPathsMap ?? [:]
        for (name, path) in paths.sorted(by: { $0.key < $1.key }) where EventPath(path) == nil {
            throw EventsFailure.validation("Invalid InputPath for key \(name) of target \(target.id).")
        }
        for name in InputTemplate(transformer.inputTemplate).names
        where paths[name] == nil && !InputTemplate.reserved.contains(name) {
            throw EventsFailure.validation(
                "InputTemplate for target \(target.id) contains invalid placeholder \(name).")
        }
    }
}

extension EventBridge.Target {
    fileprivate var changesInput: Bool { input != nil || inputPath != nil || inputTransformer != nil }
}

extension TargetRecord {
    var shape: EventBridge.Target {
        EventBridge.Target(
            id: id, arn: arn, roleArn: role, input: input, inputPath: inputPath,
            inputTransformer: transformer.map {
                EventBridge.InputTransformer(inputTemplate: $0.template, inputPathsMap: $0.paths)
            },
            sqsParameters: hasQueueParameters == true ? EventBridge.SqsParameters(messageGroupId: group) : nil,
            deadLetterConfig: hasDeadLetters == true ? EventBridge.DeadLetterConfig(arn: deadLetters) : nil,
            retryPolicy: retries.map {
                EventBridge.RetryPolicy(maximumRetryAttempts: $0.attempts, maximumEventAgeInSeconds: $0.age)
            })
    }
}
