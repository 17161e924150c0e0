import ArgumentParser

/// The command line. `serve` is the product; the rest are clients of its public API, but for `doctor` and `env`, which
/// look at this machine.
struct Apus: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "apus",
        abstract: "AWS Lambda on your own machines.",
        discussion: """
            Start the server, then point any AWS tool at it:

              apus serve &
              eval "$(apus env)"
              aws lambda list-functions
            """,
        version: Version.current,
        subcommands: [
            ServeCommand.self, EnvCommand.self, DoctorCommand.self, DeployCommand.self, InvokeCommand.self,
            LogsCommand.self, ListCommand.self, IAMCommand.self, SignCommand.self, SigningProfilesCommand.self,
            RuntimesCommand.self,
        ]
    )
}

/// The product's version, as `--version` and `/_apus/health` give it.
enum Version {
    static let current = "0.1.0"
}
