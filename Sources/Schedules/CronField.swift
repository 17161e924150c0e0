/// One field of a cron expression: which of its values it has.
struct CronField: Sendable, Hashable {
    /// What a field may say.
    struct Domain: Sendable {
        var values: ClosedRange<Int>
        /// Of the values, in their order.
        var names: [String] = []
        /// Whether what comes after the last value is the first one: `22-2`, `FRI-MON`.
        var isCyclic = true

        static let minutes = Domain(values: 0...59)
        static let hours = Domain(values: 0...23)
        static let days = Domain(values: 1...31)
        static let months = Domain(
            values: 1...12,
            names: ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"])
        static let weekdays = Domain(values: 1...7, names: ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"])
        static let years = Domain(values: 1970...2199, isCyclic: false)

        /// A number, or a name in any case.
        func value(_ text: Substring) -> Int? {
            if let place = names.firstIndex(of: text.uppercased()) { return values.lowerBound + place }
            guard (1...4).contains(text.utf8.count), text.utf8.allSatisfy({ (0x30...0x39).contains($0) }),
                let number = Int(text), values.contains(number)
            else { return nil }
            return number
        }
    }

    /// In ascending order.
    private(set) var values: [Int]

    /// - Returns: nil for what is no list of values, ranges and steps.
    init?(_ text: Substring, _ domain: Domain) {
        var chosen = Set<Int>()
        for part in text.split(separator: ",", omittingEmptySubsequences: false) {
            guard let values = Self.part(part, domain) else { return nil }
            chosen.formUnion(values)
        }
        values = chosen.sorted()
    }

    /// `*`, `5`, `5-8`, and these with a step: `*/15`, `5/15`, `5-8/2`.
    private static func part(_ text: Substring, _ domain: Domain) -> [Int]? {
        let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        var step = 1
        if parts.count == 2 {
            let largest = domain.isCyclic ? domain.values.upperBound : domain.values.count
            guard parts[1].utf8.count <= 4, parts[1].utf8.allSatisfy({ (0x30...0x39).contains($0) }),
                let number = Int(parts[1]), (1...largest).contains(number)
            else { return nil }
            step = number
        }
        if parts[0] == "*" {
            return Array(stride(from: domain.values.lowerBound, through: domain.values.upperBound, by: step))
        }
        let ends = parts[0].split(separator: "-", maxSplits: 1, omittingEmptySubsequences: false)
        guard let first = domain.value(ends[0]) else { return nil }
        if ends.count == 1 {
            let last = parts.count == 2 ? domain.values.upperBound : first
            return Array(stride(from: first, through: last, by: step))
        }
        guard let last = domain.value(ends[1]), first <= last || domain.isCyclic else { return nil }
        let size = domain.values.count
        return stride(from: first, through: first <= last ? last : last + size, by: step).map { value in
            value > domain.values.upperBound ? value - size : value
        }
    }

    func contains(_ value: Int) -> Bool { values.contains(value) }

    /// The least value that is at least that.
    func first(from value: Int) -> Int? { values.first { $0 >= value } }
}

/// Which days of a month it is: of the fields for days of the month and of the week, the one that is not `?`.
enum CronDays: Sendable, Hashable {
    case ofMonth(CronField)
    /// `L`.
    case last
    /// `LW`: the last that is from Monday to Friday.
    case lastWeekday
    /// `15W`: the one from Monday to Friday that is nearest to that day, in the same month.
    case weekday(nearest: Int)
    case ofWeek(CronField)
    /// `6L`: the last Friday.
    case lastOf(weekday: Int)
    /// `6#3`: the third Friday.
    case nth(Int, weekday: Int)

    /// - Returns: nil unless exactly one of the fields is `?`, and the other one says something.
    init?(ofMonth: Substring, ofWeek: Substring) {
        switch (ofMonth == "?", ofWeek == "?") {
        case (false, true): self.init(ofMonth: ofMonth)
        case (true, false): self.init(ofWeek: ofWeek)
        default: return nil
        }
    }

    private init?(ofMonth text: Substring) {
        switch text {
        case "L": self = .last
        case "LW": self = .lastWeekday
        default:
            if text.hasSuffix("W") {
                guard let day = CronField.Domain.days.value(text.dropLast()) else { return nil }
                self = .weekday(nearest: day)
            } else {
                guard let field = CronField(text, .days) else { return nil }
                self = .ofMonth(field)
            }
        }
    }

    private init?(ofWeek text: Substring) {
        let weekdays = CronField.Domain.weekdays
        if text == "L" {
            self = .ofWeek(CronField(weekday: weekdays.values.upperBound))
        } else if text.hasSuffix("L"), let weekday = weekdays.value(text.dropLast()) {
            self = .lastOf(weekday: weekday)
        } else if text.contains("#") {
            let parts = text.split(separator: "#", omittingEmptySubsequences: false)
            guard parts.count == 2, let weekday = weekdays.value(parts[0]),
                let number = ["1", "2", "3", "4", "5"].firstIndex(of: parts[1])
            else { return nil }
            self = .nth(number + 1, weekday: weekday)
        } else {
            guard let field = CronField(text, weekdays) else { return nil }
            self = .ofWeek(field)
        }
    }

    /// The days of a month, in ascending order.
    func days(in month: Int, of year: Int) -> [Int] {
        let count = CivilTime.days(in: month, of: year)
        let first = CivilTime.weekday(year, month, 1)
        /// Of a day of this month.
        func weekday(_ day: Int) -> Int { (first + day - 2) % 7 + 1 }
        /// The first of this month that is that weekday.
        func firstOf(_ weekday: Int) -> Int { (weekday - first + 7) % 7 + 1 }

        switch self {
        case .ofMonth(let field): return field.values.filter { $0 <= count }
        case .last: return [count]
        case .lastWeekday: return [Self.nearest(to: count, of: count, weekday(count))]
        case .weekday(let day): return day <= count ? [Self.nearest(to: day, of: count, weekday(day))] : []
        case .ofWeek(let field): return (1...count).filter { field.contains(weekday($0)) }
        case .lastOf(let weekday): return [stride(from: firstOf(weekday), through: count, by: 7).max() ?? count]
        case .nth(let number, let weekday):
            let day = firstOf(weekday) + 7 * (number - 1)
            return day <= count ? [day] : []
        }
    }

    /// Saturdays go back to Friday and Sundays on to Monday, or the other way at the ends of a month.
    private static func nearest(to day: Int, of count: Int, _ weekday: Int) -> Int {
        switch weekday {
        case 7: day > 1 ? day - 1 : day + 2
        case 1: day < count ? day + 1 : day - 2
        default: day
        }
    }
}

extension CronField {
    fileprivate init(weekday: Int) { values = [weekday] }
}
