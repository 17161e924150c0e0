import AWSWire
import Metrics
import NIOCore
import Storage
import TestSupport
import Testing

@testable import CloudWatchService

/// However many alarms and metrics there are, what is read of them is what is answered.
@Suite struct PagesTests {
    private static let account = "000000000000"

    private static func alarm(_ name: String, metric: String = "m", action: String = Rig.topic) -> Alarm? {
        let key = AlarmKey(account: account, region: "us-east-1", name: name)
        let text = """
            {"AlarmName":"\(name)","MetricName":"\(metric)","Namespace":"n","Period":60,"EvaluationPeriods":1,
            "Threshold":1,"ComparisonOperator":"GreaterThanThreshold","Statistic":"Sum","AlarmActions":["\(action)"]}
            """
        return Alarm.configuration(text, isComposite: false, of: key).map { Alarm(key, $0, now: Rig.start) }
    }

    private static func composite(_ name: String, _ rule: String) -> Alarm? {
        let key = AlarmKey(account: account, region: "us-east-1", name: name)
        return Alarm.configuration(
            #"{"AlarmName":"\#(name)","AlarmRule":\#(rule.inJSON)}"#, isComposite: true, of: key
        ).map { Alarm(key, $0, now: Rig.start) }
    }

    /// A thousand metric alarms `a0000` and on, and for every tenth a composite alarm `c0000`.
    private func rig() async throws -> Rig {
        let rig = try Rig()
        try await rig.service.alarms.write { table in
            for number in 0..<1_000 {
                let digits = String(10_000 + number).dropFirst()
                let action = number == 700 ? "arn:aws:sns:us-east-1:000000000000:rare" : Rig.topic
                try table.put(try #require(Self.alarm("a\(digits)", metric: "m\(number % 250)", action: action)))
                guard number.isMultiple(of: 10) else { continue }
                let composite = try #require(Self.composite("c\(digits)", "ALARM(a\(digits)) OR ALARM(a0500)"))
                try table.put(composite)
                try table.putChildren(of: composite)
            }
        }
        return rig
    }

    private func names(_ answer: JSONValue) -> [String] {
        ["MetricAlarms", "CompositeAlarms"].flatMap { answer[$0]?.elements ?? [] }.compactMap {
            $0["AlarmName"]?.string
        }
    }

    /// The names of all pages.
    private func walk(_ rig: Rig, _ more: String) async throws -> [[String]] {
        var pages: [[String]] = []
        var token = ""
        while true {
            let answer = try await rig.ask("DescribeAlarms", "{\(more)\(token)}")
            pages.append(names(answer))
            guard let next = answer["NextToken"]?.string else { return pages }
            token = #","NextToken":"\#(next)""#
        }
    }

    @Test func alarmsComeInPages() async throws {
        let rig = try await rig()
        let all = try await walk(rig, #""MaxRecords":100"#)
        #expect(all.map(\.count) == Array(repeating: 100, count: 10))
        let expected: [String] = (0..<1_000).map { "a" + String(10_000 + $0).dropFirst() }
        #expect(Array(all.joined()) == expected)
        for (more, sizes) in [
            (#""MaxRecords":100,"AlarmTypes":["CompositeAlarm"]"#, [100]),
            (#""MaxRecords":7,"AlarmTypes":["CompositeAlarm","MetricAlarm"],"AlarmNamePrefix":"a099""#, [7, 3]),
            (#""MaxRecords":60,"ParentsOfAlarmName":"a0500""#, [60, 40]), (#""ActionPrefix":"%""#, [0]),
            (#""StateValue":"OK""#, [0]),
        ] {
            let found = try await walk(rig, more).map(\.count)
            #expect(found == sizes, "\(more)")
        }
        for (more, names) in [
            (#""MaxRecords":2,"ParentsOfAlarmName":"a0020""#, [["c0020"]]),
            (#""MaxRecords":1,"ChildrenOfAlarmName":"c0030""#, [["a0030"], ["a0500"]]),
            (#""MaxRecords":1,"AlarmNames":["a0002","none","c0000","a0001"]"#, [["a0001"], ["a0002"]]),
            (#""MaxRecords":1,"ActionPrefix":"arn:aws:sns:us-east-1:000000000000:r""#, [["a0700"]]),
        ] {
            let found = try await walk(rig, more)
            #expect(found == names, "\(more)")
        }
        let ofMetric = try await rig.ask("DescribeAlarmsForMetric", #"{"Namespace":"n","MetricName":"m7"}"#)
        #expect(names(ofMetric) == ["a0007", "a0257", "a0507", "a0757"])
    }

    @Test func littleIsReadOfManyAlarms() async throws {
        let rig = try await rig()
        let child = AlarmKey(account: Self.account, region: "us-east-1", name: "a0020")
        let (counts, parents, rows, detours) = try await rig.events.write { connection in
            let looked = LookedAt(connection)
            let table = AlarmTable(looked)
            var counts: [Int] = []
            var listing = AlarmListing(account: Self.account, region: "us-east-1", isComposite: false)
            counts.append(try listing.alarms(in: table, after: "a0500", limit: 51) { _ in true }.count)
            listing.prefix = "a09"
            counts.append(try listing.alarms(in: table, after: "", limit: 51) { _ in true }.count)
            listing = AlarmListing(
                account: Self.account, region: "us-east-1", isComposite: false, text: #""MetricName":"m7""#)
            counts.append(try listing.alarms(in: table, after: "") { _ in true }.count)
            return (counts, try table.parents(of: child), looked.rows, looked.detours)
        }
        #expect(counts == [51, 51, 4])
        #expect(parents == ["c0020"])
        #expect(rows <= 100 + 100 + 4 + 1)
        #expect(detours.isEmpty)
        // A change of one alarm looks at those that name it.
        let moved = try await rig.events.write { connection in
            let looked = LookedAt(connection)
            var transitions = Transitions(table: AlarmTable(looked))
            let alarm = try #require(try transitions.table.find(child))
            try transitions.move(alarm, to: .alarm, reason: "r", data: nil, now: Rig.start + 1)
            return (looked.rows, looked.detours)
        }
        #expect(moved.0 < 20)
        #expect(moved.1.isEmpty)
        #expect(try await rig.state("c0020").value == "ALARM")
    }

    /// Those that were made before it was kept whom they name.
    @Test func oldCompositeAlarmsAreFoundAgain() async throws {
        let rig = try await rig()
        try await rig.events.write { connection in
            try connection.execute("DELETE FROM cloudwatch_children", [])
            try connection.execute("UPDATE cloudwatch_alarms SET due = 0 WHERE composite = 1", [])
        }
        try await rig.service.evaluator.pass()
        let parents = #""MaxRecords":100,"ParentsOfAlarmName":"a0500""#
        let before = try await walk(rig, parents)
        #expect(before.map(\.count) == [100])
        try await rig.ask("PutCompositeAlarm", #"{"AlarmName":"c0000","AlarmRule":"OK(a0001)"}"#)
        try await rig.ask("DeleteAlarms", #"{"AlarmNames":["c0010"]}"#)
        let after = try await walk(rig, parents)
        #expect(after.map(\.count) == [98])
        let others = try await walk(rig, #""ParentsOfAlarmName":"a0001""#)
        #expect(others == [["c0000"]])
    }

    @Test func historyComesInPages() async throws {
        let rig = try Rig()
        try await rig.service.alarms.write { table in
            for number in 0..<500 {
                let alarm = try #require(Self.alarm("a\(number % 5)"))
                // Ten in a millisecond.
                try table.note(.deleted(alarm, at: Rig.start + Int64(number / 10)))
            }
        }
        func walk(_ more: String) async throws -> [[String]] {
            var pages: [[String]] = []
            var token = ""
            while true {
                let answer = try await rig.ask("DescribeAlarmHistory", #"{"MaxRecords":30\#(more)\#(token)}"#)
                pages.append(answer["AlarmHistoryItems"]?.elements.compactMap { $0["AlarmName"]?.string } ?? [])
                guard let next = answer["NextToken"]?.string else { return pages }
                token = #","NextToken":"\#(next)""#
            }
        }
        let newest = try await walk("")
        let names: [String] = (0..<500).map { "a\($0 % 5)" }
        #expect(Array(newest.joined()) == Array(names.reversed()))
        let oldest = try await walk(#","ScanBy":"TimestampAscending""#)
        #expect(Array(oldest.joined()) == names)
        for (more, sizes) in [
            (#","AlarmName":"a3""#, [30, 30, 30, 10]), (#","AlarmTypes":["CompositeAlarm"]"#, [0]),
            (#","HistoryItemType":"Action""#, [0]),
        ] {
            let found = try await walk(more).map(\.count)
            #expect(found == sizes, "\(more)")
        }
        for name in [nil, "a3"] {
            let (rows, detours) = try await rig.events.write { connection in
                let looked = LookedAt(connection)
                let listing = HistoryListing(
                    account: Self.account, region: "us-east-1", name: name, from: 0, to: .max, isComposite: false)
                _ = try listing.items(in: AlarmTable(looked), limit: 31)
                return (looked.rows, looked.detours)
            }
            #expect(rows == 31)
            #expect(detours.isEmpty)
        }
    }

    @Test func metricsComeInPages() async throws {
        let rig = try Rig()
        for number in 0..<1_200 {
            rig.service.samples.record([
                MetricSample(
                    MetricKey(
                        account: Self.account, region: "us-east-1", namespace: "n\(number % 2)", name: "m\(number % 3)",
                        dimensions: [MetricDimension("D", "\(number)"), MetricDimension("E%", "v]\"\(number % 4)")]),
                    unit: .count, timestamp: Rig.start, value: 1)
            ])
        }
        func walk(_ more: String) async throws -> [Int] {
            var pages: [Int] = []
            var seen: Set<String> = []
            var token = ""
            while true {
                let answer = try await rig.ask("ListMetrics", #"{"RecentlyActive":"PT3H"\#(more)\#(token)}"#)
                let found = answer["Metrics"]?.elements ?? []
                pages.append(found.count)
                for metric in found { seen.insert(metric["Dimensions"]?.elements.first?["Value"]?.string ?? "") }
                guard let next = answer["NextToken"]?.string else {
                    #expect(seen.count == pages.reduce(0, +))
                    return pages
                }
                token = #","NextToken":"\#(next)""#
            }
        }
        for (more, sizes) in [
            ("", [500, 500, 200]), (#","Namespace":"n1""#, [500, 100]), (#","MetricName":"m1""#, [400]),
            (#","Namespace":"n1","MetricName":"m1""#, [200]), (#","Dimensions":[{"Name":"D","Value":"7"}]"#, [1]),
            (#","Dimensions":[{"Name":"d"}]"#, [0]), (#","Dimensions":[{"Name":"E_"}]"#, [0]),
            (#","Dimensions":[{"Name":"E%","Value":"v]\"3"},{"Name":"D"}]"#, [300]),
        ] {
            let found = try await walk(more)
            #expect(found == sizes, "\(more)")
        }
        for (namespace, name) in [(nil, nil), ("n1", nil), ("n1", "m1"), (nil, "m1")] as [(String?, String?)] {
            let (rows, detours) = try await rig.metrics.write { connection in
                let looked = LookedAt(connection)
                let filter = MetricTable.Filter(
                    account: Self.account, region: "us-east-1", namespace: namespace, name: name, since: 0)
                let table = MetricTable(looked)
                let first = try table.list(filter, after: nil, limit: 50)
                _ = try table.list(filter, after: first.last?.id, limit: 50)
                return (looked.rows, looked.detours)
            }
            #expect(rows == 101)
            #expect(detours.isEmpty)
        }
    }

    @Test func dashboardsComeInPages() async throws {
        let rig = try Rig()
        try await rig.events.write { connection in
            for number in 0..<1_005 {
                try connection.execute(
                    "INSERT INTO cloudwatch_dashboards (account, name, body, modified) VALUES (?, ?, ?, ?)",
                    [.text(Self.account), .text("d\(10_000 + number)"), .text("{\"ü\":1}"), .integer(Rig.start)])
            }
        }
        let first = try await rig.ask("ListDashboards", "{}")
        #expect(first["DashboardEntries"]?.elements.count == 1_000)
        #expect(first["DashboardEntries"]?.elements.first?["Size"]?.int == 8)
        let token = try #require(first["NextToken"]?.string)
        let second = try await rig.ask("ListDashboards", #"{"NextToken":"\#(token)"}"#)
        #expect(second["DashboardEntries"]?.elements.count == 5)
        #expect(second["NextToken"] == nil)
        let some = try await rig.ask("ListDashboards", #"{"DashboardNamePrefix":"d1100"}"#)
        #expect(some["DashboardEntries"]?.elements.count == 5)
    }

    /// What could not be reckoned with is refused, and nothing falls over.
    @Test func timesAndTokensBeyondReckoning() async throws {
        let rig = try Rig()
        let query =
            #""MetricDataQueries":[{"Id":"a","MetricStat":{"Metric":{"Namespace":"n","MetricName":"m"},"#
            + #""Period":60,"Stat":"Sum"}}]"#
        for (start, end) in [("-1e300", "0"), ("0", "1e300"), ("-1e300", "1e300"), ("0", "9e18")] {
            let times = #""StartTime":\#(start),"EndTime":\#(end)"#
            for (operation, body) in [
                ("GetMetricData", "{\(times),\(query)}"),
                (
                    "GetMetricStatistics",
                    #"{"Namespace":"n","MetricName":"m","Period":60,"Statistics":["Sum"],\#(times)}"#
                ), ("DescribeAlarmHistory", #"{"StartDate":\#(start),"EndDate":\#(end)}"#),
            ] {
                await #expect(throws: AWSError.self, "\(operation) \(times)") { try await rig.ask(operation, body) }
            }
        }
        let token = Base64.encode("9223372036854775807".utf8)
        await #expect(throws: AWSError.self) {
            try await rig.ask(
                "GetMetricData",
                #"{"StartTime":0,"EndTime":60,\#(query),"NextToken":"\#(token)"}"#)
        }
        await #expect(throws: AWSError.self) { try await rig.ask("ListMetrics", #"{"NextToken":"\#(token)"}"#) }
        await #expect(throws: AWSError.self) { try await rig.ask("DescribeAlarmHistory", #"{"NextToken":"MS4y!"}"#) }
    }
}
