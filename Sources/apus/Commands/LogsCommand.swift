import AWSWire
import ArgumentParser
import Glibc

/// `apus logs`: what a function wrote.
struct LogsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "logs",
        abstract: "Print a function's log, oldest first.",
        discussion: "The log is the group /aws/lambda/NAME; `aws logs tail` reads the same."
    )

    @Argument(help: "The function's name.")
    var name: String

    @Flag(help: "Go on printing what comes, until Ctrl-C.")
    var follow = false

    @OptionGroup var client: ClientOptions

    func run() async throws {
        let client = try client.client()
        let group = "/aws/lambda/\(name)"
        var from = 0
        var seen: Set<String> = []
        while true {
            var token: String?
            var newest = from
            var latest: Set<String> = []
            repeat {
                let page = try await client.filterLogEvents(group: group, from: from, token: token)
                if page == nil, !follow { throw ClientError.usage("There is no log of \(name): it was never invoked.") }
                for event in page?["events"]?.elements ?? [] {
                    let id = event["eventId"]?.string ?? ""
                    let time = event["timestamp"]?.int ?? from
                    if time > newest { (newest, latest) = (time, []) }
                    if time == newest { latest.insert(id) }
                    if !seen.contains(id) { Self.printMessage(event["message"]?.string ?? "") }
                }
                token = page?["nextToken"]?.string
            } while token != nil
            guard follow else { return }
            // The next question begins at the newest millisecond, of which some events may still be to come.
            seen = newest == from ? seen.union(latest) : latest
            from = newest
            try await Task.sleep(for: .milliseconds(500))
        }
    }

    private static func printMessage(_ message: String) {
        print(message, terminator: message.hasSuffix("\n") ? "" : "\n")
        fflush(nil)
    }
}
