import LogsModel
import Storage

/// Moves what was buffered into the tables, in one transaction.
struct LogWriter {
    /// What CloudWatch adds to an event's bytes when it counts them.
    static let eventOverhead = 26

    private struct Entry {
        var stream: StreamKey
        var order: UInt64
        var timestamp: Int64
        var lines: [ArraySlice<UInt8>]
        /// A notice stands before what is left of the batch that overflowed last.
        var isNotice: Bool
    }

    /// What one transaction adds to a stream.
    private struct Growth {
        var streamID: Int64
        var groupID: Int64
        var first: Int64
        var last: Int64
        var bytes = 0
    }

    /// A group, and who follows it.
    private struct Group {
        var id: Int64
        var subscriptions: [SubscriptionRecord] = []
        var filters: [MetricFilterRecord] = []
        var isTailed: Bool

        var isFollowed: Bool { !subscriptions.isEmpty || !filters.isEmpty || isTailed }
    }

    private let connection: any SQLConnection
    private let now: Int64
    private let followers: EventFollowers
    private var groups: [GroupKey: Group] = [:]
    private var growths: [StreamKey: Growth] = [:]
    /// What somebody besides the store wants.
    private var followed: [StreamKey: [StoredEvent]] = [:]
    /// Where the events are that may give samples.
    private var unmeasured: [StreamKey: MeasureJournal.Place] = [:]
    private var written = WrittenEvents()

    /// - Parameter now: Milliseconds since 1970, the time of ingestion.
    /// - Returns: What the followers are to settle after the commit.
    static func write(
        _ streams: [StreamKey: LogBuffer.Pending], now: Int64, _ followers: EventFollowers,
        on connection: any SQLConnection
    ) throws(StorageError) -> WrittenEvents {
        try write(entries(streams), now: now, followers, on: connection)
    }

    /// Adds a client's events to a stream.
    ///
    /// - Returns: As ``write(_:now:_:on:)``.
    static func put(
        _ events: ArraySlice<Logs.InputLogEvent>, to stream: StreamKey, now: Int64,
        _ followers: EventFollowers, on connection: any SQLConnection
    ) throws(StorageError) -> WrittenEvents {
        let entries = events.enumerated().map { index, event in
            Entry(
                stream: stream, order: UInt64(index), timestamp: Int64(event.timestamp),
                lines: [Array(event.message.utf8)[...]], isNotice: false)
        }
        return try write(entries, now: now, followers, on: connection)
    }

    private static func write(
        _ entries: [Entry], now: Int64, _ followers: EventFollowers, on connection: any SQLConnection
    ) throws(StorageError) -> WrittenEvents {
        var writer = LogWriter(connection: connection, now: now, followers: followers)
        let count = entries.reduce(0) { $0 + $1.lines.count }
        guard count > 0 else { return WrittenEvents() }
        // Groups and streams take their numbers first: they must not lie between those of the events.
        for entry in entries { try writer.prepare(entry) }
        let first = try LogCounter.take(count, on: connection)
        var sequence = first
        for entry in entries { try writer.insert(entry, &sequence) }
        try writer.recordGrowth()
        try writer.follow()
        try writer.noteUnmeasured(first)
        return writer.written
    }

    private init(connection: any SQLConnection, now: Int64, followers: EventFollowers) {
        self.connection = connection
        self.now = now
        self.followers = followers
    }

    /// Puts into the outbox what subscribers get, and keeps what others get after the commit.
    private mutating func follow() throws(StorageError) {
        written.ingested = now
        for (stream, events) in followed {
            guard let group = groups[stream.group] else { continue }
            written.targets.formUnion(
                try followers.forwarder.forward(events, of: stream, to: group.subscriptions, on: connection))
            if group.isTailed { written.tailed[stream] = events }
            if !group.filters.isEmpty { written.measured.append((stream, events, group.filters)) }
        }
    }

    private mutating func noteUnmeasured(_ number: Int64) throws(StorageError) {
        let journal = followers.meters.journal
        written.forgotten = try journal.forget(on: connection)
        guard !unmeasured.isEmpty else { return }
        try journal.note(number, unmeasured.values, on: connection)
        written.note = number
    }

    private static func entries(_ streams: [StreamKey: LogBuffer.Pending]) -> [Entry] {
        var entries: [Entry] = []
        for (stream, pending) in streams {
            if let lost = pending.lost {
                let notice =
                    "\(lost.lines) log \(lost.lines == 1 ? "line was" : "lines were") lost here: "
                    + "they came faster than they could be stored."
                entries.append(
                    Entry(
                        stream: stream, order: lost.order, timestamp: lost.timestamp, lines: [Array(notice.utf8)[...]],
                        isNotice: true))
            }
            for batch in pending.batches {
                entries.append(
                    Entry(
                        stream: stream, order: batch.order, timestamp: batch.timestamp,
                        lines: (0..<batch.count).map(batch.line), isNotice: false))
            }
        }
        return entries.sorted { ($0.order, $0.isNotice ? 0 : 1) < ($1.order, $1.isNotice ? 0 : 1) }
    }

