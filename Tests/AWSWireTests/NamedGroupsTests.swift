import AWSWire
import Testing
import TestSupport

/// What named groups find. Expectations are those of Python's `re.search`.
@Suite struct NamedGroupsTests {
    private func values(_ source: String, _ text: String) throws -> [String: String]? {
        let groups = try NamedGroups(untrusted: source)
        guard let values = groups.values(in: text) else { return nil }
        return Dictionary(
            uniqueKeysWithValues: zip(groups.names, values).compactMap { name, value in
                value.map { (name, $0) }
            })
    }

    @Test func agreesWithPython() throws {
        var compared = 0
        for line in namedGroupCases.split(separator: "\n") {
            let parts = line.split(separator: "\t", omittingEmptySubsequences: false).map(String.init)
            let groups = try NamedGroups(untrusted: parts[0])
            let expected = parts.dropFirst(2).map { $0 == "-" ? nil : String($0.dropFirst()) }
            #expect(groups.values(in: parts[1]) == (expected.isEmpty ? nil : expected), "\(line)")
            compared += 1
        }
        #expect(compared == 500)
    }

    @Test func theFirstMatchCounts() throws {
        #expect(try values(#"(?<n>\d+)"#, "a12b345") == ["n": "12"])
        #expect(
            try values(#"user=(?<user>\w+), ms=(?<ms>[\d.]+)"#, "x user=ann, ms=1.5 user=bob, ms=2")
                == ["user": "ann", "ms": "1.5"])
        #expect(try values(#"(?<n>\d+)"#, "none") == nil)
        #expect(try values(#"(?<n>\d*)"#, "a1") == ["n": ""])
        #expect(try values("(?<n>ö+)ß", "aöößb") == ["n": "öö"])
    }

    @Test func greedAndLazinessDecide() throws {
        #expect(try values(#""(?<q>.*)""#, #"a "b" c "d" e"#) == ["q": #"b" c "d"#])
        #expect(try values(#""(?<q>.*?)""#, #"a "b" c "d" e"#) == ["q": "b"])
        #expect(try values(#"(?<a>x{1,3}?)(?<b>x*)"#, "xxxx") == ["a": "x", "b": "xxx"])
        #expect(try values(#"(?<a>x{1,3})(?<b>x*)"#, "xxxx") == ["a": "xxx", "b": "x"])
        #expect(try values(#"(?<a>x??)(?<b>x?)"#, "xx") == ["a": "", "b": "x"])
    }

    @Test func theFirstAlternativeIsPreferred() throws {
        #expect(try values("(?<n>a|ab)(?<m>c|bcd)?", "abcd") == ["n": "a", "m": "bcd"])
        #expect(try values("(?<one>cat)|(?<other>dog)", "a dog, a cat") == ["other": "dog"])
        #expect(try values("(?:(?<n>a)|b)*", "aab") == ["n": "a"])
    }

    @Test func anchorsHold() throws {
        #expect(try values(#"^(?<n>\w+)"#, "ab cd") == ["n": "ab"])
        #expect(try values(#"(?<n>\w+)$"#, "ab cd") == ["n": "cd"])
        #expect(try values(#"^(?<n>\d+)$"#, "1a") == nil)
    }

    /// One pass, whatever the text: a backtracking search would not come back.
    @Test(.timeLimit(.minutes(10))) func hostileExpressionsAreLinear() throws {
        let text = String(repeating: "a", count: 5_000)
        #expect(try values("(?<n>(a*)*)b", text) == nil)
        #expect(try values("(?<n>(a|aa)+)$", text) == ["n": text])
    }

    @Test(arguments: [
        "", "(?<>a)", "(?<1>a)", "(?<n>a)(?<n>b)", "(?<n a)", "(?<n>a", "(?<n>a)(?=b)", #"(?<n>\1)"#,
        "(?<n>a{4000})",
    ])
    func unusableExpressions(_ source: String) {
        #expect(throws: PatternError.self) { try NamedGroups(untrusted: source) }
    }
}
