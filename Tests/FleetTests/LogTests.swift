import NIOCore
import NIOEmbedded
import RuntimeAPI
import Sandbox
import Synchronization
import Testing
import TestSupport

@testable import Fleet

#if canImport(Glibc)
    import Glibc
#endif

/// How output becomes lines and how the lines of the platform are written.
@Suite struct LogTests {
    @Test func linesAreCutAtNewlinesAlone() {
        // A carriage return stays: LocalStack's snapshot test_multi_line_prints.
        #expect(
            lines(["multi\nline\nstring\nanother\rline\n\nend"]) == [
                "multi", "line", "string", "another\rline", "", "end",
            ])
        #expect(lines(["a", "b\nc", "\n", "\n"]) == ["ab", "c", ""])
        #expect(lines([]) == [])
    }

    /// However the bytes arrive, the lines are the same.
    @Test(arguments: 0..<20 as Range<UInt64>) func piecesDoNotMatter(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        let text = String((0..<3000).map { _ in ["a", "b", "\n", "é"].randomElement(using: &generator) ?? "a" })
        var pieces: [String] = []
        var rest = text[...]
        while !rest.isEmpty {
            let piece = rest.prefix(Int.random(in: 1...50, using: &generator))
            pieces.append(String(piece))
            rest = rest.dropFirst(piece.count)
        }
        var expected = text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        if expected.last == "" { expected.removeLast() }
        #expect(lines(pieces) == expected)
    }

    @Test func aLongLineComesInPieces() {
        let long = String(repeating: "x", count: 600_000)
        #expect(lines([long + "\nshort\n"]).map(\.utf8.count) == [262_144, 262_144, 75_712, 5])
        #expect(lines(["x", long]).map(\.utf8.count) == [262_144, 262_144, 75_713])
    }

    private func lines(_ pieces: [String]) -> [String] {
        var assembler = LineAssembler()
        var lines: [String] = []
        for piece in pieces { assembler.append(ByteBuffer(string: piece)) { lines.append(String(buffer: $0)) } }
        assembler.finish { lines.append(String(buffer: $0)) }
        return lines
    }

    /// Published REPORT lines: durations in hundredths, the billed one rounded up with the initialisation's.
    @Test func reportLinesAddUp() {
        func report(
            _ nanoseconds: Int64, _ initNanoseconds: Int64?, _ failure: EnvironmentFailure?,
            _ kind: Environment.Kind = .onDemand
        ) -> String {
            String(
                buffer: PlatformLines.report(
                    PlatformEvent.Report(
                        requestID: "r", nanoseconds: nanoseconds, maxMemoryUsedMiB: 94,
                        initNanoseconds: initNanoseconds, trace: "", failure: failure),
                    kind: kind, memorySizeMiB: 128))
        }
        // Provisioned concurrency is billed apart (developer guide, "Configuring provisioned concurrency").
        #expect(
            report(1_000_001, 293_050_000, nil, .provisioned)
                == "REPORT RequestId: r\tDuration: 1.00 ms\tBilled Duration: 2 ms\tMemory Size: 128 MB\t"
                + "Max Memory Used: 94 MB\tInit Duration: 293.05 ms\t")
        #expect(
            report(1_248_310_000, 293_050_000, .exited(SandboxExit(cause: .exited(status: 1))))
                == "REPORT RequestId: r\tDuration: 1248.31 ms\tBilled Duration: 1542 ms\tMemory Size: 128 MB\t"
                + "Max Memory Used: 94 MB\tInit Duration: 293.05 ms\tStatus: error\tError Type: Runtime.ExitError")
        #expect(
            report(600_000_000_000, 476_750_000, .timedOut(limit: .seconds(600)))
                == "REPORT RequestId: r\tDuration: 600000.00 ms\tBilled Duration: 600477 ms\tMemory Size: 128 MB\t"
                + "Max Memory Used: 94 MB\tInit Duration: 476.75 ms\tStatus: timeout")
        #expect(
            report(1_000_000, nil, nil)
                == "REPORT RequestId: r\tDuration: 1.00 ms\tBilled Duration: 1 ms\tMemory Size: 128 MB\tMax Memory Used: 94 MB\t"
        )
        #expect(report(4_000, nil, nil).contains("Duration: 0.00 ms\tBilled Duration: 1 ms"))
        #expect(report(1_005_001, nil, nil).contains("Duration: 1.01 ms\tBilled Duration: 2 ms"))
    }

    @Test(arguments: [
        ("python3.12", "python:3.12"), ("nodejs22.x", "nodejs:22"), ("provided.al2023", "provided:al2023"),
        ("provided.al2", "provided:al2"), ("java21", "java:21"),
    ])
    func runtimesAreNamedAsInLogs(identifier: String, name: String) {
        #expect(PlatformLines.initStart(runtime: identifier) == "INIT_START Runtime Version: \(name)")
    }

    /// The C library knows the calendar too.
    @Test(arguments: 0..<4 as Range<UInt64>) func datesAreThoseOfTheCalendar(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        for _ in 0..<500 {
            let milliseconds = Int64.random(in: -62_000_000_000_000...250_000_000_000_000, using: &generator)
            let date = UTCDate(millisecondsSince1970: milliseconds)
            var seconds = time_t((Double(milliseconds) / 1000).rounded(.down))
            var broken = tm()
            gmtime_r(&seconds, &broken)
            #expect(date.year == Int(broken.tm_year) + 1900)
            #expect([date.month, date.day] == [Int(broken.tm_mon) + 1, Int(broken.tm_mday)])
            #expect(
                [date.hour, date.minute, date.second] == [broken.tm_hour, broken.tm_min, broken.tm_sec].map(Int.init))
            #expect(((milliseconds % 1000) + 1000) % 1000 == Int64(date.millisecond))
        }
        #expect(UTCDate(millisecondsSince1970: 1_763_942_890_123).iso8601 == "2025-11-24T00:08:10.123Z")
    }

    /// The last 4 KB, of whole output: the API reference of Invoke.
    @Test func theTailIsTheEndOfTheLog() async throws {
        let fixture = FleetFixture { runtime in
            runtime.serve { event, connection in
                for number in 0..<2_000 { runtime.print("line \(number)\n") }
                connection.respond(event.requestID, "1")
            }
        }
        let outcome = try await fixture.invoke()
        #expect(outcome.logTail.readableBytes == 4096)
        #expect(outcome.tail.contains("\nline 1999\nEND RequestId: r-1\nREPORT RequestId: r-1\t"))
        #expect(outcome.tail.hasSuffix("\t\n"))
        try await eventually("all lines are there") { fixture.logs.lines.count == 2_004 }
        #expect(Array(fixture.logs.lines[2..<2_002]) == (0..<2_000).map { "line \($0)" })
        await fixture.fleet.shutDown()
    }

    /// A writer past its budget is held up by its pipe: what it wrote stays within the budget and what a pipe holds.
    @Test func aRunawayWriterIsHeldUp() async throws {
        let written = Atomic<Int>(0)
        let fixture = FleetFixture(settings: .changed { $0.outputBytesPerSecond = 200_000 }) { runtime in
            runtime.serve { event, connection in
                let chunk = String(repeating: "x", count: 4_095) + "\n"
                while !runtime.isKilled {
                    runtime.print(chunk)
                    written.add(chunk.utf8.count, ordering: .relaxed)
                }
            }
        }
        let start = ContinuousClock.now
        let outcome = try await fixture.invoke(version: fixture.version(timeout: .seconds(3)))
        #expect(outcome.text.contains("Task timed out"))
        // The windows of a second that fit into the invocation, however long a busy machine made it; a read may go past
        // the budget of each.
        let windows = Int((ContinuousClock.now - start).components.seconds) + 2
        #expect(fixture.logs.byteCount < windows * (200_000 + 2 * 65_536))
        #expect(written.load(ordering: .relaxed) > 0)
        await fixture.fleet.shutDown()
    }
}

