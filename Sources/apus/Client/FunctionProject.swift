import Glibc

/// What `apus deploy` makes of a directory of code: which runtime runs it, and where the handler is.
struct FunctionProject: Equatable {
    var runtime: String
    var handler: String
    /// Why: the sentence that `apus deploy` prints.
    var reason: String

    /// The newest runtime of each language that AWS offers as the default for new functions.
    private static let python = "python3.13"
    private static let node = "nodejs22.x"
    private static let ruby = "ruby3.4"

    private static let pythonFiles = ["lambda_function.py", "app.py", "main.py", "handler.py", "index.py"]
    private static let nodeFiles = ["index", "app", "main", "handler"].flatMap { name in
        [".mjs", ".js", ".cjs"].map { name + $0 }
    }
    private static let rubyFiles = ["lambda_function.rb", "app.rb", "main.rb", "handler.rb", "index.rb"]
    private static let powerShellFiles = ["app.ps1", "main.ps1", "handler.ps1", "index.ps1", "script.ps1"]
    private static let functionNames = ["lambda_handler", "handler", "main"]

    /// Looks at the files directly in `directory`.
    ///
    /// - Returns: nil when nothing there looks like a function.
    static func guess(directory: String) -> FunctionProject? {
        if access("\(directory)/bootstrap", X_OK) == 0 {
            return FunctionProject(
                runtime: "provided.al2023", handler: "bootstrap", reason: "it has an executable `bootstrap`")
        }
        for file in pythonFiles {
            guard let source = text("\(directory)/\(file)") else { continue }
            let name = functionNames.first { defines($0, in: source, after: "def ") } ?? "lambda_handler"
            return project(python, file: file, function: name)
        }
        for file in nodeFiles {
            guard let source = text("\(directory)/\(file)") else { continue }
            let name = functionNames.first { source.contains($0) } ?? "handler"
            return project(node, file: file, function: name)
        }
        for file in rubyFiles {
            guard let source = text("\(directory)/\(file)") else { continue }
            let name = functionNames.first { defines($0, in: source, after: "def ") } ?? "lambda_handler"
            return project(ruby, file: file, function: name)
        }
        if let file = powerShellFiles.first(where: { access("\(directory)/\($0)", R_OK) == 0 }) {
            return FunctionProject(runtime: "provided.al2023", handler: file, reason: "\(file) is a PowerShell script")
        }
        return javaHandler(directory: directory)
    }

    private static func project(_ runtime: String, file: String, function: String) -> FunctionProject {
        let module = file[..<(file.lastIndex(of: ".") ?? file.endIndex)]
        return FunctionProject(
            runtime: runtime, handler: "\(module).\(function)", reason: "\(file) has `\(function)`")
    }

    /// Whether a line of `source` begins with `keyword` (or `async` and it) and the name, then an opening parenthesis.
    private static func defines(_ name: String, in source: String, after keyword: String) -> Bool {
        source.split(separator: "\n").contains { line in
            line.hasPrefix("\(keyword)\(name)(") || line.hasPrefix("async \(keyword)\(name)(")
        }
    }

    /// A file's text; nil when it cannot be read.
    private static func text(_ path: String) -> String? {
        (try? LocalFile.read(path)).map { String(decoding: $0, as: UTF8.self) }
    }
}
