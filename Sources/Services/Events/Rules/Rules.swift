import AWSWire
import Delivery
import EventBridgeModel
import EventPatterns
import NIOCore
import Storage

extension EventsService {
    /// A rule that is there gets what it is to be from now on, and keeps its targets and tags.
    func putRule(_ call: Call) async throws -> ServiceResponse {
        let input = try EventBridge.PutRuleRequest(decoding: call.request)
        let key = RuleKey(input.name, on: BusKey(input.eventBusName, of: call.request.caller))
        let bus = try await buses.bus(key.bus)
        try require("PutRule", on: key, bus, call, context: Tagging.context(input.tags ?? []))
        guard bus != nil else { throw EventsFailure.noBus(key.bus.name) }
        try requireRole(input.roleArn, of: key, call)
        var record = RuleRecord(created: call.now, state: (input.state ?? .enabled).rawValue)
        record.pattern = input.eventPattern.flatMap { $0.isEmpty ? nil : $0 }
        record.schedule = input.scheduleExpression.flatMap { $0.isEmpty ? nil : $0 }
        record.description = input.description
        record.role = input.roleArn
        if let pattern = record.pattern { try Self.check(pattern: pattern) }
        try checkSchedule(record, key)
        guard record.pattern != nil || record.schedule != nil else {
            throw EventsFailure.validation("Parameter(s) EventPattern or ScheduleExpression must be specified.")
        }
        let tags = try Tagging.merged([], with: input.tags ?? [], limit: quotas.tagsPerResource)
        let due = try await database.write { [record, quotas, timetable] connection -> Int64? in
            let table = EventsTable(connection)
            guard try table.bus(key.bus, now: call.now) != nil else { throw EventsFailure.noBus(key.bus.name) }
            var stored = record
            let present = try table.rule(key)
            if let present {
                stored.targets = present.targets
                stored.tags = present.tags
                if present.schedule == record.schedule { stored.created = present.created }
            } else {
                guard try table.rules(of: key.bus).count < quotas.rulesPerBus else { throw EventsFailure.tooMany }
                stored.tags = tags
            }
            try table.put(stored, key)
            return try RuleSchedules.book(key, present, stored, now: call.now, in: timetable, connection)
        }
        changed(key, due)
        return EventBridge.PutRuleResponse(ruleArn: key.arn).encode()
    }

    /// A rule was changed by a commit; what it has booked is due then, if anything.
    private func changed(_ key: RuleKey, _ due: Int64?) {
        buses.forget(key.bus)
        if let due { timetable.expect(due) }
    }

    static func check(pattern: String) throws(AWSError) {
        do throws(EventPattern.Refusal) { _ = try EventPattern(pattern) } catch {
            throw EventsFailure.pattern(error.description)
        }
    }

    private func checkSchedule(_ record: RuleRecord, _ key: RuleKey) throws(AWSError) {
        guard let schedule = record.schedule else { return }
        guard key.bus.isStandard else {
            throw EventsFailure.validation("ScheduleExpression is supported only on the default event bus.")
        }
        try RuleSchedules.check(schedule)
    }

    func describeRule(_ call: Call) async throws -> ServiceResponse {
        let input = try EventBridge.DescribeRuleRequest(decoding: call.request)
        let key = RuleKey(input.name, on: BusKey(input.eventBusName, of: call.request.caller))
        let rule = try await rule(key, "DescribeRule", call).record
        return EventBridge.DescribeRuleResponse(
            name: key.name, arn: key.arn, eventPattern: rule.pattern, scheduleExpression: rule.schedule,
            state: EventBridge.RuleState(rawValue: rule.state), description: rule.description, roleArn: rule.role,
            eventBusName: key.bus.name, createdBy: key.bus.account
        ).encode()
    }

    /// A rule that is there, and with which the caller may do that.
    func rule(_ key: RuleKey, _ action: String, _ call: Call) async throws -> LiveRule {
        let bus = try await buses.bus(key.bus)
        try require(action, on: key, bus, call)
        guard let bus else { throw EventsFailure.noBus(key.bus.name) }
        guard let rule = bus.rule(key.name) else { throw EventsFailure.noRule(key) }
        return rule
    }

    func listRules(_ call: Call) async throws -> ServiceResponse {
        let input = try EventBridge.ListRulesRequest(decoding: call.request)
        let bus = BusKey(input.eventBusName, of: call.request.caller)
        let rules = try await rules(of: bus, "ListRules", call).filter { $0.name.hasPrefix(input.namePrefix ?? "") }
        let page = try Page(rules, after: input.nextToken, limit: input.limit, standard: quotas.pageSize) { $0.name }
        return EventBridge.ListRulesResponse(
            rules: page.elements.map { name, rule in
                EventBridge.Rule(
                    name: name, arn: RuleKey(name, on: bus).arn, eventPattern: rule.pattern,
                    state: EventBridge.RuleState(rawValue: rule.state), description: rule.description,
                    scheduleExpression: rule.schedule, roleArn: rule.role, eventBusName: bus.name)
            }, nextToken: page.next
        ).encode()
    }