/// The timer, on a loop whose clock the test moves.
@Suite struct DeadlineTimerTests {
    @Test func aDeadlineThatMovesOnFiresOnce() {
        let loop = EmbeddedEventLoop()
        let fired = Atomic<Int>(0)
        let timer = DeadlineTimer(on: loop) { fired.add(1, ordering: .relaxed) }
        let start = loop.now
        timer.set(start + .seconds(3))
        loop.advanceTime(by: .seconds(2))
        timer.set(start + .seconds(5))
        loop.advanceTime(by: .seconds(2))
        #expect(fired.load(ordering: .relaxed) == 0)
        loop.advanceTime(by: .seconds(1))
        #expect(fired.load(ordering: .relaxed) == 1)
        loop.advanceTime(by: .seconds(100))
        #expect(fired.load(ordering: .relaxed) == 1)
    }

    @Test func anEarlierDeadlineFiresEarlierAndNoneNever() {
        let loop = EmbeddedEventLoop()
        let fired = Atomic<Int>(0)
        let timer = DeadlineTimer(on: loop) { fired.add(1, ordering: .relaxed) }
        timer.set(loop.now + .seconds(600))
        timer.set(loop.now + .seconds(1))
        loop.advanceTime(by: .seconds(1))
        #expect(fired.load(ordering: .relaxed) == 1)
        timer.set(loop.now + .seconds(1))
        timer.set(nil)
        loop.advanceTime(by: .seconds(1000))
        #expect(fired.load(ordering: .relaxed) == 1)
        timer.set(loop.now + .seconds(1))
        timer.cancel()
        loop.advanceTime(by: .seconds(1000))
        #expect(fired.load(ordering: .relaxed) == 1)
    }
}
