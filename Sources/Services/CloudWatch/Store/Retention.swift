import Logging
import Metrics
import Storage

/// Makes points coarser as they age, and deletes the oldest.
struct Retention: Sendable {
    /// How often it looks.
    static let period = Duration.seconds(60)
    /// How many points change in one commit.
    static let batch = 500
    /// How many commits one pass makes: what is left waits for the next.
    static let batches = 200

    let database: any Database
    /// Milliseconds since 1970.
    let clock: @Sendable () -> Int64

    /// One look at everything.
    func pass() async throws {
        let now = clock() / 1_000
        for resolution in Resolution.allCases {
            // Points that become one are taken together, so that the coarser one is written once.
            let coarse = resolution.coarser?.rawValue ?? resolution.rawValue
            let limit = (now - resolution.retention) / coarse * coarse
            for _ in 0..<Self.batches where try await age(resolution, before: limit) < Self.batch { break }
        }
        let oldest = (now - Resolution.hour.retention) * 1_000
        try await database.write { try MetricTable($0).forgetSeries(before: oldest, limit: Self.batch) }
    }

    /// - Returns: How many points there were, up to the size of a batch.
    private func age(_ resolution: Resolution, before limit: Int64) async throws -> Int {
        let isNeeded = try await database.read { connection in
            try MetricTable(connection).hasPoints(resolution, before: limit)
        }
        guard isNeeded else { return 0 }
        return try await database.write { connection in
            let table = MetricTable(connection)
            let taken = try table.takeOldest(resolution, before: limit, limit: Self.batch)
            guard let coarser = resolution.coarser else { return taken.count }
            for (series, point) in taken {
                let time = point.time - point.time % coarser.rawValue
                try table.add(point.distribution, resolution: coarser, time, point.unit, to: series)
            }
            return taken.count
        }
    }
}
