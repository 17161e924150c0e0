/// The house plan: the table of floors in ARCHITECTURE.md.
struct Floors {
    /// The floor of each module.
    let byModule: [String: Int]

    /// Reads the table, of whose words those in `modules` matter, each the first time that it stands at the beginning
    /// of a column.
    ///
    /// A row is a floor's digit, two spaces and columns of a module's name and words about it.
    init(architecture: SourceFile, modules: Set<String>) {
        var floors: [String: Int] = [:]
        for line in architecture.lines {
            guard let digit = line.first?.wholeNumberValue, line.dropFirst().hasPrefix("  ") else { continue }
            // Columns begin behind two spaces or more: behind an empty word.
            let words = line.dropFirst().split(separator: " ", omittingEmptySubsequences: false).map(String.init)
            for (gap, word) in zip(words, words.dropFirst())
            where gap.isEmpty && modules.contains(word) && floors[word] == nil {
                floors[word] = digit
            }
        }
        byModule = floors
    }

    /// Whether code of `module` may import `other`. Modules that are not ours are on no floor, and free.
    func allows(_ module: String, toImport other: String) -> Bool {
        guard let from = byModule[module], let to = byModule[other] else { return true }
        return to < from
    }
}

/// A target of the manifest.
struct ManifestTarget: Equatable {
    var name: String
    /// Whether it is a test target.
    var isTest: Bool
    /// Its folder, from the root.
    var path: String
    /// All quoted words of its declaration but its name: its dependencies on our targets among them.
    var words: Set<String>

    /// The targets that a manifest declares.
    static func all(in manifest: SourceFile) -> [ManifestTarget] {
        let text = manifest.lines.drop { !$0.hasPrefix("    targets: [") }.dropFirst()
            .filter { !$0.contains("//") }.joined(separator: " ")
        return declarations(of: Substring(text)).compactMap { kind, body in
            let quoted = body.split(separator: "\"", omittingEmptySubsequences: false).enumerated()
                .filter { $0.offset % 2 == 1 }.map { String($0.element) }
            guard let name = quoted.first else { return nil }
            let isTest = kind == "tests"
            let folder = body.firstRange(of: "path: \"").map { String(body[$0.upperBound...].prefix { $0 != "\"" }) }
            return ManifestTarget(
                name: name, isTest: isTest, path: folder ?? "\(isTest ? "Tests" : "Sources")/\(name)",
                words: Set(quoted.dropFirst()))
        }
    }

    /// The calls in a list of calls: each one's name, and what is between its parentheses.
    private static func declarations(of text: Substring) -> [(kind: String, body: Substring)] {
        var found: [(kind: String, body: Substring)] = []
        var rest = text
        while let open = rest.firstIndex(of: "(") {
            let kind = rest[..<open].split { !$0.isLetter }.last.map(String.init) ?? ""
            var depth = 0
            let close = rest[open...].firstIndex { character in
                if character == "(" { depth += 1 }
                if character == ")" { depth -= 1 }
                return depth == 0
            }
            guard let close else { break }
            found.append((kind, rest[rest.index(after: open)..<close]))
            rest = rest[rest.index(after: close)...]
        }
        return found
    }
}
