import AWSWire
import Metrics
import Storage

@testable import LogsService

extension FuzzTarget {
    /// A filter pattern, a zero and a message: what matches gives its values, and the same every time.
    static let logPattern = FuzzTarget("log-pattern") { input in
        let (text, message) = halves(input)
        guard let pattern = try? FilterPattern(text) else { return }
        let match = pattern.match(message)
        try hold(pattern.matches(message) == (match != nil), "\(text) both matches and does not")
        if pattern.isEmpty { try hold(match != nil, "\(text) is empty and does not match") }
        guard let match else { return }
        for (name, value) in pattern.values(of: match) {
            try hold(name.hasPrefix("$"), "a value is called \(name)")
            try hold(value.utf8.count <= 6 * message.count + 8, "\(name) is longer than the message")
        }
    }

    /// A query, a zero and a message.
    static let insightsQuery = FuzzTarget("insights-query") { input in
        let (text, message) = halves(input)
        guard let query = try? InsightsQuery(text) else { return }
        let limit = 50
        var run = InsightsRun(query, limit: limit)
        for number in 0..<3 {
            let event = try EventRecord(
                SQLRow([
                    "time": .integer(1_767_225_600_000 + Int64(number)), "sequence": .integer(Int64(number) + 1),
                    "stream_id": .integer(1), "ingested": .integer(0), "message": .blob(message),
                ]))
            if !run.add(InsightsFields.row(of: event, log: "000000000000:g", stream: "s")) { break }
        }
        try hold(run.matched <= 3 && run.skipped.events <= 3, "\(run.matched) of 3 match")
        try hold(run.result().count <= limit, "\(text) gives too many lines")
    }

    /// A regular expression with names, a zero and a text: it is found where the same is found without.
    static let namedGroups = FuzzTarget("named-groups") { input in
        let (source, bytes) = halves(input)
        let text = String(decoding: bytes, as: UTF8.self)
        guard let groups = try? NamedGroups(untrusted: source) else { return }
        let values = groups.values(in: text)
        try hold(values == nil || values?.count == groups.names.count, "\(source) has \(groups.names)")
        for case let value? in values ?? [] { try hold(text.unicodeScalars.count >= value.unicodeScalars.count, value) }
        guard let plain = try? Pattern(untrusted: source) else { return }
        try hold(plain.occurs(in: text) == (values != nil), "\(source) is found in \(text) by one only")
    }

    static let embeddedMetrics = FuzzTarget("embedded-metrics") { input in
        let group = GroupKey(account: "000000000000", region: "us-east-1", name: "g")
        let now: Int64 = 1_767_225_600_000
        let samples = EmbeddedMetrics.samples(in: input[...], of: group, now: now)
        try hold(samples.count <= 10_000, "\(samples.count) samples of one event")
        for sample in samples {
            try hold(sample.key.account == group.account && sample.key.dimensions.count <= 30, "\(sample.key)")
            try hold((1...1024).contains(sample.key.name.utf8.count), "a name of \(sample.key.name.utf8.count) bytes")
            try hold((1...100).contains(sample.distribution.sampleCount), "\(sample.distribution.sampleCount) values")
            try hold(abs(sample.timestamp - now) <= 14 * 86_400_000, "of \(sample.timestamp)")
        }
    }

    /// What stands before the first zero, and what behind it.
    private static func halves(_ input: [UInt8]) -> (text: String, rest: [UInt8]) {
        let parts = input.split(separator: 0, maxSplits: 1, omittingEmptySubsequences: false)
        return (String(decoding: parts[0], as: UTF8.self), parts.count == 2 ? Array(parts[1]) : [])
    }
}
