import Testing

@testable import Schedules

/// What is an expression, and what AWS says of what is none.
@Suite struct ExpressionTests {
    /// As EventBridge and Scheduler answered them in LocalStack's recordings (tests/aws/services/events/
    /// test_events_schedule.py, tests/aws/services/scheduler/test_scheduler.py).
    @Test(arguments: [
        "rate(10 seconds)", "rate(10 years)", "rate()", "rate(10)", "rate(10 minutess)", "rate(foo minutes)",
        "rate(0 minutes)", "rate(-10 minutes)", "rate(10 MINUTES)", "rate( 10 minutes )", " rate(10 minutes)",
        "cron(0 1 * * * *)", "cron(7 20 * * NOT *)", "cron(INVALID)", "cron(0 dummy ? * MON-FRI *)",
        "cron(71 8 1 * ? *)", "cron()", "at(2021-12-31T23:59:59Z)", "at(2021-12-31)",
    ])
    func neitherServiceTakes(_ text: String) {
        #expect(message(text, .rules) == "Parameter ScheduleExpression is not valid.")
        #expect(message(text, .scheduler) == "Invalid Schedule Expression \(text).")
    }

    /// `cron(*/60 …)`: https://github.com/aws/aws-sdk-js/issues/4212
    @Test(arguments: [
        "", "(", ")", "cron(* * * * ? *", "cron (* * * * ? *)", "rate(1  minute)", "rate(1 minute )", "rate(1.5 hours)",
        "rate(1000000000 days)", "rate(+1 minute)", "cron(* * * * ?)", "cron(* * * * ? * *)", "cron(* * ? * ? *)",
        "cron(*/60 * * * ? *)", "cron(*/0 * * * ? *)", "cron(1- * * * ? *)", "cron(-1 * * * ? *)", "cron(1, * * * ? *)",
        "cron(60 * * * ? *)", "cron(* 24 * * ? *)", "cron(* * 0 * ? *)", "cron(* * 32 * ? *)", "cron(* * * 0 ? *)",
        "cron(* * * 13 ? *)", "cron(* * ? * 0 *)", "cron(* * ? * 8 *)", "cron(* * * * ? 1969)", "cron(* * * * ? 2200)",
        "cron(* * * * ? 2030-2020)", "cron(* * 0W * ? *)", "cron(* * W * ? *)", "cron(* * 1W,2 * ? *)",
        "cron(* * ? * 3#6 *)", "cron(* * ? * 3#1,6#3 *)", "cron(* * ? * 3#0 *)", "cron(* * L-1 * ? *)",
        "cron(? * * * ? *)", "cron(* * * JANU ? *)", "cron(* * * * ? ?)", "cron(1/2/3 * * * ? *)",
        "cron(1-2-3 * * * ? *)", "at(2021-02-29T00:00:00)", "at(2021-13-01T00:00:00)", "at(2021-12-31T24:00:00)",
        "at(2021-12-31 00:00:00)", "at()", "AT(2021-12-31T00:00:00)",
    ])
    func isNone(_ text: String) {
        #expect(message(text, .rules) != nil)
        #expect(message(text, .scheduler) != nil)
    }

    /// What only one of them takes, in the same recordings and the Terraform provider's tests (`rate(1 hours)`).
    @Test func dialectsDiffer() throws {
        for text in [
            "rate(1 minutes)", "rate(1 hours)", "rate(1 days)", "rate(10 minute)", "rate(10 hour)", "rate(10 day)",
            "at(2022-12-31T23:59:59)",
        ] {
            #expect(message(text, .rules) == "Parameter ScheduleExpression is not valid.")
            #expect(message(text, .scheduler) == nil)
        }
    }

    @Test(arguments: [
        "rate(1 minute)", "rate(5 minutes)", "rate(1 hour)", "rate(12 hours)", "rate(1 day)", "rate(365 days)",
        "cron(0 10 * * ? *)", "cron(15 12 * * ? *)", "cron(0 18 ? * MON-FRI *)", "cron(0 8 1 * ? *)",
        "cron(0/10 * ? * MON-FRI *)", "cron(0/5 8-17 ? * MON-FRI *)", "cron(0/30 20-2 ? * MON-FRI *)",
        "cron(0-15/1 8-8 ? * 2,3,4,5,6,7 *)", "cron(30-30 13-13 ? * 2,4,6 *)", "cron(1-31/30 1-1 ? * 1,7 *)",
        "cron(0 9 ? * 2#1 *)", "cron(0 0 L * ? *)", "cron(0 0 LW * ? *)", "cron(0 0 15W 1,JUL ? 2020-2030/2)",
        "cron(0 0 ? * fri#5 *)", "cron(0 0 ? * 6L *)", "cron(0 0 ? * L *)", "cron(0 0 ? * * *)",
    ])
    func bothTake(_ text: String) {
        #expect(message(text, .rules) == nil)
        #expect(message(text, .scheduler) == nil)
    }

    @Test func whatIsLongIsNone() {
        let fields = Array(repeating: "1", count: 200).joined(separator: ",")
        #expect(message("cron(\(fields) * * * ? *)", .scheduler) != nil)
    }

    @Test func timesAreTheirTexts() {
        for text in ["1970-01-01T00:00:00", "2024-02-29T23:59:59", "2100-03-01T00:00:00", "1969-12-31T12:00:00"] {
            let time = CivilTime(text: text)
            #expect(time?.text == text)
            #expect(time.map { CivilTime(seconds: $0.seconds) } == time)
        }
        // https://www.unixtimestamp.com: 2001-09-09T01:46:40Z is a billion seconds.
        #expect(CivilTime(seconds: 1_000_000_000).text == "2001-09-09T01:46:40")
        for days in stride(from: -800_002, through: 800_002, by: 7) {
            let time = CivilTime(seconds: Int64(days) * 86_400)
            #expect(time.seconds == Int64(days) * 86_400)
            // 1970-01-01 was a Thursday.
            #expect(CivilTime.weekday(time.year, time.month, time.day) == 5)
        }
    }

    private func message(_ text: String, _ dialect: ScheduleExpression.Dialect) -> String? {
        do throws(InvalidSchedule) {
            _ = try ScheduleExpression(text, for: dialect)
            return nil
        } catch {
            return error.message
        }
    }
}
