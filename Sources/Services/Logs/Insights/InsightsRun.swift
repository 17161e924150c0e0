/// A query on its way over the events: they go through its commands one by one, as far as that can be, and what they
/// come to is never more than so many lines.
struct InsightsRun: Sendable {
    /// How many groups `stats` and `dedup` tell apart at most.
    private static let groupLimit = 10_000
    /// How many bytes of memory all that a query gathers may take, about, and as many what later commands add to it.
    /// Whatever is kept of a row is counted: its fields, keys, values of statistics.
    static let memoryLimit = 32 << 20

    /// What gathers rows.
    private enum Gatherer {
        case lines
        case statistics([InsightsStatistic], by: [(expression: InsightsExpression, name: String)])
        case sorted([(expression: InsightsExpression, isDescending: Bool)])
    }

    /// A row, and what it is sorted by.
    private struct Line {
        var row: InsightsRow
        var keys: [InsightsValue?]
        /// In memory, about.
        var size: Int

        init(_ row: InsightsRow, _ keys: [(expression: InsightsExpression, isDescending: Bool)] = []) {
            var row = row
            let left = row.left
            self.keys = keys.map { row.made($0.expression) }
            size = row.size + left - row.left + 32 * keys.count
            self.row = row
        }
    }

    /// What has no place in a result.
    typealias Skipped = (events: Int, bytes: Int)

    private struct Group {
        var keys: [InsightsValue?]
        var accumulators: [InsightsAccumulator]
    }

    private let streaming: [InsightsQuery.Command]
    private let gatherer: Gatherer
    private let rest: [InsightsQuery.Command]
    /// How many lines are wanted, and there is room for.
    private var limit: Int
    private var room: Int
    private let memory: Int
    private var rows: [Line] = []
    private var groups: [[String?]: Group] = [:]
    private var order: [[String?]] = []
    private var seen: Set<[String?]> = []
    /// How many events came through the filters.
    private(set) var matched = 0
    /// How many of them the result leaves out, since there are too many groups to tell apart or lines are too long, and
    /// their messages' bytes.
    private(set) var skipped: Skipped = (events: 0, bytes: 0)

    /// - Parameters:
    ///   - limit: Of lines, where the query has none.
    ///   - isInOrder: The newest event comes first; otherwise they are put in that order where nothing else is said.
    init(_ query: InsightsQuery, limit: Int, isInOrder: Bool = true, memory: Int = InsightsRun.memoryLimit) {
        var streaming: [InsightsQuery.Command] = []
        var rest = query.commands[...]
        var gatherer = isInOrder ? Gatherer.lines : .sorted([(.field("@timestamp"), isDescending: true)])
        var wanted = limit
        loop: while let command = rest.first {
            switch command {
            case .fields, .display, .filter, .parse, .dedup:
                streaming.append(command)
                rest = rest.dropFirst()
            case .limit(let lines):
                wanted = min(wanted, lines)
                rest = rest.dropFirst()
                break loop
            case .stats(let statistics, let keys):
                gatherer = .statistics(statistics, by: keys)
                rest = rest.dropFirst()
                break loop
            case .sort(let keys):
                gatherer = .sorted(keys)
                rest = rest.dropFirst()
                if case .limit(let lines) = rest.first { wanted = min(wanted, lines) }
                break loop
            }
        }
        self.streaming = streaming
        self.gatherer = gatherer
        self.rest = Array(rest)
        self.limit = wanted
        room = memory
        self.memory = memory
    }

    /// Takes the events, the newest first.
    ///
    /// - Returns: Whether more would change anything.
    mutating func add(_ row: InsightsRow) -> Bool {
        var row = row
        for command in streaming {
            if case .dedup = command, seen.count >= Self.groupLimit || room <= 0 { return skip(row) }
            if !Self.apply(command, to: &row, &seen, &room) { return true }
        }
        matched += 1
        switch gatherer {
        case .lines:
            let line = Line(row)
            room -= line.size
            if room < 0, !rows.isEmpty {
                _ = skip(row)
                return false
            }
            rows.append(line)
            return rows.count < limit
        case .sorted(let keys):
            let line = Line(row, keys)
            room -= line.size
            rows.append(line)
            // Those that cannot be among the lines any more go as soon as there are many.
            if rows.count >= 2 * limit { _ = drop(beyond: limit, keys) }
            while room < 0, rows.count > 1 {
                // The last of them go, and what would come after them has no place any more.
                limit = rows.count / 2
                for line in drop(beyond: limit, keys) { _ = skip(line.row) }
            }
            return true
        case .statistics(let statistics, let keys):
            let values = keys.map { row.made($0.expression) }
            let key = values.map { $0?.text }
            if groups[key] == nil {
                guard groups.count < Self.groupLimit, room > 0 else { return skip(row) }
                room -= 2 * Self.size(of: key) + 512 * statistics.count
                order.append(key)
                groups[key] = Group(keys: values, accumulators: statistics.map { InsightsAccumulator($0) })
            }
            var isWhole = true
            for index in statistics.indices where groups[key]?.accumulators[index].add(row, &room) == false {
                isWhole = false
            }
            return isWhole ? true : skip(row)
        }
    }

    /// - Returns: What has no place any more.
    private mutating func drop(
        beyond limit: Int, _ keys: [(expression: InsightsExpression, isDescending: Bool)]
    ) -> ArraySlice<Line> {
        let sorted = Self.sorted(rows, keys)
        rows = Array(sorted.prefix(limit))
        for line in sorted.dropFirst(limit) { room += line.size }
        return sorted.dropFirst(limit)
    }

