package import AWSWire
import Identity
import Logging
import NIOCore
import Storage
import Synchronization

/// Takes what the front door tells, and has it in the files and in the store a fifth of a second later, on disk where
/// it changed something.
///
/// ``record(_:)`` only buffers. What finds the buffer full is dropped and counted in the server's log. When the disk is
/// full or the store fails, the service goes on, and what waits is written once it can be.
///
/// The files come first. The store then commits, with the events, how far the files are in it: what a kill between the
/// two left in the files only is taken up at the next start.
package final class AuditTrail: AuditSink {
    /// How long events wait for others to share their batch.
    private static let delay = Duration.milliseconds(200)
    private static let batch = 500
    /// How long what could not be written waits until it is tried again, unless more comes.
    private static let patience = Duration.seconds(1)
    /// Seconds between two warnings of what was left out: a flood of requests is to be none of the log.
    private static let warningPeriod: Int64 = 60

    struct Limits: Sendable {
        /// Events that may wait.
        var events = 20_000
        /// Bytes of requests and answers that may wait; beyond them events go without what they were asked, and beyond
        /// twice as many not at all.
        var bytes = 64 << 20
        /// Events in the store, of all accounts: the oldest make room.
        var stored = 1_000_000
        /// How long LookupEvents finds events: as on AWS.
        var retention = Int64(90 * 86_400)
    }

    private struct Waiting {
        var event: AuditEvent
        /// How many like it were left out before it.
        var omitted = 0
    }
    private struct State {
        var waiting: [Waiting] = []
        var bytes = 0
        var rates = EventRates()
        /// What was left out since the log was last told, and when it may be told again.
        var dropped = 0
        var nextWarning: Int64 = 0
        var isSignalled = false
        /// Records that are in no file yet, and those that are not in the store.
        var lines: [AuditRecord] = []
        var rows: [AuditRecord] = []
        /// The sizes of the files that have been written to since the last commit, by their days.
        var marks: [String: Int] = [:]
        var sequence: Int64?
        var isTakenUp = false
        var troubles = WritingTroubles()
    }
    /// What one commit stores.
    private struct Batch {
        var rows: [AuditRecord] = []
        var marks: [String: Int] = [:]
    }

    package let wantsData: Bool
    private let files: AuditFiles
    private let database: any Database
    private let directory: any PrincipalDirectory
    private let limits: Limits
    private let clock: @Sendable () -> Int64
    private let logger: Logger
    private let state = Mutex(State())
    private let signals: AsyncStream<Void>
    private let signal: AsyncStream<Void>.Continuation

    init(
        files: AuditFiles, database: any Database, directory: any PrincipalDirectory, wantsData: Bool, limits: Limits,
        clock: @escaping @Sendable () -> Int64, logger: Logger
    ) {
        self.files = files
        self.database = database
        self.directory = directory
        self.wantsData = wantsData
        self.limits = limits
        self.clock = clock
        self.logger = logger
        (signals, signal) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
    }

    package func record(_ event: AuditEvent) {
        let mustSignal = state.withLock { state in
            guard state.waiting.count < limits.events else {
                state.dropped += 1
                return false
            }
            var omitted = 0
            let isNobodys = event.request.caller.principal.kind == .anonymous && event.status >= 400
            if !event.isAuthenticated || isNobodys {
                let now = event.time.secondsSince1970
                guard let before = state.rates.admit("nobody", EventRates.unauthenticated, now: now) else {
                    state.dropped += 1
                    return false
                }
                omitted = before
            }
            var event = event
            let head = event.request.headSize
            let size = head + event.request.body.readableBytes + event.answer.readableBytes
            if state.bytes + size <= limits.bytes {
                state.bytes += size
            } else if state.bytes + head <= 2 * limits.bytes {
                (event.request.body, event.answer) = (ByteBuffer(), ByteBuffer())
                state.bytes += head
            } else {
                state.dropped += 1
                return false
            }
            state.waiting.append(Waiting(event: event, omitted: omitted))
            defer { state.isSignalled = true }
            return !state.isSignalled
        }
        if mustSignal { signal.yield() }
    }

    /// Writes what comes, until cancelled. Sleeps without a timer while nothing does.
    func writeRecorded() async {
        await flush()
        for await _ in signals {
            try? await Task.sleep(for: Self.delay)
            await flush()
            while !Task.isCancelled, state.withLock({ !$0.troubles.isEmpty }) {
                try? await Task.sleep(for: Self.patience)
                await flush()
            }
        }
    }

    /// Returns when everything that was recorded before the call can be looked up. Failures are logged, and what waits
    /// keeps waiting.
    func flush() async {
        let taken = Mutex(Batch())
        do {
            // All of it on the store's own thread, one flush after the other.
            try await database.write { [self] connection in
                takeUp(on: connection)
                gather()
                writeFiles()
                let batch = state.withLock { state in
                    defer { (state.rows, state.marks) = ([], [:]) }
                    return Batch(rows: state.rows, marks: state.marks)
                }
                taken.withLock { $0 = batch }
                try store(batch, on: connection)
            }
            succeeded(.store)
        } catch {
            let (waiting, lost) = state.withLock { state in
                let batch = taken.withLock { $0 }
                state.rows = batch.rows + state.rows
                state.marks = batch.marks.merging(state.marks) { $1 }
                state.sequence = nil
                state.isSignalled = false
                let lost = bound(&state.rows)
                return (state.rows.count, lost)
            }
            failed(.store, ["error": "\(error)"], waiting: waiting, lost: lost)
        }
    }

    /// Makes records of the events that wait.
    private func gather() {
        let now = clock()
        let (events, dropped) = state.withLock { state in
            defer { (state.waiting, state.bytes, state.isSignalled) = ([], 0, false) }
            guard state.dropped > 0, now >= state.nextWarning else { return (state.waiting, 0) }
            defer { (state.dropped, state.nextWarning) = (0, now + Self.warningPeriod) }
            return (state.waiting, state.dropped)
        }
        if dropped > 0 {
            logger.warning("Requests were left out of the audit", metadata: ["count": "\(dropped)"])
        }
        let records = events.compactMap(record(of:))
        state.withLock { state in
            state.lines += records
            state.rows += records.filter(\.isManagement)
        }
    }

    private func record(of waiting: Waiting) -> AuditRecord? {
        let event = waiting.event
        guard let call = event.call ?? event.service.audited(event.request) ?? Self.unknown(event) else { return nil }
        var omitted = waiting.omitted
        let principal = event.request.caller.principal
        let isBounded = event.status >= 400 || !call.tellsAnswer && call.category == .management
        if event.isAuthenticated, principal.kind != .anonymous, isBounded {
            let kind = EventRates.kind(of: principal)
            let before = state.withLock { state in
                state.rates.admit(kind, EventRates.principal, now: event.time.secondsSince1970)
            }
            guard let before else {
                state.withLock { $0.dropped += 1 }
                return nil
            }
            omitted = before
        }
        // Of some services only the body tells what is done with a resource rather than to it.
        if call.category == .data, !wantsData, event.status != 403 { return nil }
        return AuditRecord(event, call, directory: directory, omitted: omitted)
    }

    /// A denial of something that the service does not know, or of a request whose body nobody read.
    private static func unknown(_ event: AuditEvent) -> AuditedCall? {
        guard !event.isAuthenticated || event.status == 403 else { return nil }
        return AuditedCall(
            "UnknownOperation", of: event.service.signingName, parameters: .object([]), disclosure: AuditDisclosure())
    }

    private func writeFiles() {
        let lines = state.withLock { state in
            defer { state.lines = [] }
            return state.lines
        }
        var rest = lines[...]
        while let first = rest.first {
            let day = AuditFiles.day(of: first.time)
            let same = rest.prefix { AuditFiles.day(of: $0.time) == day }
            let text = same.flatMap { Array($0.document.utf8) + [UInt8(ascii: "\n")] }
            do {
                let size = try files.append(text, day: day, isUrgent: same.contains { $0.hasEffect })
                state.withLock { $0.marks[day] = size }
            } catch {
                let (waiting, lost) = state.withLock { state in
                    state.lines = Array(rest) + state.lines
                    let lost = bound(&state.lines)
                    return (state.lines.count, lost)
                }
                return failed(.files, error.metadata, waiting: waiting, lost: lost)
            }
            rest = rest.dropFirst(same.count)
        }
        if !lines.isEmpty { succeeded(.files) }
    }

    private func store(_ batch: Batch, on connection: any SQLConnection) throws {
        let tables = TrailTables(connection)
        if !batch.rows.isEmpty {
            var sequence = try state.withLock { $0.sequence } ?? tables.lastSequence()
            for row in batch.rows {
                sequence += 1
                try tables.add(row, sequence: sequence)
            }
            state.withLock { $0.sequence = sequence }
        }
        try tables.mark(batch.marks)
    }

    // MARK: Starts

    /// Once, before anything is written: has the store take the management events that only the files have. At most
    /// so many bytes are read as may wait, the newest of the newest files.
    private func takeUp(on connection: any SQLConnection) {
        guard state.withLock({ !$0.isTakenUp }) else { return }
        var found: [AuditRecord] = []
        var marks: [String: Int] = [:]
        do {
            let tables = TrailTables(connection)
            let known = try tables.marks()
            var left = limits.bytes
            let days = files.allDays
            for day in days.reversed() where left > 0 && day >= known.keys.min() ?? days.last ?? "" {
                let (lines, size) = try files.lines(of: day, after: known[day] ?? 0, limit: left)
                let records = lines.compactMap { AuditRecord(reading: String($0)) }.filter(\.isManagement)
                found = try records.filter { try !tables.has($0) } + found
                left -= lines.reduce(0) { $0 + $1.utf8.count }
                marks[day] = size
            }
        } catch {
            logger.error("Audit records of the last run could not be read", metadata: ["error": "\(error)"])
        }
        if !found.isEmpty {
            logger.notice("Audit events of the last run are taken up", metadata: ["count": "\(found.count)"])
        }
        state.withLock { state in
            state.isTakenUp = true
            state.rows = found.suffix(limits.events) + state.rows
            state.marks = marks
        }
    }

    // MARK: Troubles

    private func failed(_ place: WritingTroubles.Place, _ metadata: Logger.Metadata, waiting: Int, lost: Int) {
        let news = state.withLock { $0.troubles.failed(place, losing: lost) }
        if news.isNew {
            logger.error(
                "Audit records cannot be written: requests go on, and records wait",
                metadata: metadata.merging(["to": "\(place)", "waiting": "\(waiting)"]) { $1 })
        }
        if news.isFirstLoss {
            logger.error("Audit records are lost, for too many wait", metadata: ["to": "\(place)", "lost": "\(lost)"])
        }
    }

    private func succeeded(_ place: WritingTroubles.Place) {
        guard let lost = state.withLock({ $0.troubles.succeeded(place) }) else { return }
        logger.warning("Audit records are written again", metadata: ["to": "\(place)", "lost": "\(lost)"])
    }

    /// Leaves the newest.
    ///
    /// - Returns: How many went.
    private func bound(_ records: inout [AuditRecord]) -> Int {
        var excess = max(0, records.count - limits.events)
        var bytes = records.dropFirst(excess).reduce(0) { $0 + $1.document.utf8.count }
        while bytes > limits.bytes, excess < records.count {
            bytes -= records[excess].document.utf8.count
            excess += 1
        }
        records.removeFirst(excess)
        return excess
    }

    // MARK: Bounds

    /// Deletes what is too old, or too much.
    func expire() async throws {
        files.expire(now: clock())
        let before = clock() - limits.retention
        while !Task.isCancelled {
            let count = try await database.write { [limits] connection in
                let tables = TrailTables(connection)
                let expired = try tables.deleteOldest(before: before, limit: Self.batch)
                let excess = try tables.count() - limits.stored
                guard excess > 0 else { return expired }
                return try expired + tables.deleteOldest(before: nil, limit: min(excess, Self.batch))
            }
            if count < Self.batch { return }
        }
    }

    /// Forgets what waits to be stored, but not what the files are to have. Called inside a transaction.
    func discard(on connection: any SQLConnection) throws {
        gather()
        writeFiles()
        var marks: [String: Int] = [:]
        if let day = files.allDays.last { marks[day] = files.size(ofDay: day) }
        state.withLock { state in (state.rows, state.marks, state.sequence, state.isTakenUp) = ([], [:], nil, true) }
        try TrailTables(connection).mark(marks)
    }
}

extension ServiceRequest {
    /// Bytes of what the audit holds of a request besides its body.
    fileprivate var headSize: Int {
        headers.reduce(path.utf8.count + (query?.utf8.count ?? 0)) { $0 + $1.name.utf8.count + $1.value.utf8.count }
    }
}
