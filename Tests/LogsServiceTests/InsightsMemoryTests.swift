import AWSWire
import LogsModel
import Testing

@testable import LogsService

/// What a query gathers has a limit, and what it leaves out is counted.
@Suite struct InsightsMemoryTests {
    private static let long = String(repeating: "x", count: 1_000)

    private func row(_ number: Int, _ text: String = long) -> InsightsRow {
        var row = InsightsRow()
        row.fields = [
            "@timestamp": .time(Double(number)), "@message": .text(text + String(number)), "n": .number(Double(number)),
        ]
        return row
    }

    private func run(_ query: String, _ count: Int, memory: Int, isInOrder: Bool = true) throws -> InsightsRun {
        var run = InsightsRun(try InsightsQuery(query), limit: 10_000, isInOrder: isInOrder, memory: memory)
        for number in 0..<count where !run.add(row(number * 7_919 % count)) { break }
        return run
    }

    @Test func linesEndWhereThereIsNoRoom() throws {
        let run = try run("fields @message", 1_000, memory: 100_000)
        #expect((10...100).contains(run.result().count))
        #expect(run.skipped.events > 0 && run.skipped.bytes > 1_000)
        // One line there always is.
        #expect(try self.run("fields @message", 10, memory: 1).result().count == 1)
    }

    /// Those that are left are the right ones.
    @Test(arguments: [true, false]) func sortedLinesAreTheFirst(isInOrder: Bool) throws {
        let query = isInOrder ? "sort n asc" : "fields n"
        let run = try run(query, 997, memory: 100_000, isInOrder: isInOrder)
        let found = run.result().compactMap { $0["n"]?.number }
        #expect((5...100).contains(found.count))
        let expected = isInOrder ? (0..<found.count).map(Double.init) : (0..<found.count).map { Double(996 - $0) }
        #expect(found == expected)
        #expect(run.skipped.events > 0)
        let whole = try self.run(query, 50, memory: 1 << 20, isInOrder: isInOrder)
        #expect(whole.result().count == 50 && whole.skipped.events == 0)
    }

    @Test func groupsAndValuesEndWhereThereIsNoRoom() throws {
        let groups = try run("stats count(*) by @message", 1_000, memory: 100_000)
        #expect((10...100).contains(groups.result().count))
        #expect(groups.skipped.events == 1_000 - groups.result().count)
        let distinct = try run("stats count_distinct(@message) as n", 1_000, memory: 100_000)
        let count = try #require(distinct.result().first?["n"]?.number)
        #expect((10...100).contains(count))
        let median = try run("stats median(n) as n, count(*) as all", 1_000, memory: 5_000)
        #expect(median.result().first?["all"]?.number == 1_000)
        #expect(median.result().first?["n"]?.number != nil)
        let dedup = try run("dedup @message | stats count(*) as n", 1_000, memory: 100_000)
        #expect((10...100).contains(try #require(dedup.result().first?["n"]?.number)))
    }

    /// The differences from the mean are small, and the numbers are not.
    @Test func deviationsOfLargeNumbers() throws {
        var run = InsightsRun(try InsightsQuery("stats stddev(n) as s"), limit: 1)
        for number in [1e9 + 1, 1e9 - 1, 1e9 + 1, 1e9 - 1] {
            var row = InsightsRow()
            row.fields = ["n": .number(number)]
            _ = run.add(row)
        }
        #expect(run.result().first?["s"]?.number == 1)
    }

    /// A query that makes each text sixty times as long as the one before.
    @Test func textsDoNotGrowForEver() throws {
        let many = { (name: String) in Array(repeating: name, count: 60).joined(separator: ",") }
        var run = InsightsRun(
            try InsightsQuery(
                "fields concat(\(many("@message"))) as a | fields concat(\(many("a"))) as b "
                    + "| fields concat(\(many("b"))) as c | fields replace(a, 'x', '\(Self.long)') as d "
                    + "| fields replace(a, 'x', 'y') as e | display a, b, c, d, e"), limit: 10)
        _ = run.add(row(1))
        let found = try #require(run.result().first)
        #expect(found["a"]?.text.count == 60 * 1_001)
        #expect(found["b"] == nil && found["d"] == nil)
        #expect(found["c"]?.text == "")
        #expect(found["e"]?.text.contains("x") == false)
    }

    private func size(_ rows: [InsightsRow]) -> Int { rows.flatMap(\.fields.values).reduce(0) { $0 + $1.size } }

