/// When clocks are turned in all years to come, as POSIX writes it: `CET-1CEST,M3.5.0,M10.5.0/3`.
struct TimeZoneRule {
    /// A day and a time on it.
    private enum Date {
        /// The nth of a weekday (0 is Sunday) in a month; the fifth is the last.
        case weekday(month: Int, week: Int, weekday: Int, time: Int64)
        /// 1 to 365; the day of leap years is not counted.
        case fixed(day: Int, time: Int64)
        /// 0 to 365.
        case counted(day: Int, time: Int64)

        /// Seconds since 1970 on clocks of the place.
        func shown(in year: Int) -> Int64 {
            switch self {
            case .weekday(let month, let week, let weekday, let time):
                let first = CivilTime.weekday(year, month, 1) - 1
                let day = (weekday - first + 7) % 7 + 1 + 7 * (week - 1)
                let last = CivilTime.days(in: month, of: year)
                return CivilTime(year: year, month: month, day: day > last ? day - 7 : day).seconds + time
            case .fixed(let day, let time):
                let leap = CivilTime.isLeap(year) && day >= 60 ? 1 : 0
                return CivilTime(year: year, month: 1, day: 1).seconds + Int64(day - 1 + leap) * 86_400 + time
            case .counted(let day, let time):
                return CivilTime(year: year, month: 1, day: 1).seconds + Int64(day) * 86_400 + time
            }
        }
    }

    private var standard: Int64
    private var summer: (offset: Int64, begins: Date, ends: Date)?

    /// - Returns: nil for what is no rule.
    init?(_ text: Substring) {
        var scanner = Scanner(rest: text)
        guard scanner.name(), let west = scanner.time() else { return nil }
        standard = -west
        if scanner.rest.isEmpty { return }
        guard scanner.name() else { return nil }
        var offset = standard + 3_600
        if scanner.rest.first != "," {
            guard let west = scanner.time() else { return nil }
            offset = -west
        }
        guard scanner.take(","), let begins = Self.date(&scanner), scanner.take(","), let ends = Self.date(&scanner),
            scanner.rest.isEmpty
        else { return nil }
        summer = (offset, begins, ends)
    }

    func transitions(from first: Int, through last: Int) -> [TimeZoneRules.Transition] {
        guard let summer else { return [TimeZoneRules.Transition(instant: .min + 1, offset: standard)] }
        return (first...last).flatMap { year in
            [
                TimeZoneRules.Transition(instant: summer.begins.shown(in: year) - standard, offset: summer.offset),
                TimeZoneRules.Transition(instant: summer.ends.shown(in: year) - summer.offset, offset: standard),
            ]
        }.sorted { $0.instant < $1.instant }
    }

    private static func date(_ scanner: inout Scanner) -> Date? {
        var numbers: [Int] = []
        let isWeekday = scanner.take("M")
        let isFixed = !isWeekday && scanner.take("J")
        repeat {
            guard let number = scanner.number(digits: 3) else { return nil }
            numbers.append(number)
        } while isWeekday && scanner.take(".")
        var time: Int64 = 7_200
        if scanner.take("/") {
            guard let given = scanner.time() else { return nil }
            time = given
        }
        if isWeekday {
            guard numbers.count == 3, (1...12).contains(numbers[0]), (1...5).contains(numbers[1]),
                (0...6).contains(numbers[2])
            else { return nil }
            return .weekday(month: numbers[0], week: numbers[1], weekday: numbers[2], time: time)
        }
        guard (isFixed ? 1...365 : 0...365).contains(numbers[0]) else { return nil }
        return isFixed ? .fixed(day: numbers[0], time: time) : .counted(day: numbers[0], time: time)
    }

    private struct Scanner {
        var rest: Substring

        mutating func take(_ character: Character) -> Bool {
            guard rest.first == character else { return false }
            rest.removeFirst()
            return true
        }

        /// Letters, or anything in angle brackets.
        mutating func name() -> Bool {
            if take("<") {
                guard let end = rest.firstIndex(of: ">") else { return false }
                rest = rest[rest.index(after: end)...]
                return true
            }
            let letters = rest.prefix { $0.isLetter }
            rest = rest[letters.endIndex...]
            return letters.count >= 3
        }

        mutating func number(digits: Int) -> Int? {
            let text = rest.prefix { ("0"..."9").contains($0) }
            guard !text.isEmpty, text.count <= digits else { return nil }
            rest = rest[text.endIndex...]
            return Int(text)
        }

        /// `h`, `h:mm` or `h:mm:ss`, with a sign or without, in seconds.
        mutating func time() -> Int64? {
            let isNegative = take("-")
            if !isNegative { _ = take("+") }
            guard let hours = number(digits: 3) else { return nil }
            var seconds = hours * 3_600
            for unit in [60, 1] where take(":") {
                guard let more = number(digits: 2) else { return nil }
                seconds += more * unit
            }
            return Int64(isNegative ? -seconds : seconds)
        }
    }
}
