import Testing

@testable import Policies

@Suite struct PatternTests {
    // A pattern against a text of as many bytes, with stars enough to make a backtracking matcher take for ever.
    @Test(.timeLimit(.minutes(10))) func patternsCannotBeMadeSlow() {
        let text = String(repeating: "a", count: 2_000)
        let pattern = String(repeating: "*a", count: 500) + "b"
        #expect(!TextPattern(pattern).matches(text))
        #expect(TextPattern(String(repeating: "*a", count: 500)).matches(text))
    }

    @Test func questionMarksStandForCharacters() {
        #expect(TextPattern("?").matches("é"))
        #expect(!TextPattern("??").matches("é"))
    }

    // The star against every way to cut a text, as a model that cannot be wrong.
    @Test func globsAgreeWithTheirDefinition() {
        func model(_ text: Substring, _ pattern: Substring) -> Bool {
            guard let first = pattern.first else { return text.isEmpty }
            let rest = pattern.dropFirst()
            if first == "*" { return text.indices.contains { model(text[$0...], rest) } || model("", rest) }
            guard let letter = text.first, first == "?" || first == letter else { return false }
            return model(text.dropFirst(), rest)
        }
        func words(_ letters: String, _ length: Int) -> [String] {
            length == 0
                ? [""] : words(letters, length - 1).flatMap { word in [word] + letters.map { word + String($0) } }
        }
        let texts = Set(words("ab", 4))
        for pattern in Set(words("ab*?", 4)) {
            for text in texts {
                #expect(TextPattern(pattern).matches(text) == model(text[...], pattern[...]), "\(text) \(pattern)")
            }
        }
    }
}
