import Schedules

extension FuzzTarget {
    /// An expression, a zero and a zone. When it comes is told at once, and is the same however one asks.
    static let schedule = FuzzTarget("schedule") { input in
        let parts = input.split(separator: 0, maxSplits: 1, omittingEmptySubsequences: false)
        let text = String(decoding: parts[0], as: UTF8.self)
        let rule = try? ScheduleExpression(text, for: .rules)
        guard let expression = try? ScheduleExpression(text, for: .scheduler) else {
            try hold(rule == nil, "\(text) is for rules only")
            return
        }
        try hold(rule == nil || rule == expression, "\(text) means two things")
        let name = parts.count == 2 ? String(decoding: parts[1], as: UTF8.self) : "Europe/Berlin"
        let zone = TimeZoneRules(named: name) ?? .utc
        var instant: Int64 = 1_790_000_000
        for _ in 0..<8 {
            guard let next = expression.next(after: instant, in: zone, start: 1_790_000_001) else { return }
            try hold(next > instant, "\(text) comes at \(next), before \(instant)")
            let again = expression.next(after: next - 1, in: zone, start: 1_790_000_001)
            try hold(again == next, "\(text) comes at \(next) or at \(again ?? 0)")
            instant = next
        }
    }
}
