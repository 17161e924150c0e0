import Foundation
import Testing

@testable import Schedules

/// Random expressions against a checker that tries minute after minute.
@Suite struct BruteForceTests {
    /// A small generator, so that a failure can be had again.
    struct Dice: RandomNumberGenerator {
        var state: UInt64

        mutating func next() -> UInt64 {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return (state ^ state >> 33) &* 0x9E37_79B9_7F4A_7C15
        }
    }

    /// What Foundation's calendar says of an instant, and what a field may look at.
    struct Moment {
        var minute, hour, day, month, weekday, year, lastDay: Int
    }

    struct Field {
        var text: String
        var matches: (Moment) -> Bool
    }

    @Test(arguments: Array(UInt64(1)...40)) func nextIsTheFirstThatMatches(_ seed: UInt64) throws {
        var dice = Dice(state: seed)
        let name = TimeZoneTests.zones.randomElement(using: &dice) ?? "UTC"
        let zone = try #require(TimeZoneRules(named: name))
        var calendar = Calendar(identifier: .gregorian)
        calendar.timeZone = try #require(TimeZone(identifier: name))
        for _ in 0..<4 {
            let fields = Self.fields(&dice)
            let text = "cron(\(fields.map(\.text).joined(separator: " ")))"
            let expression = try ScheduleExpression(text, for: .rules)
            // Often near a day on which clocks are turned.
            let start = Bool.random(using: &dice) ? Self.turned(calendar.timeZone, &dice) : Self.any(&dice)
            let found = expression.next(after: start, in: zone, start: 0)
            let minutes = 3 * 24 * 60
            let first = Self.first(after: start, minutes: minutes, calendar) { moment in
                fields.allSatisfy { $0.matches(moment) }
            }
            let isBeyond = (found ?? .max) > start + Int64(minutes) * 60 - 60
            #expect(
                first == (isBeyond ? nil : found),
                "\(text) in \(name) after \(start), found \(String(describing: found))")
        }
    }

    private static func any(_ dice: inout Dice) -> Int64 { Int64.random(in: 0..<2_000_000_000, using: &dice) }

    private static func turned(_ zone: TimeZone, _ dice: inout Dice) -> Int64 {
        let date = Date(timeIntervalSince1970: Double(any(&dice)))
        let next = zone.nextDaylightSavingTimeTransition(after: date) ?? date
        return Int64(next.timeIntervalSince1970) - Int64.random(in: -7_200...90_000, using: &dice)
    }

    /// The first minute whose time matches, and was not shown in the four hours before.
    private static func first(
        after start: Int64, minutes: Int, _ calendar: Calendar, _ matches: (Moment) -> Bool
    ) -> Int64? {
        let zone = calendar.timeZone
        for number in 1..<Int64(minutes) {
            let instant = (start / 60 + number) * 60
            let date = Date(timeIntervalSince1970: Double(instant))
            let parts = calendar.dateComponents([.minute, .hour, .day, .month, .weekday, .year], from: date)
            let lastDay = calendar.range(of: .day, in: .month, for: date)?.count ?? 0
            let moment = Moment(
                minute: parts.minute ?? 0, hour: parts.hour ?? 0, day: parts.day ?? 0, month: parts.month ?? 0,
                weekday: parts.weekday ?? 0, year: parts.year ?? 0, lastDay: lastDay)
            guard matches(moment) else { continue }
            let shown = instant + Int64(zone.secondsFromGMT(for: date))
            let isSecond = (1...240).contains { back in
                let before = instant - Int64(back) * 60
                return before + Int64(zone.secondsFromGMT(for: Date(timeIntervalSince1970: Double(before)))) == shown
            }
            if !isSecond { return instant }
        }
        return nil
    }

    // MARK: Expressions

    private static func fields(_ dice: inout Dice) -> [Field] {
        var fields = [
            field(0...59, &dice) { $0.minute }, field(0...23, &dice) { $0.hour }, Field(text: "?") { _ in true },
            Bool.random(using: &dice) ? Field(text: "*") { _ in true } : field(1...12, &dice) { $0.month },
            Field(text: "?") { _ in true }, Field(text: "*") { _ in true },
        ]
        if Bool.random(using: &dice) {
            fields[2] = ofMonth(&dice)
        } else {
            fields[4] = ofWeek(&dice)
        }
        return fields
    }

    private static func field(
        _ range: ClosedRange<Int>, _ dice: inout Dice, _ value: @escaping (Moment) -> Int
    ) -> Field {
        let (one, other) = (Int.random(in: range, using: &dice), Int.random(in: range, using: &dice))
        let (low, high) = (min(one, other), max(one, other))
        let step = Int.random(in: 1...min(7, range.upperBound), using: &dice)
        switch Int.random(in: 0..<6, using: &dice) {
        case 0: return Field(text: "*") { _ in true }
        case 1: return Field(text: "\(one),\(other)") { [one, other].contains(value($0)) }
        case 2: return Field(text: "\(low)-\(high)") { (low...high).contains(value($0)) }
        case 3: return Field(text: "*/\(step)") { (value($0) - range.lowerBound) % step == 0 }
        case 4: return Field(text: "\(low)/\(step)") { value($0) >= low && (value($0) - low) % step == 0 }
        default:
            // Beyond the end, from the beginning on.
            guard high > low else { return Field(text: "*") { _ in true } }
            return Field(text: "\(high)-\(low)") { value($0) >= high || value($0) <= low }
        }
    }

    private static func ofMonth(_ dice: inout Dice) -> Field {
        let day = Int.random(in: 1...31, using: &dice)
        /// Of a day of the moment's month.
        func weekday(_ day: Int, _ moment: Moment) -> Int { (moment.weekday - 1 + day - moment.day + 350) % 7 + 1 }
        /// Whether it is the nearest weekday to a day.
        func isNearest(_ day: Int, _ moment: Moment) -> Bool {
            guard day <= moment.lastDay else { return false }
            // On Saturdays Friday is nearest, on Sundays Monday; then those that are two days off.
            let candidates = [day, weekday(day, moment) == 7 ? day - 1 : day + 1, day - 2, day + 2]
            let nearest = candidates.first {
                (1...moment.lastDay).contains($0) && (2...6).contains(weekday($0, moment))
            }
            return nearest == moment.day
        }
        switch Int.random(in: 0..<5, using: &dice) {
        case 0: return Field(text: "L") { $0.day == $0.lastDay }
        case 1: return Field(text: "\(day)W") { isNearest(day, $0) }
        case 2: return Field(text: "LW") { isNearest($0.lastDay, $0) }
        default: return field(1...31, &dice) { $0.day }
        }
    }

    private static func ofWeek(_ dice: inout Dice) -> Field {
        let names = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"]
        let weekday = Int.random(in: 1...7, using: &dice)
        let number = Int.random(in: 1...5, using: &dice)
        let text = Bool.random(using: &dice) ? names[weekday - 1] : "\(weekday)"
        switch Int.random(in: 0..<6, using: &dice) {
        case 0: return Field(text: text) { $0.weekday == weekday }
        case 1: return Field(text: "\(text)L") { $0.weekday == weekday && $0.day + 7 > $0.lastDay }
        case 2: return Field(text: "\(text)#\(number)") { $0.weekday == weekday && ($0.day - 1) / 7 + 1 == number }
        case 3: return Field(text: "L") { $0.weekday == 7 }
        default: return field(1...7, &dice) { $0.weekday }
        }
    }
}
