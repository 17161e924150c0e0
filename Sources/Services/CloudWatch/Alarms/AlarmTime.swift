import AWSWire

/// Points in time, as alarms write them.
enum AlarmTime {
    /// `2026-11-28T06:00:00.000+0000`.
    ///
    /// - Parameter milliseconds: Since 1970, as in all of these.
    static func text(_ milliseconds: Int64) -> String {
        let time = SigV4Time(secondsSince1970: milliseconds / 1_000)
        let fraction = String(1_000 + milliseconds % 1_000).dropFirst()
        return "\(time.extended.dropLast()).\(fraction)+0000"
    }

    /// `28/11/26 06:00:00`, month first: what reasons have behind values.
    static func short(seconds: Int64) -> String {
        // 2026-11-28T06:00:00Z
        let text = Array(SigV4Time(secondsSince1970: seconds).extended)
        func part(_ range: Range<Int>) -> String { String(text[range]) }
        return "\(part(5..<7))/\(part(8..<10))/\(part(2..<4)) \(part(11..<19))"
    }

    /// `Saturday 28 November, 2026 06:00:00 UTC`: what reasons of composite alarms have.
    static func spelled(_ milliseconds: Int64) -> String {
        let time = SigV4Time(secondsSince1970: milliseconds / 1_000)
        let text = Array(time.extended)
        let month = Int(String(text[5..<7])) ?? 1
        // 1970 began on a Thursday.
        let day = Int((milliseconds / 86_400_000 + 4) % 7)
        return "\(days[day]) \(String(text[8..<10])) \(months[month - 1]), \(String(text[0..<4])) "
            + "\(String(text[11..<19])) UTC"
    }

    private static let days = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"]
    private static let months = [
        "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
        "December",
    ]
}

/// What regions are called in messages to people.
///
/// https://docs.aws.amazon.com/general/latest/gr/rande.html
enum RegionNames {
    static func name(_ region: String) -> String { names[region] ?? region }

    private static let names = [
        "us-east-1": "US East (N. Virginia)", "us-east-2": "US East (Ohio)", "us-west-1": "US West (N. California)",
        "us-west-2": "US West (Oregon)", "af-south-1": "Africa (Cape Town)", "ap-east-1": "Asia Pacific (Hong Kong)",
        "ap-south-1": "Asia Pacific (Mumbai)", "ap-south-2": "Asia Pacific (Hyderabad)",
        "ap-southeast-1": "Asia Pacific (Singapore)", "ap-southeast-2": "Asia Pacific (Sydney)",
        "ap-southeast-3": "Asia Pacific (Jakarta)", "ap-southeast-4": "Asia Pacific (Melbourne)",
        "ap-northeast-1": "Asia Pacific (Tokyo)", "ap-northeast-2": "Asia Pacific (Seoul)",
        "ap-northeast-3": "Asia Pacific (Osaka)", "ca-central-1": "Canada (Central)",
        "ca-west-1": "Canada West (Calgary)", "eu-central-1": "EU (Frankfurt)", "eu-central-2": "Europe (Zurich)",
        "eu-west-1": "EU (Ireland)", "eu-west-2": "EU (London)", "eu-west-3": "EU (Paris)",
        "eu-north-1": "EU (Stockholm)", "eu-south-1": "EU (Milan)", "eu-south-2": "Europe (Spain)",
        "il-central-1": "Israel (Tel Aviv)", "me-central-1": "Middle East (UAE)", "me-south-1": "Middle East (Bahrain)",
        "sa-east-1": "South America (Sao Paulo)",
    ]
}
