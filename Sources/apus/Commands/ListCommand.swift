import AWSWire
import ArgumentParser

/// `apus list`: the functions of the account and region.
struct ListCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "List the functions, with runtime, memory and timeout.")

    @OptionGroup var client: ClientOptions

    func run() async throws {
        let rows = try await client.client().listFunctions().map { function in
            [
                function["FunctionName"]?.string ?? "",
                function["Runtime"]?.string ?? (function["PackageType"]?.string == "Image" ? "image" : ""),
                "\(function["MemorySize"]?.int ?? 0) MB",
                "\(function["Timeout"]?.int ?? 0) s",
                function["LastModified"]?.string ?? "",
            ]
        }
        guard !rows.isEmpty else { return print("No functions yet. `apus deploy DIR` makes one.") }
        let table = [["NAME", "RUNTIME", "MEMORY", "TIMEOUT", "LAST MODIFIED"]] + rows
        let widths = table[0].indices.map { column in table.map { $0[column].count }.max() ?? 0 }
        for row in table {
            let cells = zip(row, widths).map { cell, width in cell + String(repeating: " ", count: width - cell.count) }
            print(Self.trimmed(cells.joined(separator: "  ")))
        }
    }

    private static func trimmed(_ line: String) -> Substring {
        guard let last = line.lastIndex(where: { $0 != " " }) else { return "" }
        return line[...last]
    }
}