    private static func size(of key: [String?]) -> Int { key.reduce(64) { $0 + ($1?.utf8.count ?? 0) + 16 } }

    private mutating func skip(_ row: InsightsRow) -> Bool {
        Self.skip(row, &skipped)
        return true
    }

    private static func skip(_ row: InsightsRow, _ skipped: inout Skipped) {
        skipped.events += 1
        skipped.bytes += row["@message"]?.text.utf8.count ?? 0
    }

    /// The lines that the query comes to.
    func result() -> [InsightsRow] { finished().lines }

    /// The lines that the query comes to, and what they leave out.
    func finished() -> (lines: [InsightsRow], skipped: Skipped) {
        var lines: [InsightsRow]
        switch gatherer {
        case .lines: lines = rows.map(\.row)
        case .sorted(let keys): lines = Self.sorted(rows, keys).prefix(limit).map(\.row)
        case .statistics(let statistics, let keys):
            lines = order.compactMap { groups[$0] }.map { group in
                var row = InsightsRow()
                for (key, value) in zip(keys, group.keys) { row.show(key.name, value) }
                for (statistic, accumulator) in zip(statistics, group.accumulators) {
                    row.show(statistic.name, accumulator.value)
                }
                return row
            }
            // Over no events at all there is one line, where there are no groups.
            if lines.isEmpty, keys.isEmpty {
                var row = InsightsRow()
                for statistic in statistics { row.show(statistic.name, InsightsAccumulator(statistic).value) }
                lines = [row]
            }
        }
        var (room, skipped) = (memory, skipped)
        for command in rest { lines = Self.apply(command, to: lines, &room, &skipped) }
        return (Array(lines.prefix(limit)), skipped)
    }

    /// - Parameter room: How many bytes of memory there are for what is added; lines for which there are none are
    ///   skipped.
    private static func apply(
        _ command: InsightsQuery.Command, to lines: [InsightsRow], _ room: inout Int, _ skipped: inout Skipped
    ) -> [InsightsRow] {
        switch command {
        case .limit(let count): return Array(lines.prefix(count))
        case .sort(let keys):
            var kept: [Line] = []
            for row in lines {
                guard room >= 0 || kept.isEmpty else {
                    skip(row, &skipped)
                    continue
                }
                let line = Line(row, keys)
                room -= line.size - row.size
                kept.append(line)
            }
            return sorted(kept, keys).map(\.row)
        case .stats:
            var run = InsightsRun(
                InsightsQuery(commands: [command]), limit: InsightsParser.lines, memory: max(0, room))
            for line in lines { _ = run.add(line) }
            room = run.room
            skipped.events += run.skipped.events
            skipped.bytes += run.skipped.bytes
            return run.result()
        case .fields, .display, .filter, .parse, .dedup:
            var seen: Set<[String?]> = []
            var kept: [InsightsRow] = []
            for line in lines {
                guard room >= 0 || kept.isEmpty else {
                    skip(line, &skipped)
                    continue
                }
                var row = line
                guard apply(command, to: &row, &seen, &room) else { continue }
                room -= max(0, row.size - line.size)
                kept.append(row)
            }
            return kept
        }
    }

    /// - Parameter room: Of memory, for what is kept to know rows that are alike.
    /// - Returns: Whether the row goes on.
    private static func apply(
        _ command: InsightsQuery.Command, to row: inout InsightsRow, _ seen: inout Set<[String?]>, _ room: inout Int
    ) -> Bool {
        switch command {
        case .fields(let fields):
            for field in fields { row.show(field.name, row.made(field.expression)) }
        case .display(let fields):
            let values = fields.map { row.made($0.expression) }
            row.shown = []
            for (field, value) in zip(fields, values) { row.show(field.name, value) }
        case .filter(let condition): return condition.isTrue(row)
        case .parse(let source, let extraction):
            guard let text = source.value(row)?.text else { return true }
            for field in extraction.fields(in: text) { row.show(field.name, row.made(.text(field.value))) }
        case .dedup(let keys):
            let key = keys.map { row.made($0)?.text }
            // Rows without any of the fields are not alike.
            if key.allSatisfy({ $0 == nil }) { return true }
            guard seen.count < groupLimit, seen.insert(key).inserted else { return false }
            room -= size(of: key)
        case .stats, .sort, .limit: break
        }
        return true
    }

    private static func sorted(
        _ lines: [Line], _ keys: [(expression: InsightsExpression, isDescending: Bool)]
    ) -> [Line] {
        lines.enumerated().sorted { one, other in
            for (index, key) in keys.enumerated() {
                let (left, right) = (one.element.keys[index], other.element.keys[index])
                if InsightsValue.isOrdered(left, right) { return !key.isDescending }
                if InsightsValue.isOrdered(right, left) { return key.isDescending }
            }
            return one.offset < other.offset
        }.map(\.element)
    }
}

extension InsightsRow {
    /// What it takes in memory, about.
    fileprivate var size: Int { fields.reduce(128) { $0 + $1.key.utf8.count + $1.value.size + 64 } }

    /// Makes a field that the result shows.
    mutating func show(_ name: String, _ value: InsightsValue?) {
        fields[name] = value
        if !shown.contains(name) { shown.append(name) }
    }
}

extension InsightsQuery {
    init(commands: [Command]) { self.commands = commands }

    /// What is shown where no command says it.
    static let standardFields = ["@timestamp", "@message"]
}
