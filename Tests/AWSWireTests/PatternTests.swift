import AWSWire
import Testing
import TestSupport

@Suite struct PatternTests {
    @Test func agreesWithPython() throws {
        var pattern: Pattern?
        var compared = 0
        for line in patternCases.split(separator: "\n") {
            let text = String(line.dropFirst())
            if line.first == "/" {
                pattern = try Pattern(text)
                continue
            }
            let current = try #require(pattern)
            #expect(current.matches(text) == (line.first == "+"), "\(current.source) on \(text)")
            compared += 1
        }
        #expect(compared > 1000)
    }

    // java.util.regex.Pattern: `\p{L}` and its kin are general categories of Unicode; CloudWatch Logs uses them for
    // tags.
    @Test func knowsGeneralCategories() throws {
        let pattern = try Pattern(#"^([\p{L}\p{Z}\p{N}_.:/=+\-@]+)$"#)
        #expect(pattern.matches("Größe 漢字 ٣:/=+-@_."))
        #expect(!pattern.matches(""))
        #expect(!pattern.matches("a,b"))
        #expect(!pattern.matches("a\tb"))
        #expect(try Pattern(#"\P{L}+"#).matches("123 !"))
        #expect(try !Pattern(#"\P{L}+"#).matches("12a"))
    }

    // java.util.regex.Pattern: two escapes that make a surrogate pair are one character of a class.
    @Test func joinsSurrogatePairs() throws {
        let pattern = try Pattern(#"[\u0020-\uD7FF\uE000-\uFFFD\uD800\uDC00-\uDBFF\uDFFF\r\n\t]*"#)
        #expect(pattern.matches("a😀\n"))
        #expect(!pattern.matches("a\u{1}"))
    }

    @Test(arguments: [
        "(", "(a", "a)", "[a", "a{", "a{x}", "a{3,2}", "a{9999}", "*a", "\\", "[b-a]", "(?<n>a)", "\\1", "[[:alpha:]]",
        "\\p{Greek}", "a\\q", "a(?<=a*)", "(?<!b+|c)a",
    ])
    func refusesWhatItDoesNotKnow(source: String) {
        #expect(throws: PatternError.self) { try Pattern(source) }
    }

    /// Expressions on which backtracking takes exponential time; here a match is linear in the text.
    @Test(.timeLimit(.minutes(10)), arguments: ["(a*)*b", "(a|a)*b", "(a|aa)+$b", "(.*)*x"])
    func staysFastOnHostileTexts(source: String) throws {
        #expect(try !Pattern(source).matches(String(repeating: "a", count: 3000)))
    }

    /// S3Bucket's expression asks its look-behind at every place; a text of this length would take hours if it began
    /// each time at the text's beginning.
    @Test(.timeLimit(.minutes(10))) func looksBehindNoFurtherThanItMust() throws {
        let pattern = try Pattern(#"[0-9A-Za-z\.\-_]*(?<!\.)"#)
        let text = String(repeating: "a", count: 200_000)
        #expect(pattern.matches(text))
        #expect(!pattern.matches(text + "."))
        // As Python's re: what is to be looked for may have several lengths and begin before the present place.
        let several = try Pattern("[ab]*(?<=ab|b{3}|(?:ba){2})")
        for (text, matches) in [
            ("ab", true), ("b", false), ("bb", false), ("bbb", true), ("aba", false), ("baba", true), ("", false),
        ] {
            #expect(several.matches(text) == matches, "\(text)")
        }
    }

    @Test(.timeLimit(.minutes(10))) func clientsExpressionsAreFoundAnywhere() throws {
        let pattern = try Pattern(untrusted: #"b\d{2}|^start|end$"#)
        for (text, isThere) in [
            ("ab12c", true), ("a\nb12", true), ("b1", false), ("starting", true), ("restart", false), ("the end", true),
            ("ended", false), ("", false),
        ] {
            #expect(pattern.occurs(in: text) == isThere, "\(text)")
        }
        // What makes a backtracking search take years.
        #expect(try !Pattern(untrusted: "(a*)*b").occurs(in: String(repeating: "a", count: 50_000)))
    }

    @Test func clientsExpressionsAreBounded() {
        for source in [
            "", "((a{100}){100}){100}", "a{513}", "(?=a)b", "(?<!a)b",
            String(repeating: "(", count: 65) + "a" + String(repeating: ")", count: 65),
        ] {
            #expect(throws: PatternError.self, "\(source)") { try Pattern(untrusted: source) }
        }
    }

    @Test func damagedExpressionsAreCompiledOrRefused() {
        var random = SeededGenerator(seed: 3)
        let sources = patternCases.split(separator: "\n").filter { $0.first == "/" }.map { Array($0.dropFirst().utf8) }
        var refused = 0
        for source in sources {
            for _ in 0..<20 {
                let text = String(decoding: random.mutated(source), as: UTF8.self)
                guard let pattern = try? Pattern(text) else {
                    refused += 1
                    continue
                }
                _ = pattern.matches("arn:aws:lambda:us-east-1:123456789012:function:f")
            }
        }
        #expect(refused > 0)
    }
}
