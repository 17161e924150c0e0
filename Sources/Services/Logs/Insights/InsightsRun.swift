/// A query on its way over the events: they go through its commands one by one, as far as that can be, and what they
/// come to is never more than so many lines.
struct InsightsRun: Sendable {
    /// How many groups `stats` and `dedup` tell apart at most.
    private static let groupLimit = 10_000
    /// How many bytes of memory all that a query gathers may take, about.
    static let memoryLimit = 32 << 20

    /// What gathers rows.
    private enum Gatherer {
        case lines
        case statistics([InsightsStatistic], by: [(expression: InsightsExpression, name: String)])
        case sorted([(expression: InsightsExpression, isDescending: Bool)])
    }

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
    private var rows: [InsightsRow] = []
    private var groups: [[String?]: Group] = [:]
    private var order: [[String?]] = []
    private var seen: Set<[String?]> = []
    /// How many events came through the filters.
    private(set) var matched = 0
    /// How many of them the result leaves out, since there are too many groups to tell apart or lines are too long, and
    /// their messages' bytes.
    private(set) var skipped = (events: 0, bytes: 0)

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
    }

    /// Takes the events, the newest first.
    ///
    /// - Returns: Whether more would change anything.
    mutating func add(_ row: InsightsRow) -> Bool {
        var row = row
        for command in streaming {
            if case .dedup = command, seen.count >= Self.groupLimit || room <= 0 { return skip(row) }
            let known = seen.count
            if !Self.apply(command, to: &row, &seen) { return true }
            if case .dedup(let keys) = command, seen.count > known {
                room -= Self.size(of: keys.map { $0.value(row)?.text })
            }
        }
        matched += 1
        switch gatherer {
        case .lines:
            room -= row.size
            if room < 0, !rows.isEmpty {
                _ = skip(row)
                return false
            }
            rows.append(row)
            return rows.count < limit
        case .sorted(let keys):
            room -= row.size
            rows.append(row)
            // Those that cannot be among the lines any more go as soon as there are many.
            if rows.count >= 2 * limit { _ = drop(beyond: limit, keys) }
            while room < 0, rows.count > 1 {
                // The last of them go, and what would come after them has no place any more.
                limit = rows.count / 2
                for row in drop(beyond: limit, keys) { _ = skip(row) }
            }
            return true
        case .statistics(let statistics, let keys):
            let values = keys.map { $0.expression.value(row) }
            let key = values.map { $0?.text }
            if groups[key] == nil {
                guard groups.count < Self.groupLimit, room > 0 else { return skip(row) }
                room -= 2 * Self.size(of: key) + 512 * statistics.count
                order.append(key)
                groups[key] = Group(keys: values, accumulators: statistics.map { InsightsAccumulator($0) })
            }
            for index in statistics.indices { groups[key]?.accumulators[index].add(row, &room) }
            return true
        }
    }

    /// - Returns: What has no place any more.
    private mutating func drop(
        beyond limit: Int, _ keys: [(expression: InsightsExpression, isDescending: Bool)]
    ) -> ArraySlice<InsightsRow> {
        let sorted = Self.sorted(rows, keys)
        rows = Array(sorted.prefix(limit))
        for row in sorted.dropFirst(limit) { room += row.size }
        return sorted.dropFirst(limit)
    }

    private static func size(of key: [String?]) -> Int { key.reduce(64) { $0 + ($1?.utf8.count ?? 0) + 16 } }

    private mutating func skip(_ row: InsightsRow) -> Bool {
        skipped.events += 1
        skipped.bytes += row["@message"]?.text.utf8.count ?? 0
        return true
    }

    /// The lines that the query comes to.
    func result() -> [InsightsRow] {
        var lines: [InsightsRow]
        switch gatherer {
        case .lines: lines = rows
        case .sorted(let keys): lines = Array(Self.sorted(rows, keys).prefix(limit))
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
        for command in rest { lines = Self.apply(command, to: lines) }
        return Array(lines.prefix(limit))
    }

    private static func apply(_ command: InsightsQuery.Command, to lines: [InsightsRow]) -> [InsightsRow] {
        switch command {
        case .limit(let count): return Array(lines.prefix(count))
        case .sort(let keys): return sorted(lines, keys)
        case .stats:
            var run = InsightsRun(InsightsQuery(commands: [command]), limit: InsightsParser.lines)
            for line in lines { _ = run.add(line) }
            return run.result()
        case .fields, .display, .filter, .parse, .dedup:
            var seen: Set<[String?]> = []
            return lines.compactMap { line in
                var line = line
                return apply(command, to: &line, &seen) ? line : nil
            }
        }
    }

    /// - Returns: Whether the row goes on.
    private static func apply(
        _ command: InsightsQuery.Command, to row: inout InsightsRow, _ seen: inout Set<[String?]>
    ) -> Bool {
        switch command {
        case .fields(let fields):
            for field in fields { row.show(field.name, field.expression.value(row)) }
        case .display(let fields):
            let values = fields.map { $0.expression.value(row) }
            row.shown = []
            for (field, value) in zip(fields, values) { row.show(field.name, value) }
        case .filter(let condition): return condition.isTrue(row)
        case .parse(let source, let extraction):
            guard let text = source.value(row)?.text else { return true }
            for field in extraction.fields(in: text) { row.show(field.name, .text(field.value)) }
        case .dedup(let keys):
            let key = keys.map { $0.value(row)?.text }
            // Rows without any of the fields are not alike.
            if key.allSatisfy({ $0 == nil }) { return true }
            return seen.count < groupLimit && seen.insert(key).inserted
        case .stats, .sort, .limit: break
        }
        return true
    }

    private static func sorted(
        _ rows: [InsightsRow], _ keys: [(expression: InsightsExpression, isDescending: Bool)]
    ) -> [InsightsRow] {
        let keyed = rows.map { row in (row: row, values: keys.map { $0.expression.value(row) }) }
        return keyed.enumerated().sorted { one, other in
            for (index, key) in keys.enumerated() {
                let (left, right) = (one.element.values[index], other.element.values[index])
                if InsightsValue.isOrdered(left, right) { return !key.isDescending }
                if InsightsValue.isOrdered(right, left) { return key.isDescending }
            }
            return one.offset < other.offset
        }.map(\.element.row)
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
