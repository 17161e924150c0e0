import NIOCore
import Testing
import TestSupport

@testable import LogsService

@Suite struct BufferTests {
    private func key(_ stream: String) -> StreamKey {
        StreamKey(group: GroupKey(account: "000000000000", region: "us-east-1", name: "g"), name: stream)
    }

    private func batch(_ lines: [String]) -> LogBatch {
        LogBatch(timestamp: 1, lines: lines.map { ByteBuffer(string: $0) })
    }

    private func lines(_ pending: LogBuffer.Pending) -> [String] {
        pending.batches.flatMap { batch in (0..<batch.count).map { String(decoding: batch.line($0), as: UTF8.self) } }
    }

    @Test func theNoisiestStreamLosesItsOldestLines() throws {
        var buffer = LogBuffer(capacity: 10_000)
        buffer.append(batch(["quiet"]), to: key("quiet"))
        for index in 0..<300 { buffer.append(batch(["\(index)"]), to: key("loud")) }
        let taken = buffer.take()
        #expect(lines(try #require(taken[key("quiet")])) == ["quiet"])
        let loud = try #require(taken[key("loud")])
        let lost = try #require(loud.lost?.lines)
        #expect(lost > 0 && lines(loud) == (lost..<300).map { "\($0)" })
        #expect(buffer.isEmpty && buffer.cost == 0)
    }

    /// One append that is larger than the buffer.
    @Test func oneBatchMayBeCut() throws {
        var buffer = LogBuffer(capacity: 1000)
        buffer.append(batch((0..<100).map { "\($0)" }), to: key("s"))
        let pending = try #require(buffer.take()[key("s")])
        let lost = try #require(pending.lost?.lines)
        #expect(lines(pending) == (lost..<100).map { "\($0)" } && !lines(pending).isEmpty)
    }

    @Test func longLinesAreCut() {
        #expect(batch([String(repeating: "x", count: 300_000)]).line(0).count == 256 * 1024)
    }

    /// Appends, takes and puts back at random: never more than the capacity, and for each stream what was lost and what
    /// is left make up what was appended, in order.
    @Test(arguments: 0..<20 as Range<UInt64>)
    func nothingIsLostUncounted(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        let capacity = 5000
        var buffer = LogBuffer(capacity: capacity)
        var appended: [StreamKey: Int] = [:]
        var seen: [StreamKey: Int] = [:]
        func commit(_ taken: [StreamKey: LogBuffer.Pending]) {
            for (stream, pending) in taken {
                let first = seen[stream, default: 0] + (pending.lost?.lines ?? 0)
                let found = lines(pending).map { Int($0.prefix { $0 != " " }) ?? -1 }
                #expect(found == Array(first..<first + found.count))
                seen[stream] = first + found.count
            }
        }
        for _ in 0..<400 {
            switch Int.random(in: 0..<10, using: &random) {
            case 0: commit(buffer.take())
            case 1:
                let taken = buffer.take()
                for _ in 0..<Int.random(in: 0...3, using: &random) { appendSome() }
                buffer.restore(taken)
            default: appendSome()
            }
            #expect(buffer.cost <= capacity)
            #expect(buffer.cost == buffer.streams.values.reduce(0) { $0 + $1.batches.reduce(0) { $0 + $1.cost } })
        }
        commit(buffer.take())
        #expect(seen == appended)

        func appendSome() {
            let stream = key("\(Int.random(in: 0..<4, using: &random))")
            let count = Int.random(in: 1...5, using: &random)
            let first = appended[stream, default: 0]
            let filler = String(repeating: "x", count: Int.random(in: 0...400, using: &random))
            buffer.append(batch((first..<first + count).map { "\($0) \(filler)" }), to: stream)
            appended[stream] = first + count
        }
    }
}
