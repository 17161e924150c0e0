import AWSWire
import Delivery
import Identity
import NIOCore
import Schedules
import Storage

/// What happens when a schedule comes: its parcel and its next time are one commit.
struct Firing: TimetableOwner {
    func keep(
        _ appointment: Appointment, now: Int64, _ connection: any SQLConnection
    ) throws -> TimetableOutcome {
        let table = SchedulerTable(connection)
        guard let id = ScheduleID(appointment.key), let record = try table.schedule(id), record.isEnabled else {
            return TimetableOutcome()
        }
        guard let times = ScheduleTimes(record) else { throw Failure.noZone(record.zone) }
        let lateness = (now - appointment.due) / 1_000
        let (time, next) = times.keep(
            appointment.time / 1_000, lateness: lateness, now: now / 1_000, maximumAge: record.target.maximumAge)
        if next == nil, record.isDeletedAtTheEnd { try table.delete(id) }
        let entries = time.map { [Occasion(id, record.target, time: $0).entry(now: now)] } ?? []
        return TimetableOutcome(entries, next: next.map { times.appointment($0, id) })
    }

    private enum Failure: Error {
        /// The system had it when the schedule was made.
        case noZone(String)
    }
}

/// One time of a schedule, and what its target gets.
struct Occasion {
    /// A lower-case UUID: the parcel's.
    let parcelID = RequestID.make()
    let id: ScheduleID
    let target: ScheduleRecord.Target
    /// Seconds since 1970.
    let time: Int64

    init(_ id: ScheduleID, _ target: ScheduleRecord.Target, time: Int64) {
        self.id = id
        self.target = target
        self.time = time
    }

    /// - Parameter now: Milliseconds since 1970.
    func entry(now: Int64) -> OutboxEntry {
        let sender = ServiceCaller(
            SchedulerService.principal, for: id.group.arn, of: AccountID(id.group.account) ?? .standard,
            as: target.role)
        let note = OccasionNote(
            schedule: id.arn, target: target.arn, time: time, deadLetters: target.deadLetters,
            countsAttempts: target.input?.contains(ContextAttribute.attempt) == true)
        // What is late was tried as long already.
        let age = max(0, target.maximumAge * 1_000 - max(0, now - time * 1_000))
        let policy = RetryPolicy(maximumAttempts: target.retries + 1, maximumAge: age)
        return OutboxEntry(parcel(from: sender), policy: policy, owner: SchedulerService.owner, note: note.text)
    }

    private func parcel(from sender: ServiceCaller) -> Parcel {
        let input = target.input.map(filled)
        // What it was made of was read before.
        if UniversalTarget.isUniversal(target.arn),
            let call = try? UniversalTarget(target.arn, input ?? "", in: id.group)
        {
            var parcel = Parcel(id: parcelID, to: call.arn, from: sender, ByteBuffer(string: call.body))
            parcel.group = call.messageGroup
            parcel.deduplicationID = call.deduplicationID
            return parcel
        }
        let body = input.map { ByteBuffer(string: $0) }
        var parcel = Parcel(id: parcelID, to: target.arn, from: sender, body ?? notification)
        parcel.group = target.messageGroup
        if let source = target.source, let detailType = target.detailType {
            parcel.body = body ?? ByteBuffer(string: "{}")
            parcel.event = Parcel.Event(source: source, detailType: detailType, resources: [id.arn])
        }
        return parcel
    }

    /// An input with what its attributes stand for, but for the one that differs from try to try.
    ///
    /// https://docs.aws.amazon.com/scheduler/latest/UserGuide/managing-schedule-context-attributes.html
    private func filled(_ input: String) -> String {
        guard input.contains(ContextAttribute.prefix) else { return input }
        return input.replacing(ContextAttribute.schedule, with: id.arn)
            .replacing(ContextAttribute.time, with: SigV4Time(secondsSince1970: time).extended)
            .replacing(ContextAttribute.execution, with: ContextAttribute.executionID(parcelID))
    }

    /// What a target without an input gets.
    private var notification: ByteBuffer {
        var writer = JSONWriter()
        writer.beginObject()
        let texts = [
            ("version", "0"), ("id", parcelID), ("detail-type", "Scheduled Event"), ("source", "aws.scheduler"),
            ("account", id.group.account), ("time", SigV4Time(secondsSince1970: time).extended),
            ("region", id.group.region),
        ]
        for (name, text) in texts { writer.member(name, text) }
        writer.name("resources")
        writer.beginArray()
        writer.string(id.arn)
        writer.endArray()
        writer.member("detail", "{}")
        writer.endObject()
        return writer.buffer
    }
}

/// What an input may have in place of what is known only when its schedule comes.
enum ContextAttribute {
    static let prefix = "<aws.scheduler."
    static let schedule = "<aws.scheduler.schedule-arn>"
    static let time = "<aws.scheduler.scheduled-time>"
    static let execution = "<aws.scheduler.execution-id>"
    static let attempt = "<aws.scheduler.attempt-number>"

    /// Sixteen hexadecimal digits.
    static func executionID(_ parcelID: String) -> String { String(parcelID.filter { $0 != "-" }.prefix(16)) }
}