    /// What statistics keep is counted, and rows for which there was no room are told of.
    @Test(arguments: ["min", "max", "sortsfirst", "sortslast", "earliest", "latest"])
    func valuesThatAreKeptAreCounted(kind: String) throws {
        var run = InsightsRun(try InsightsQuery("stats \(kind)(@message) as v by n"), limit: 10_000, memory: 200_000)
        let zeros = String(repeating: "0", count: 10_000)
        for number in 0..<100 { _ = run.add(row(number, zeros)) }
        #expect(size(run.result()) < 220_000)
        #expect(run.skipped.events > 50)
        // Those that take the place of others need none.
        var same = InsightsRun(try InsightsQuery("stats \(kind)(@message) as v"), limit: 10, memory: 200_000)
        for number in 0..<100 { _ = same.add(row(number, zeros)) }
        #expect(same.skipped.events == 0 && size(same.result()) > 10_000)
    }

    /// So is what later commands add to lines, and what they are told apart and sorted by.
    @Test(arguments: [
        "fields concat(SIX) as a", "display concat(SIX) as a", "fields SIX_FIELDS", "sort concat(SIX)",
        "parse @message '*' as a | parse @message '*' as b | parse @message '*' as c | parse @message '*' as d",
        "dedup n, concat(SIX)", "stats max(concat('1', strlen(@message))) as v by concat(SIX)",
    ])
    func whatLaterCommandsAddIsCounted(command: String) throws {
        let fields = (0..<6).map { "concat(@message, n) as f\($0)" }.joined(separator: ",")
        let six = Array(repeating: "@message", count: 6).joined(separator: ",")
        let command = command.replacing("SIX_FIELDS", with: fields).replacing("SIX", with: six)
        let run = try run("stats count(*) by @message, n | \(command)", 200, memory: 700_000)
        #expect(run.skipped.events == 0)
        let (lines, skipped) = run.finished()
        #expect((1..<190).contains(lines.count))
        #expect(skipped.events >= 200 - lines.count)
        #expect(size(lines) < 1_100_000)
    }

    @Test func whatLinesAreSortedByIsCounted() throws {
        let many = Array(repeating: "@message", count: 20).joined(separator: ",")
        let run = try run("sort concat(\(many)) asc | limit 50", 100, memory: 200_000)
        #expect((2...10).contains(run.result().count))
        #expect(run.skipped.events > 0)
    }

    /// Whatever a query makes of one row: fields, and keys that nobody sees.
    @Test func oneRowHasSoManyTexts() throws {
        let all = (0..<400).map { "concat(z, z) as a\($0)" }.joined(separator: ",")
        let run = try run("fields concat(@message, @message) as z | fields \(all)", 1, memory: 1)
        let line = try #require(run.result().first)
        #expect(line["a0"]?.text.count == 4_004)
        #expect(line["a399"] == nil)
        #expect(size([line]) < 1_100_000)
        let parsed = try self.run("parse @message /(?<a>(?<b>(?<c>x+)))/ | display a, b, c", 1, memory: 1)
        #expect(parsed.result().first?["c"]?.text == Self.long)
    }

    /// Functions of many texts do not hold them all.
    @Test func functionsTakeTextsOneByOne() throws {
        var run = InsightsRun(
            try InsightsQuery(
                "fields coalesce(missing, @message, n) as a, concat(n, missing, '-', n) as b, "
                    + "greatest(n, 7, missing) as c, least(n, 7) as d, coalesce(missing) as e | display a, b, c, d, e"),
            limit: 10)
        _ = run.add(row(3, "x"))
        let found = try #require(run.result().first)
        #expect(found["a"]?.text == "x3" && found["b"]?.text == "3-3")
        #expect(found["c"] == .number(7) && found["d"] == .number(3) && found["e"] == nil)
    }

    @Test func theOldestResultsGo() {
        let store = InsightsStore(linesLimit: 1_000)
        let owner = InsightsStore.Owner(account: "000000000000", region: "us-east-1")
        for id in ["a", "b", "c"] {
            #expect(store.start(.init(id: id, groups: ["g"], text: "", created: 0), of: owner) {})
            let isOurs = store.change(id, of: owner) { entry in
                entry.keep([[Logs.ResultField(field: "f", value: String(repeating: "x", count: 400))]])
                entry.status = .complete
            }
            #expect(isOurs)
        }
        #expect(store.all(of: owner).map(\.id) == ["c", "b"])
        // A result that is too large by itself is there until the next.
        #expect(store.start(.init(id: "d", groups: ["g"], text: "", created: 0), of: owner) {})
        store.change("d", of: owner) { entry in
            entry.keep([[Logs.ResultField(field: "f", value: String(repeating: "x", count: 4_000))]])
        }
        #expect(store.all(of: owner).map(\.id) == ["d"])
    }

    @Test func timesThatCannotBeMilliseconds() async throws {
        let rig = try Rig()
        _ = try await rig.send("CreateLogGroup", #"{"logGroupName":"g"}"#)
        for times in [#""startTime":0,"endTime":9223372036854775807"#, #""startTime":9223372036854775807,"endTime":1"#]
        {
            let failure = await rig.failure("StartQuery", #"{"logGroupName":"g","queryString":"limit 1",\#(times)}"#)
            #expect(failure?.code == "InvalidParameterException")
        }
    }
}
