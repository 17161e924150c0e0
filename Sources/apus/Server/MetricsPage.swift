import Delivery
import Fleet
import Glibc
import LambdaService
import Logging
import Metrics
import SQSService
import Storage

/// `/_apus/metrics`: what an operator watches, for Prometheus.
struct MetricsPage: Sendable {
    let meters: Meters
    let totals: FunctionTotals
    let fleet: Fleet
    let functions: LambdaService
    let queues: SQSService
    let outbox: Outbox
    /// By their names.
    let stores: [(name: String, database: SQLiteDatabase)]
    /// Seconds since 1970.
    let start: Int64
    let version: String
    let logger: Logger

    func text() async -> String {
        meters.drain()
        var text = PrometheusText()
        text.begin("apus_info", .gauge, "The server's version.")
        text.add("apus_info", [("version", version)], 1)
        totals.write(to: &text)
        writeFleet(to: &text)
        await writeQueues(to: &text)
        text.begin("apus_store_commits_total", .counter, "Transactions that were committed.")
        for (name, database) in stores {
            text.add("apus_store_commits_total", [("store", name)], Double(database.commits))
        }
        ProcessFigures.write(since: start, to: &text)
        return text.text
    }

    private func writeFleet(to text: inout PrometheusText) {
        let census = fleet.census
        text.add(
            "apus_lambda_cold_starts_total", .counter,
            "Invocations that waited for their environment to be initialised or restored.", Double(fleet.coldStarts))
        text.begin("apus_lambda_environments", .gauge, "Execution environments.")
        for (state, count) in [
            ("starting", census.starting), ("idle", census.idle), ("busy", census.busy),
            ("finishing", census.finishing), ("prepared", census.prepared),
        ] { text.add("apus_lambda_environments", [("state", state)], Double(count)) }
        let pressure = fleet.pressure
        text.add(
            "apus_lambda_waiting_invocations", .gauge, "Invocations that wait for an environment.",
            Double(census.waiting))
        text.add(
            "apus_lambda_waiting_starts", .gauge, "Environments that wait to be started.", Double(pressure.waiting))
        text.add(
            "apus_lambda_environment_memory_bytes", .gauge, "The memory that environments count with.",
            Double(pressure.usedMiB) * 1_048_576)
    }

    /// A store that cannot be read takes its own figures away, not the page.
    private func writeQueues(to text: inout PrometheusText) async {
        do {
            let events = try await functions.queuedEvents()
            text.add(
                "apus_lambda_async_events", .gauge, "Asynchronous invocations without an outcome.", Double(events))
            let parcels = try await outbox.count()
            text.add("apus_outbox_parcels", .gauge, "Events on their way to other services.", Double(parcels))
            let counts = try await queues.messageCounts()
            text.begin("apus_sqs_messages", .gauge, "Messages in queues.")
            for (arn, visible, delayed, inFlight) in counts {
                for (state, count) in [("visible", visible), ("delayed", delayed), ("in_flight", inFlight)] {
                    text.add("apus_sqs_messages", [("queue", arn), ("state", state)], Double(count))
                }
            }
            text.begin("apus_sqs_waiting_receives", .gauge, "Calls of ReceiveMessage that wait for a message.")
            for (arn, count) in queues.waitingReceives {
                text.add("apus_sqs_waiting_receives", [("queue", arn)], Double(count))
            }
        } catch {
            logger.warning("Queues could not be counted", metadata: ["error": "\(error)"])
        }
    }
}

/// What the system says of this process, by the names that Prometheus's own libraries have for it.
private enum ProcessFigures {
    static func write(since start: Int64, to text: inout PrometheusText) {
        var usage = rusage()
        if getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage) == 0 {
            let microseconds = [usage.ru_utime, usage.ru_stime].reduce(0) { $0 + $1.tv_sec * 1_000_000 + $1.tv_usec }
            text.add(
                "process_cpu_seconds_total", .counter, "Processor time of the server.", Double(microseconds) / 1e6)
        }
        if let pages = residentPages() {
            text.add(
                "process_resident_memory_bytes", .gauge, "Memory of the server.",
                Double(pages * sysconf(Int32(_SC_PAGESIZE))))
        }
        text.add(
            "process_start_time_seconds", .gauge, "When the server started, in seconds since 1970.", Double(start))
    }

    private static func residentPages() -> Int? {
        let file = open("/proc/self/statm", O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { return nil }
        defer { close(file) }
        var buffer = [UInt8](repeating: 0, count: 256)
        let count = read(file, &buffer, buffer.count)
        guard count > 0 else { return nil }
        let words = String(decoding: buffer[..<count], as: UTF8.self).split(separator: " ")
        return words.count > 1 ? Int(words[1]) : nil
    }
}
