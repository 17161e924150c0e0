import Testing

/// What the formatter does not look at.
@Suite struct TextTests {
    private static let code = ["Sources", "Tests", "Benchmarks"]

    @Test func nothingWasLeftToDo() throws {
        // Written in halves, so that this file passes.
        let markers: Set = ["TO" + "DO", "FIX" + "ME", "XX" + "X", "HA" + "CK"]
        let files = try Repository.files(
            in: Self.code + ["Scripts", "Examples"], ["swift", "c", "h", "py", "mjs", "sh"])
        #expect(files.count > 100)
        for file in files {
            for (index, line) in file.lines.enumerated() {
                let found = line.split { !$0.isLetter }.first { markers.contains(String($0)) }
                #expect(found == nil, "\(file.path):\(index + 1)")
            }
        }
    }

    /// 120 columns, but for what cannot be broken: lines with a string literal.
    @Test func linesFit() throws {
        for file in try Repository.files(in: Self.code, ["swift", "c", "h"]) {
            if file.path == "Tests/AWSWireTests/PatternCases.swift" { continue }
            for (index, line) in file.lines.enumerated() where line.count > 120 {
                #expect(line.contains("\""), "\(file.path):\(index + 1) has \(line.count) columns")
            }
        }
    }

    /// Past 600 lines a file holds more than one idea; generated shapes and recorded cases hold none.
    @Test func filesHoldOneIdea() throws {
        for file in try Repository.files(in: Self.code, ["swift", "c", "h"]) {
            if file.path.hasPrefix("Sources/Models/") || file.path == "Tests/AWSWireTests/PatternCases.swift" {
                continue
            }
            #expect(file.lines.count <= 600, "\(file.path) has \(file.lines.count) lines")
        }
    }

    @Test func noFileIsEmpty() throws {
        for file in try Repository.files(in: Self.code, ["swift"]) {
            let content = file.lines.filter { !$0.isEmpty && !$0.hasPrefix("//") && !$0.hasPrefix("import ") }
            #expect(!content.isEmpty, "\(file.path) declares nothing")
        }
    }
}
