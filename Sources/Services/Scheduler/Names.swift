import AWSWire
import Delivery

/// What a group is known by.
struct GroupID: Sendable, Hashable {
    /// The group that is there from the first, and always.
    static let standard = "default"

    /// Twelve digits.
    var account: String
    var region: String
    var name: String

    var arn: String { arn("schedule-group/\(name)") }

    fileprivate func arn(_ resource: String) -> String {
        ARN(
            partition: ARN.partition(of: region), service: "scheduler", region: region, account: account,
            resource: resource
        ).description
    }

    init(account: String, region: String, name: String) {
        self.account = account
        self.region = region
        self.name = name
    }

    /// - Returns: nil for what is no group's ARN.
    init?(arn text: String) {
        let prefix = "schedule-group/"
        guard let arn = ARN(text), arn.service == "scheduler", arn.resource.hasPrefix(prefix) else { return nil }
        self.init(account: arn.account, region: arn.region, name: String(arn.resource.dropFirst(prefix.count)))
    }
}

/// What a schedule is known by.
struct ScheduleID: Sendable, Hashable {
    var group: GroupID
    var name: String

    var arn: String { group.arn("schedule/\(group.name)/\(name)") }

    /// Its place in the timetable. Neither name has a slash.
    var key: Appointment.Key {
        Appointment.Key(
            account: group.account, region: group.region, owner: SchedulerService.owner, name: "\(group.name)/\(name)")
    }

    init(group: GroupID, name: String) {
        self.group = group
        self.name = name
    }

    init?(_ key: Appointment.Key) {
        let names = key.name.split(separator: "/").map(String.init)
        guard names.count == 2 else { return nil }
        self.init(group: GroupID(account: key.account, region: key.region, name: names[0]), name: names[1])
    }
}
