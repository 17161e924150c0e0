import Foundation
import Testing

@testable import Schedules

/// The system's zones.
@Suite struct TimeZoneTests {
    static let zones = [
        "Europe/Berlin", "America/New_York", "America/St_Johns", "Australia/Lord_Howe", "Asia/Kolkata",
        "Asia/Kathmandu", "Pacific/Apia", "Europe/Dublin", "America/Sao_Paulo", "Africa/Johannesburg", "Etc/GMT+5",
    ]

    /// Foundation has data and rules of its own.
    @Test(arguments: zones) func offsetsAreThoseOfFoundation(_ name: String) throws {
        let zone = try #require(TimeZoneRules(named: name))
        let theirs = try #require(TimeZone(identifier: name))
        for seconds in stride(from: Int64(0), to: 2_100_000_000, by: 1_234_577) {
            let date = Date(timeIntervalSince1970: Double(seconds))
            #expect(zone.offset(at: seconds) == Int64(theirs.secondsFromGMT(for: date)), "\(seconds)")
        }
    }

    /// The rule of a zone says the same as its table, where there is both.
    @Test func rulesContinueTables() throws {
        let rule = try #require(TimeZoneRule("EST5EDT,M3.2.0,M11.1.0")).transitions(from: 2008, through: 2036)
        let zone = try #require(TimeZoneRules(named: "America/New_York"))
        for transition in rule {
            #expect(zone.offset(at: transition.instant) == transition.offset)
            #expect(zone.offset(at: transition.instant - 1) != transition.offset)
        }
    }

    @Test func rulesAreRead() throws {
        let fixed = try #require(TimeZoneRule("<+0330>-3:30")).transitions(from: 2000, through: 2001)
        #expect(fixed.map(\.offset) == [12_600])
        // Day 60 is 1 March, in leap years too; day 59 counted from 0 is then 29 February.
        for (text, day) in [("AAA0BBB,J60/0,J300", "2028-03-01"), ("AAA0BBB,59/0,300", "2028-02-29")] {
            let transitions = try #require(TimeZoneRule(Substring(text))).transitions(from: 2028, through: 2028)
            #expect(CivilTime(seconds: transitions[0].instant).text == "\(day)T00:00:00")
            #expect(transitions.map(\.offset) == [3_600, 0])
        }
        for text in ["", "A0", "AAA", "AAA0BBB", "AAA0BBB,M3.2.0", "AAA0BBB,M13.1.0,M1.1.0", "<AAA0", "AAA0BBB,J0,J1"] {
            #expect(TimeZoneRule(Substring(text)) == nil, "\(text)")
        }
    }

    @Test(arguments: [
        "", "/", "Mars/Olympus", "../../etc/passwd", "Europe", "Europe/", "Europe/../UTC", "/usr/share/zoneinfo/UTC",
        "tzdata.zi", "zone.tab", "right/UTC", "posix/UTC", "europe berlin", "Europe//Berlin",
    ])
    func isNoZone(_ name: String) { #expect(TimeZoneRules(named: name) == nil) }

    @Test func filesThatAreCutAreNone() throws {
        let path = "/usr/share/zoneinfo/Europe/Berlin"
        let bytes = Array(try #require(FileManager.default.contents(atPath: path)))
        #expect(TimeZoneFile.read(bytes) == TimeZoneRules(named: "Europe/Berlin"))
        let newline = try #require(bytes.dropLast().lastIndex(of: UInt8(ascii: "\n")))
        for count in 0...newline { #expect(TimeZoneFile.read(Array(bytes.prefix(count))) == nil, "\(count)") }
    }
}
