import Testing

@testable import Schedules

/// What goes, and what follows, when somebody looks late.
@Suite struct TimesTests {
    private static let minutes = ScheduleTimes(.rate(seconds: 60), anchor: 0)

    @Test func inTimeItGoesAndTheNextFollows() {
        let (time, next) = Self.minutes.keep(120, lateness: 0, now: 120, maximumAge: 3_600)
        #expect(time == 120 && next == 180)
    }

    @Test func whatWasMissedGoesOnce() {
        let (time, next) = Self.minutes.keep(120, lateness: 1_010, now: 1_130, maximumAge: 3_600)
        #expect(time == 120 && next == 1_140)
    }

    @Test func whatIsTooOldGivesWayToTheFirstThatIsNot() {
        let (time, next) = Self.minutes.keep(120, lateness: 1_010, now: 1_130, maximumAge: 100)
        #expect(time == 1_080 && next == 1_140)
        let (none, later) = Self.minutes.keep(120, lateness: 1_010, now: 1_130, maximumAge: 10)
        #expect(none == nil && later == 1_140)
    }

    @Test func nothingFollowsTheEnd() {
        var times = Self.minutes
        times.end = 170
        let (time, next) = times.keep(120, lateness: 0, now: 120, maximumAge: 60)
        #expect(time == 120 && next == nil)
        let (none, never) = times.keep(120, lateness: 1_000, now: 1_120, maximumAge: 60)
        #expect(none == nil && never == nil)
    }

    /// Windows overlap: each time has its own.
    @Test func aWindowThatIsOpenIsUsed() {
        var times = Self.minutes
        times.window = 600
        let (time, next) = times.keep(120, lateness: 0, now: 600, maximumAge: 60)
        #expect(time == 120 && next == 180)
        let (late, following) = times.keep(120, lateness: 30, now: 900, maximumAge: 60)
        #expect(late == 120 && following == 300)
    }
}