    func listRuleNamesByTarget(_ call: Call) async throws -> ServiceResponse {
        let input = try EventBridge.ListRuleNamesByTargetRequest(decoding: call.request)
        let bus = BusKey(input.eventBusName, of: call.request.caller)
        let names = try await rules(of: bus, "ListRuleNamesByTarget", call)
            .filter { $0.record.targets.contains { $0.arn == input.targetArn } }.map(\.name)
        let page = try Page(names, after: input.nextToken, limit: input.limit, standard: quotas.pageSize) { $0 }
        return EventBridge.ListRuleNamesByTargetResponse(ruleNames: page.elements, nextToken: page.next).encode()
    }

    private func rules(
        of bus: BusKey, _ action: String, _ call: Call
    ) async throws -> [(name: String, record: RuleRecord)] {
        let live = try await buses.bus(bus)
        try require(action, on: RuleKey("*", on: bus), live, call)
        guard live != nil else { throw EventsFailure.noBus(bus.name) }
        return try await database.read { try EventsTable($0).rules(of: bus) }
    }

    func enableRule(_ call: Call) async throws -> ServiceResponse {
        let input = try EventBridge.EnableRuleRequest(decoding: call.request)
        let key = RuleKey(input.name, on: BusKey(input.eventBusName, of: call.request.caller))
        _ = try await rule(key, "EnableRule", call)
        try await changeRule(key, now: call.now) { $0.state = EventBridge.RuleState.enabled.rawValue }
        return EventBridge.empty
    }

    func disableRule(_ call: Call) async throws -> ServiceResponse {
        let input = try EventBridge.DisableRuleRequest(decoding: call.request)
        let key = RuleKey(input.name, on: BusKey(input.eventBusName, of: call.request.caller))
        _ = try await rule(key, "DisableRule", call)
        try await changeRule(key, now: call.now) { $0.state = EventBridge.RuleState.disabled.rawValue }
        return EventBridge.empty
    }

    /// Deleting what is not there is as good.
    func deleteRule(_ call: Call) async throws -> ServiceResponse {
        let input = try EventBridge.DeleteRuleRequest(decoding: call.request)
        let key = RuleKey(input.name, on: BusKey(input.eventBusName, of: call.request.caller))
        let bus = try await buses.bus(key.bus)
        try require("DeleteRule", on: key, bus, call)
        guard bus != nil else { throw EventsFailure.noBus(key.bus.name) }
        let due = try await database.write { [timetable] connection -> Int64? in
            let table = EventsTable(connection)
            let rule = try table.rule(key)
            if let rule, !rule.targets.isEmpty {
                throw EventsFailure.validation("Rule can't be deleted since it has targets.")
            }
            try table.delete(key)
            return try RuleSchedules.book(key, rule, nil, now: call.now, in: timetable, connection)
        }
        changed(key, due)
        return EventBridge.empty
    }

    /// Changes a rule that is there. The change is on disk when this returns.
    func changeRule(
        _ key: RuleKey, now: Int64, _ work: @escaping @Sendable (inout RuleRecord) throws -> Void
    ) async throws {
        let due = try await database.write { [timetable] connection -> Int64? in
            let table = EventsTable(connection)
            guard try table.bus(key.bus, now: now) != nil else { throw EventsFailure.noBus(key.bus.name) }
            guard let former = try table.rule(key) else { throw EventsFailure.noRule(key) }
            var record = former
            try work(&record)
            try table.put(record, key)
            return try RuleSchedules.book(key, former, record, now: now, in: timetable, connection)
        }
        changed(key, due)
    }

    func testEventPattern(_ call: Call) async throws -> ServiceResponse {
        let input = try EventBridge.TestEventPatternRequest(decoding: call.request)
        try require("TestEventPattern", on: "*", call)
        let pattern: EventPattern
        do throws(EventPattern.Refusal) { pattern = try EventPattern(input.eventPattern) } catch {
            throw EventsFailure.pattern(error.description)
        }
        let event = try? JSONValue(parsing: ByteBuffer(string: input.event))
        let needed = ["id", "account", "source", "time", "region", "detail-type"]
        guard let event, event.kind == .object, needed.allSatisfy({ event[$0] != nil }) else {
            throw EventsFailure.validation("Parameter Event is not valid.")
        }
        return EventBridge.TestEventPatternResponse(result: pattern.matches(event)).encode()
    }
}
