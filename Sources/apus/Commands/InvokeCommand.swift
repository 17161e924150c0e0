import AWSWire
import ArgumentParser
import Glibc
import NIOCore
import NIOHTTP1

/// `apus invoke`: one synchronous invocation.
struct InvokeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "invoke",
        abstract: "Invoke a function and print its answer.",
        discussion: """
            Exits with 1 when the function failed.

              apus invoke hello --payload '{"name": "Apus"}' --log
              apus invoke hello --payload @event.json
            """
    )

    @Argument(help: "The function's name or ARN.")
    var name: String

    @Option(help: ArgumentHelp("The event: JSON, or the file that holds it (default: {}).", valueName: "json|@file"))
    var payload: String?

    @Flag(help: "Print the end of the invocation's log to standard error.")
    var log = false

    @OptionGroup var client: ClientOptions

    func run() async throws {
        let event: ByteBuffer =
            switch payload {
            case nil: ByteBuffer(string: "{}")
            case let text? where text.hasPrefix("@"): ByteBuffer(bytes: try LocalFile.read(String(text.dropFirst())))
            case let text?: ByteBuffer(string: text)
            }
        let answer = try await client.client().invoke(name, payload: event, tail: log)
        if log, let tail = answer.headers.first(name: "X-Amz-Log-Result").flatMap(Base64.decode) {
            LocalFile.write(tail, to: STDERR_FILENO)
        }
        LocalFile.write(Array(buffer: answer.body) + [UInt8(ascii: "\n")], to: STDOUT_FILENO)
        if answer.headers.contains(name: "X-Amz-Function-Error") { throw ExitCode.failure }
    }
}
