import FoundationEssentials

/// The files of this repository, found from this file's place.
enum Repository {
    static let root = #filePath.split(separator: "/", omittingEmptySubsequences: false).dropLast(3)
        .joined(separator: "/")

    /// The files under `folders` with one of `extensions`.
    static func files(in folders: [String], _ extensions: [String]) throws -> [SourceFile] {
        try folders.flatMap { folder in
            try FileManager.default.subpathsOfDirectory(atPath: "\(root)/\(folder)").sorted()
                .filter { path in extensions.contains { path.hasSuffix(".\($0)") } }
                .map { try SourceFile(path: "\(folder)/\($0)") }
        }
    }
}

/// A text file: its path from the root, and its lines.
struct SourceFile: CustomTestStringConvertible {
    let path: String
    let lines: [Substring]

    init(path: String) throws {
        let text = try String(contentsOfFile: "\(Repository.root)/\(path)", encoding: .utf8)
        self.init(path: path, text: text)
    }

    init(path: String, text: String) {
        self.path = path
        var lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        if lines.last == "" { lines.removeLast() }
        self.lines = lines
    }

    var testDescription: String { path }

    /// The modules that a Swift file imports, whole or by declaration.
    var imports: [String] {
        lines.compactMap { line in
            guard line.contains("import ") else { return nil }
            var words = line.split(separator: " ")[...]
            while let word = words.first, word.hasPrefix("@") || Self.accessLevels.contains(String(word)) {
                words.removeFirst()
            }
            guard words.popFirst() == "import" else { return nil }
            if let kind = words.first, Self.declarations.contains(String(kind)) { words.removeFirst() }
            return words.first?.split(separator: ".").first.map(String.init)
        }
    }

    private static let accessLevels: Set = ["public", "package", "internal", "fileprivate", "private"]
    private static let declarations: Set = ["struct", "class", "enum", "protocol", "typealias", "func", "var", "let"]
}