    private mutating func prepare(_ entry: Entry) throws(StorageError) {
        let time = entry.timestamp
        if let known = growths[entry.stream] {
            growths[entry.stream]?.first = min(known.first, time)
            growths[entry.stream]?.last = max(known.last, time)
            return
        }
        let key = entry.stream.group
        let group: Int64
        if let known = groups[key] {
            group = known.id
        } else if let found = try GroupRecord.find(key, on: connection) {
            group = found.id
            let isMeasured = found.metricFilters > 0 && followers.meters.isActive
            groups[key] = Group(
                id: group, subscriptions: try SubscriptionRecord.all(of: group, on: connection),
                filters: isMeasured ? try MetricFilterRecord.all(of: group, on: connection) : [],
                isTailed: followers.tails.follow(key))
        } else {
            group = try GroupRecord.create(key, now: now, on: connection)
            groups[key] = Group(id: group, isTailed: followers.tails.follow(key))
        }
        let name = entry.stream.name
        let found = try StreamRecord.find(name, in: group, on: connection)?.id
        let stream: Int64
        if let found {
            stream = found
        } else {
            stream = try StreamRecord.create(name, in: group, now: now, on: connection)
        }
        growths[entry.stream] = Growth(streamID: stream, groupID: group, first: time, last: time)
    }

    private mutating func insert(_ entry: Entry, _ sequence: inout Int64) throws(StorageError) {
        guard let growth = growths[entry.stream] else { return }
        let isFollowed = groups[entry.stream.group]?.isFollowed ?? false
        let isFiltered = groups[entry.stream.group]?.filters.isEmpty == false
        let isMeasured = followers.meters.isActive
        var bytes = 0
        var isUnmeasured = isFiltered
        for line in entry.lines {
            try connection.execute(
                """
                INSERT INTO logs_events (group_id, stream_id, time, sequence, ingested, message)
                VALUES (?, ?, ?, ?, ?, ?)
                """,
                [
                    .integer(growth.groupID), .integer(growth.streamID), .integer(entry.timestamp), .integer(sequence),
                    .integer(now), .blob(Array(line)),
                ])
            let position = EventPosition(time: entry.timestamp, sequence: sequence)
            if isFollowed {
                followed[entry.stream, default: []].append(StoredEvent(position: position, message: line))
            }
            let mayEmbed = isMeasured && EmbeddedMetrics.mayBe(in: line)
            if mayEmbed {
                written.embedding[entry.stream.group, default: []].append(
                    StoredEvent(position: position, message: line))
            }
            isUnmeasured = isUnmeasured || mayEmbed
            written.last = position
            sequence += 1
            bytes += line.count + Self.eventOverhead
        }
        if isUnmeasured { noteUnmeasured(entry, growth.streamID, last: sequence - 1) }
        growths[entry.stream]?.bytes += bytes
        written.intakes[entry.stream.group, default: IntakeMeters.Intake()].events += entry.lines.count
        written.intakes[entry.stream.group]?.bytes += bytes - entry.lines.count * Self.eventOverhead
    }

    private mutating func noteUnmeasured(_ entry: Entry, _ stream: Int64, last sequence: Int64) {
        let time = entry.timestamp
        var place =
            unmeasured[entry.stream]
            ?? MeasureJournal.Place(stream: stream, firstTime: time, lastTime: time, lastSequence: sequence)
        place.firstTime = min(place.firstTime, time)
        place.lastTime = max(place.lastTime, time)
        place.lastSequence = sequence
        unmeasured[entry.stream] = place
    }

    private func recordGrowth() throws(StorageError) {
        for growth in growths.values {
            try connection.execute(
                """
                UPDATE logs_streams SET
                    first_event = CASE WHEN first_event < ? THEN first_event ELSE ? END,
                    last_event = CASE WHEN last_event > ? THEN last_event ELSE ? END,
                    last_ingestion = ?, stored_bytes = stored_bytes + ?
                WHERE id = ?
                """,
                [
                    .integer(growth.first), .integer(growth.first), .integer(growth.last), .integer(growth.last),
                    .integer(now), .integer(Int64(growth.bytes)), .integer(growth.streamID),
                ])
            try GroupRecord.grow(growth.groupID, by: Int64(growth.bytes), on: connection)
        }
    }
}
