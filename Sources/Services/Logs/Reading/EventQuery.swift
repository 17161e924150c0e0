import Storage

/// An event as the tables keep it. Times are milliseconds since 1970.
struct EventRecord: Sendable {
    var position: EventPosition
    var streamID: Int64
    var ingested: Int64
    var message: [UInt8]

    init(_ row: SQLRow) throws(StorageError) {
        position = EventPosition(time: try row.integer("time"), sequence: try row.integer("sequence"))
        streamID = try row.integer("stream_id")
        ingested = try row.integer("ingested")
        message = try row.blob("message")
    }

    /// What the event counts in a page, as CloudWatch counts.
    var size: Int { message.count + LogWriter.eventOverhead }
}

/// Which events to read, and in which direction. Both bounds are exclusive; each query walks one index from its bound
/// on.
struct EventQuery: Sendable {
    enum Scope: Sendable {
        case group(Int64)
        case stream(Int64)
    }
    enum Direction: Sendable {
        case forward
        case backward
    }

    /// How many events one statement reads: with lines as long as they may be that is 16 MiB.
    static let batch = 64

    var scope: Scope
    var direction: Direction
    var after: EventPosition
    var before: EventPosition

    /// The statement and its arguments.
    var statement: (sql: String, arguments: [SQLValue]) {
        let (column, id) =
            switch scope {
            case .group(let id): ("group_id", id)
            case .stream(let id): ("stream_id", id)
            }
        let order = direction == .forward ? "time, sequence" : "time DESC, sequence DESC"
        let sql = """
            SELECT time, sequence, stream_id, ingested, message FROM logs_events
            WHERE \(column) = ? AND (time, sequence) > (?, ?) AND (time, sequence) < (?, ?)
            ORDER BY \(order) LIMIT ?
            """
        let bounds = [after.time, after.sequence, before.time, before.sequence]
        return (sql, [.integer(id)] + bounds.map { .integer($0) } + [.integer(Int64(Self.batch))])
    }

    /// Calls `body` with every event in turn until it says to stop.
    ///
    /// - Returns: Whether it never said so: all events were seen.
    func forEach(
        on connection: any SQLConnection, _ body: (EventRecord) throws(StorageError) -> Step
    ) throws(StorageError) -> Bool {
        var query = self
        while true {
            let (sql, arguments) = query.statement
            let rows = try connection.query(sql, arguments)
            for row in rows {
                let event = try EventRecord(row)
                if try body(event) == .stop { return false }
                switch direction {
                case .forward: query.after = event.position
                case .backward: query.before = event.position
                }
            }
            if rows.count < Self.batch { return true }
        }
    }

    enum Step: Sendable {
        case proceed
        case stop
    }
}

/// What bounds one answer, as at AWS: 10,000 events or 1 MB of them; and how much is searched for it.
struct PageBudget: Sendable {
    static let bytes = 1 << 20
    /// After so many events, or bytes of them, an answer goes out with what it has and a token to go on.
    static let searchedEvents = 20_000
    static let searchedBytes = 32 << 20
    /// Likewise: patterns may take long.
    static let searchTime = Duration.seconds(10)

    private var events: Int
    private var bytes = PageBudget.bytes
    private var searchedEvents = PageBudget.searchedEvents
    private var searchedBytes = PageBudget.searchedBytes
    private let end = ContinuousClock.now + PageBudget.searchTime

    init(limit: Int?) { events = limit ?? 10_000 }

    /// Whether `event` still fits. The first one always does.
    func fits(_ event: EventRecord, first: Bool) -> Bool { first || event.size <= bytes }

    mutating func add(_ event: EventRecord) {
        events -= 1
        bytes -= event.size
    }

    mutating func addSearched(_ event: EventRecord) {
        searchedEvents -= 1
        searchedBytes -= event.size
    }

    var isSpent: Bool {
        events <= 0 || bytes <= 0 || searchedEvents <= 0 || searchedBytes <= 0
            || (searchedEvents < PageBudget.searchedEvents && ContinuousClock.now > end)
    }
}
