import Testing
import TestSupport

@testable import LogsService

/// Expectations are those of "Filter pattern syntax" in the CloudWatch Logs user guide, section on unstructured log
/// events.
@Suite struct FilterPatternTests {
    private func matches(_ pattern: String, _ message: String) throws -> Bool {
        try FilterPattern(pattern).matches(Array(message.utf8))
    }

    @Test(arguments: [
        ("", "anything", true),
        ("   ", "anything", true),
        ("ERROR", "[ERROR 400] BAD REQUEST", true),
        ("ERROR", "[WARN] fine", false),
        ("error", "ERROR", false),
        ("ERROR ARGUMENTS", "[ERROR 419] MISSING ARGUMENTS", true),
        ("ERROR ARGUMENTS", "[ERROR 401] UNAUTHORIZED", false),
        ("?ERROR ?ARGUMENTS", "INVALID ARGUMENTS", true),
        ("?ERROR ?ARGUMENTS", "fine", false),
        ("\"INTERNAL SERVER ERROR\"", "[ERROR 500] INTERNAL SERVER ERROR", true),
        ("\"INTERNAL SERVER ERROR\"", "ERROR SERVER INTERNAL", false),
        ("ERROR -ARGUMENTS", "[ERROR 400] BAD REQUEST", true),
        ("ERROR -ARGUMENTS", "[ERROR 419] MISSING ARGUMENTS", false),
        ("-\"BAD REQUEST\"", "[ERROR 400] BAD REQUEST", false),
        ("?\"a b\" ?c", "a b", true),
        // Optional terms are ignored beside others.
        ("ERROR ?WARN", "only ERROR", true),
        ("ERROR ?WARN", "only WARN", false),
        (#""say \"hi\"""#, #"say "hi""#, true),
        ("größe", "die größe", true),
        ("abcd", "abc", false),
        ("aab", "aaab", true),
    ])
    func matches(pattern: String, message: String, expected: Bool) throws {
        #expect(try matches(pattern, message) == expected)
    }

    @Test func refusals() {
        #expect(throws: FilterPattern.Failure.unsupported(kind: "JSON")) { try FilterPattern("{ $.a = 1 }") }
        #expect(throws: FilterPattern.Failure.unsupported(kind: "space-delimited")) { try FilterPattern("[a, b]") }
        #expect(throws: FilterPattern.Failure.unsupported(kind: "regular expression")) { try FilterPattern("%a%") }
        #expect(throws: FilterPattern.Failure.unterminatedQuote) { try FilterPattern("\"a") }
        // AWS: Invalid character(s) in term '…'.
        #expect(throws: FilterPattern.Failure.characters(term: "a:b")) { try FilterPattern("x a:b") }
        #expect(throws: FilterPattern.Failure.characters(term: "\"\"")) { try FilterPattern("\"\"") }
        #expect(throws: FilterPattern.Failure.characters(term: "-")) { try FilterPattern("- a") }
        #expect(throws: FilterPattern.Failure.characters(term: "\"a\"b")) { try FilterPattern("\"a\"b") }
    }

    /// A search that begins anew at each place would take minutes for this, on the thread of a reader.
    @Test func repetitiveTextsAreSearchedInOnePass() throws {
        let repeated = String(repeating: "a", count: 1000)
        let message = String(repeating: "a", count: 8 << 20) + "b"
        #expect(try matches("\(repeated)b", message))
        #expect(try !matches("\(repeated)c", message))
        #expect(try !matches("b\(repeated)", message))
    }

    /// Against the plain definition, on texts that nearly match in many places.
    @Test func phrasesAreFoundWhereTheyAre() {
        var random = SeededGenerator(seed: 11)
        for _ in 0..<3000 {
            let bytes = (0..<Int.random(in: 0...40, using: &random)).map { _ in UInt8.random(in: 1...2, using: &random)
            }
            let term = (0..<Int.random(in: 0...7, using: &random)).map { _ in UInt8.random(in: 1...2, using: &random) }
            let isThere = bytes.indices.contains { bytes[$0...].starts(with: term) } || term.isEmpty
            #expect(bytes.withUnsafeBytes { Phrase(term).occurs(in: $0) } == isThere, "\(term) in \(bytes)")
        }
    }

    /// Whatever the bytes, a pattern is read or refused, and what is read can be asked.
    @Test func anyTextIsReadOrRefused() {
        var random = SeededGenerator(seed: 7)
        let alphabet = Array(#"ab -?"\{[% "#)
        var read = 0
        for _ in 0..<5000 {
            let text = String(
                (0..<Int.random(in: 0...12, using: &random)).map { _ in
                    alphabet.randomElement(using: &random) ?? "a"
                })
            guard let pattern = try? FilterPattern(text) else { continue }
            read += 1
            let message = Array("ab a b".utf8)
            if pattern.isEmpty { #expect(pattern.matches(message)) }
            _ = pattern.matches(message)
            _ = pattern.matches([])
        }
        #expect(read > 100)
    }
}
