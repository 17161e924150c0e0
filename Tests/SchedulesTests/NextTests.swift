import Testing

@testable import Schedules

/// When expressions come.
@Suite struct NextTests {
    /// Worked out with a calendar.
    @Test func cronComes() throws {
        #expect(
            try times("cron(0 12 * * ? *)", after: "2026-11-28T12:00:00", 2) == [
                "2026-11-29T12:00:00", "2026-11-30T12:00:00",
            ])
        #expect(
            try times("cron(0/25 23 ? * FRI-MON *)", after: "2026-11-30T23:24:59", 4) == [
                "2026-11-30T23:25:00", "2026-11-30T23:50:00", "2026-12-04T23:00:00", "2026-12-04T23:25:00",
            ])
        #expect(
            try times("cron(0 0 L * ? *)", after: "2027-12-31T00:00:00", 3) == [
                "2028-01-31T00:00:00", "2028-02-29T00:00:00", "2028-03-31T00:00:00",
            ])
        // 1 August 2026 is a Saturday, 31 October 2026 too; 1 November is a Sunday.
        #expect(
            try times("cron(0 0 1W * ? *)", after: "2026-07-31T00:00:00", 4) == [
                "2026-08-03T00:00:00", "2026-09-01T00:00:00", "2026-10-01T00:00:00", "2026-11-02T00:00:00",
            ])
        #expect(try times("cron(0 0 31W 10 ? *)", after: "2026-07-31T00:00:00", 1) == ["2026-10-30T00:00:00"])
        #expect(try times("cron(0 0 LW 10 ? *)", after: "2026-07-31T00:00:00", 1) == ["2026-10-30T00:00:00"])
        #expect(
            try times("cron(0 0 ? * 1#5 *)", after: "2026-10-01T00:00:00", 2) == [
                "2026-11-29T00:00:00", "2027-01-31T00:00:00",
            ])
        #expect(
            try times("cron(0 0 ? 2 6L *)", after: "2026-01-01T00:00:00", 2) == [
                "2026-02-27T00:00:00", "2027-02-26T00:00:00",
            ])
        #expect(try times("cron(0 0 ? * L *)", after: "2026-11-26T00:00:00", 1) == ["2026-11-28T00:00:00"])
        #expect(try times("cron(0 0 1 1 ? 2199)", after: "2026-11-26T00:00:00", 2) == ["2199-01-01T00:00:00"])
        #expect(try times("cron(0 0 1 1 ? *)", after: "1912-11-26T00:00:00", 1) == ["1970-01-01T00:00:00"])
    }

    /// They look at a month once at most: what never comes is told without a walk through all minutes of centuries.
    @Test func whatNeverComesIsKnown() throws {
        for text in [
            "cron(0 0 30 2 ? *)", "cron(0 0 31 4,6,9,11 ? *)", "cron(* * * * ? 2020)", "cron(0 0 ? 2 1#5 2025-2027)",
            "cron(0 0 30W 2 ? *)",
        ] {
            #expect(try times(text, after: "2026-11-28T00:00:00", 1) == [])
        }
        // In New York this is always in the hour that clocks leave out, from 2007 on.
        #expect(try times("cron(30 2 ? 3 1#2 *)", in: "America/New_York", after: "2026-11-28T00:00:00", 1) == [])
    }

    @Test func ratesComeFromTheirStartOn() throws {
        let rate = try ScheduleExpression("rate(5 minutes)", for: .scheduler)
        #expect(rate.next(after: 0, in: .utc, start: 1_000) == 1_000)
        #expect(rate.next(after: 1_000, in: .utc, start: 1_000) == 1_300)
        #expect(rate.next(after: 1_299, in: .utc, start: 1_000) == 1_300)
        #expect(rate.next(after: 1_300, in: .utc, start: 1_000) == 1_600)
        #expect(rate.next(after: 1_000_000_000, in: .utc, start: 1_000) == 1_000_000_300)
        let long = try ScheduleExpression("rate(999999999 days)", for: .scheduler)
        let later: Int64 = 86_399_999_914_600
        #expect(long.next(after: 1_000, in: .utc, start: 1_000) == later)
        #expect(long.next(after: later, in: .utc, start: 1_000) == later + 86_399_999_913_600)
    }

    // MARK: Zones

    /// https://docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html#daylist-savings-time: what falls on a
    /// time that does not exist is left out, what clocks show twice comes once.
    @Test func clocksAreTurned() throws {
        // On 29 March 2026, 2 becomes 3 in Berlin: 1:00 UTC.
        #expect(
            try times("cron(30 2 * * ? *)", in: "Europe/Berlin", after: "2026-03-28T00:00:00", 2) == [
                "2026-03-28T01:30:00", "2026-03-30T00:30:00",
            ])
        // On 25 October 2026, 3 becomes 2: 1:00 UTC.
        #expect(
            try times("cron(30 2 * * ? *)", in: "Europe/Berlin", after: "2026-10-24T00:00:00", 3) == [
                "2026-10-24T00:30:00", "2026-10-25T00:30:00", "2026-10-26T01:30:00",
            ])
        #expect(
            try times("cron(0/20 * * * ? *)", in: "Europe/Berlin", after: "2026-10-25T00:10:00", 3) == [
                "2026-10-25T00:20:00", "2026-10-25T00:40:00", "2026-10-25T02:00:00",
            ])
        #expect(
            try times("cron(0/20 * * * ? *)", in: "Europe/Berlin", after: "2026-10-25T01:10:00", 1) == [
                "2026-10-25T02:00:00"
            ])
        #expect(
            try times("cron(0/20 * * * ? *)", in: "Europe/Berlin", after: "2026-03-29T00:40:00", 2) == [
                "2026-03-29T01:00:00", "2026-03-29T01:20:00",
            ])
        // Samoa had no 30 December 2011.
        #expect(
            try times("cron(0 12 * * ? *)", in: "Pacific/Apia", after: "2011-12-29T00:00:00", 2) == [
                "2011-12-29T22:00:00", "2011-12-30T22:00:00",
            ])
        // Clocks on Lord Howe are turned by half an hour, in 2060 as the rule for all years says.
        #expect(
            try times("cron(45 1 4 4 ? *)", in: "Australia/Lord_Howe", after: "2060-04-01T00:00:00", 1) == [
                "2060-04-03T14:45:00"
            ])
    }

    @Test func onceIsOnce() throws {
        #expect(try times("at(2026-07-01T12:00:00)", after: "2026-06-30T00:00:00", 2) == ["2026-07-01T12:00:00"])
        #expect(
            try times("at(2026-07-01T12:00:00)", in: "Asia/Kolkata", after: "2026-06-30T00:00:00", 2) == [
                "2026-07-01T06:30:00"
            ])
        #expect(try times("at(2026-07-01T12:00:00)", after: "2026-07-01T12:00:00", 1) == [])
        #expect(try times("at(2026-03-29T02:30:00)", in: "Europe/Berlin", after: "2026-01-01T00:00:00", 1) == [])
        #expect(
            try times("at(2026-10-25T02:30:00)", in: "Europe/Berlin", after: "2026-01-01T00:00:00", 2) == [
                "2026-10-25T00:30:00"
            ])
    }

    private func times(_ text: String, in zone: String = "UTC", after: String, _ count: Int) throws -> [String] {
        let expression = try ScheduleExpression(text, for: .scheduler)
        let zone = try #require(TimeZoneRules(named: zone))
        var instant = try #require(CivilTime(text: after)).seconds
        var times: [String] = []
        while times.count < count, let next = expression.next(after: instant, in: zone, start: 0) {
            times.append(CivilTime(seconds: next).text)
            instant = next
        }
        return times
    }
}
