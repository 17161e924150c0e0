import NIOCore
import Synchronization
import TestSupport
import Testing

@testable import AWSWire

/// The pipe between what makes a body and who writes it out.
@Suite struct ResponseStreamTests {
    /// Counts calls.
    final class Bell: Sendable {
        private let rings = Mutex(0)
        var count: Int { rings.withLock { $0 } }
        func ring() { rings.withLock { $0 += 1 } }
    }

    private func text(_ next: ResponseStream.Next) -> String {
        switch next {
        case .part(let part): String(buffer: part)
        case .nothing: "-"
        case .end: "end"
        case .failed: "failed"
        }
    }

    private func read(_ stream: ResponseStream, upTo size: Int = .max, bell: Bell = Bell()) -> String {
        text(stream.next(upTo: size) { bell.ring() })
    }

    @Test func partsComeInOrderAndOnceEach() {
        let stream = ResponseStream()
        let bell = Bell()
        #expect(read(stream, bell: bell) == "-")
        #expect(bell.count == 0)
        #expect(stream.write(ByteBuffer(string: "one")))
        #expect(bell.count == 1)
        #expect(stream.write(ByteBuffer(string: "two")))
        #expect(bell.count == 1)
        stream.finish()
        #expect([read(stream), read(stream), read(stream), read(stream)] == ["one", "two", "end", "end"])
    }

    @Test func endsWakeTheReader() {
        for (end, word) in [(ResponseStream.finish, "end"), (ResponseStream.fail, "failed")] {
            let stream = ResponseStream()
            let bell = Bell()
            #expect(read(stream, bell: bell) == "-")
            end(stream)()
            #expect(bell.count == 1)
            #expect(read(stream, bell: bell) == word)
            // The first end counts, and nothing comes after it.
            stream.finish()
            stream.fail()
            #expect(stream.write(ByteBuffer(string: "late")))
            #expect(read(stream) == word)
        }
    }

    @Test func partsAreNotCopied() {
        let stream = ResponseStream()
        let part = ByteBuffer(string: String(repeating: "x", count: 1000))
        _ = stream.write(part)
        guard case .part(let taken) = stream.next(upTo: .max, wake: {}) else { Issue.record("no part"); return }
        let places = [part, taken].map { $0.withUnsafeReadableBytes { UInt(bitPattern: $0.baseAddress) } }
        #expect(places[0] == places[1])
    }

    @Test func largePartsComeInPieces() {
        let stream = ResponseStream()
        _ = stream.write(ByteBuffer(string: "abcdefgh"))
        stream.finish()
        #expect((0..<4).map { _ in read(stream, upTo: 3) } == ["abc", "def", "gh", "end"])
    }

    @Test func aFullBufferHoldsTheWriterUntilHalfIsTaken() {
        let stream = ResponseStream(buffer: 4096)
        let bell = Bell()
        stream.whenWritable { bell.ring() }
        let part = ByteBuffer(repeating: 0, count: 1024)
        #expect((0..<4).map { _ in stream.write(part) } == [true, true, true, false])
        _ = read(stream)
        #expect(bell.count == 0)
        _ = read(stream)
        #expect(bell.count == 1)
        _ = read(stream)
        #expect(bell.count == 1)
        #expect(stream.write(part))
    }

    @Test func tinyPartsCannotFillTheMemory() {
        let stream = ResponseStream(buffer: 4096)
        var count = 0
        while stream.write(ByteBuffer(string: "x")), count < 1000 { count += 1 }
        #expect(count < 20)
    }

    @Test func aReaderAtWorkKeepsTheWriterGoing() {
        let stream = ResponseStream(buffer: 1024)
        let total = Mutex(0)
        // Reads whatever is written from within the call that writes it.
        @Sendable func readOn() {
            while case .part(let part) = stream.next(upTo: .max, wake: { readOn() }) {
                total.withLock { $0 += part.readableBytes }
            }
        }
        readOn()
        for _ in 0..<10 { #expect(stream.write(ByteBuffer(repeating: 1, count: 5000))) }
        #expect(total.withLock { $0 } == 50_000)
    }

    @Test func aReaderThatGoesAwayHoldsNobody() {
        let stream = ResponseStream(buffer: 1024)
        let bell = Bell()
        stream.whenWritable { bell.ring() }
        #expect(!stream.write(ByteBuffer(repeating: 1, count: 5000)))
        stream.cancel()
        #expect(bell.count == 1)
        #expect(stream.isCancelled)
        for _ in 0..<10 { #expect(stream.write(ByteBuffer(repeating: 1, count: 5000))) }
        #expect(read(stream) == "-")
    }

    /// Two threads: everything arrives, in order, and never much more than the buffer's size waits.
    @Test(arguments: 0..<8) func acrossThreads(seed: UInt64) async {
        let stream = ResponseStream(buffer: 2048)
        let (wakes, wakeReader) = AsyncStream.makeStream(of: Void.self)
        let (turns, wakeWriter) = AsyncStream.makeStream(of: Void.self)
        stream.whenWritable { wakeWriter.yield() }
        async let sent = Task.detached {
            var random = SeededGenerator(seed: seed)
            var all: [UInt8] = []
            var waits = turns.makeAsyncIterator()
            for _ in 0..<500 {
                let part = (0..<Int.random(in: 1...1500, using: &random)).map { UInt8(truncatingIfNeeded: $0) }
                all += part
                if !stream.write(ByteBuffer(bytes: part)) { await waits.next() }
            }
            stream.finish()
            return all
        }.value
        var received: [UInt8] = []
        var waits = wakes.makeAsyncIterator()
        reading: while true {
            switch stream.next(upTo: 700, wake: { wakeReader.yield() }) {
            case .part(let part): received += part.readableBytesView
            case .nothing: await waits.next()
            case .end: break reading
            case .failed:
                Issue.record("failed")
                break reading
            }
        }
        let all = await sent
        #expect(received == all)
    }
}
