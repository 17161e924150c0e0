import AWSWire
import ArgumentParser
import NIOCore
import Runtimes

/// `apus runtimes`: which languages this machine runs, and getting more.
struct RuntimesCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "runtimes",
        abstract: "List what serves each of AWS's runtimes on this machine, or install one.",
        subcommands: [List.self, Install.self],
        defaultSubcommand: List.self)

    /// `apus runtimes [list]`.
    struct List: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "list",
            abstract: "List the runtimes: native, substituted by another version of the language, or missing.")

        @Flag(help: "Print an array of JSON objects.")
        var json = false

        @Option(help: "The server's data directory, which has the runtimes that were installed.")
        var data: String?

        func run() throws {
            let discovery = Discovery(
                environment: Variables.current, installed: try DataDirectory.runtimes(chosen: data))
            let catalogue = RuntimeCatalogue.discover(discovery, files: RuntimeFiles(directory: "/nonexistent"))
            if json {
                print(Self.document(catalogue.report))
            } else {
                for line in catalogue.report { show(line) }
            }
        }

        private func show(_ line: RuntimeCatalogue.Line) {
            let served = line.served.word
            let by =
                line.interpreter.map { "\($0.language.title) \($0.version)  \($0.prefix)/\($0.executable)" } ?? line.by
            print(Self.column(line.identifier, 18) + Self.column(served, 13) + (line.served == .missing ? "" : by))
            if line.served == .missing, let reason = line.reason { print("    \(reason)") }
            if let remedy = line.remedy { print("    install: \(remedy)") }
        }

        private static func column(_ text: String, _ width: Int) -> String {
            text + String(repeating: " ", count: max(1, width - text.count))
        }

        static func document(_ lines: [RuntimeCatalogue.Line]) -> String {
            var writer = JSONWriter()
            writer.beginArray()
            for line in lines {
                writer.beginObject()
                field("runtime", line.identifier, &writer)
                field("status", line.served.word, &writer)
                if let interpreter = line.interpreter {
                    field("language", interpreter.language.title, &writer)
                    field("version", interpreter.version.description, &writer)
                    field("path", interpreter.prefix + "/" + interpreter.executable, &writer)
                }
                field("reason", line.reason, &writer)
                field("install", line.remedy, &writer)
                writer.endObject()
            }
            writer.endArray()
            return String(buffer: writer.buffer)
        }

        private static func field(_ name: String, _ value: String?, _ writer: inout JSONWriter) {
            guard let value else { return }
            writer.name(name)
            writer.string(value)
        }
    }

    /// `apus runtimes install NAME`.
    struct Install: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "install",
            abstract: "Get a runtime from the package registry that has it.",
            discussion: """
                Node.js comes from the Python Package Index, by pip, into the server's data directory; Python and .NET
                from the system's package manager, which takes root. dotnetcore3.1 is an old .NET that the index has,
                for code built for it or for .NET Standard. What was got is run before it counts as installed.

                A running server sees it after its next start. The command never runs as a part of the server.
                """)

        @Argument(help: "A runtime identifier, such as nodejs22.x.")
        var runtime: String

        @Option(help: "The server's data directory (default: /var/lib/apus for root, else ~/.local/share/apus).")
        var data: String?

        func run() throws {
            let path = try DataDirectory.path(chosen: data)
            try DataDirectory.make(path)
            let installer = RuntimeInstaller(
                directory: path + "/" + DataDirectory.runtimes, environment: Variables.current)
            let found = try installer.install(runtime)
            print("\(runtime): \(found.language.title) \(found.version) (\(found.prefix)/\(found.executable))")
            print("A running server uses it after its next start.")
        }
    }
}

extension RuntimeCatalogue.Line.Served {
    /// The word that people and programs read.
    fileprivate var word: String {
        switch self {
        case .exactly: "native"
        case .nearest: "substituted"
        case .missing: "missing"
        }
    }
}
