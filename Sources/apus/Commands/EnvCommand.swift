import ArgumentParser

/// `apus env`: what a shell needs so that AWS tools talk to this machine's server.
struct EnvCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "env",
        abstract: "Print the exports that point AWS tools at the server.",
        discussion: """
            Reads the credentials that `apus serve` wrote to its data directory on first start.

              eval "$(apus env)"
            """
    )

    @Option(help: "The server's data directory (default: /var/lib/apus for root, else ~/.local/share/apus).")
    var data: String?

    func run() throws {
        let directory = try DataDirectory.path(chosen: data)
        let credentials = try CredentialsFile.read(in: directory)
        print("export AWS_ENDPOINT_URL=\(credentials.endpoint)")
        print("export AWS_ACCESS_KEY_ID=\(credentials.accessKeyID)")
        print("export AWS_SECRET_ACCESS_KEY=\(credentials.secretAccessKey)")
        print("export AWS_REGION=\(credentials.region)")
        print("export AWS_DEFAULT_REGION=\(credentials.region)")
        // Prefixes such as StartLiveTail's `stream-` would make names of the endpoint's that nobody resolves.
        print("export AWS_DISABLE_HOST_PREFIX_INJECTION=true")
        print("unset AWS_SESSION_TOKEN AWS_PROFILE")
    }
}
