import ArgumentParser

/// `apus serve`: the server.
struct ServeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "serve",
        abstract: "Run the server until it is told to stop.",
        discussion: """
            Every option may also come from a variable (APUS_LISTEN, APUS_DATA, …) or from the JSON file that --config
            names ({"listen": "127.0.0.1:4566", …}); flags win over variables, variables over the file.

            Started by root, the server starts the launcher that makes sandboxes and then becomes an ordinary user.
            """
    )

    @Option(help: ArgumentHelp("Where to listen (default: 127.0.0.1:4566).", valueName: "host:port"))
    var listen: String?

    @Option(
        help: ArgumentHelp(
            "Where to keep everything (default: /var/lib/apus for root, else ~/.local/share/apus).", valueName: "dir"))
    var data: String?

    @Option(help: ArgumentHelp("A JSON file of settings.", valueName: "file"))
    var config: String?

    @Option(help: ArgumentHelp("The account of the root key, twelve digits (default: 000000000000).", valueName: "id"))
    var account: String?

    @Option(help: ArgumentHelp("The region that clients are told to use (default: us-east-1).", valueName: "name"))
    var region: String?

    @Option(
        help: ArgumentHelp(
            "on: check every signature. off: take any key and signature; a 12-digit access key id then names the account. "
                + "Refused unless the listener is loopback (default: on).", valueName: "on|off"))
    var auth: String?

    @Option(
        help: ArgumentHelp(
            "enforce: refuse what no policy allows. permissive: do it and note it for `apus iam report`. off: ask nobody. "
                + "The latter two only on a loopback listener (default: enforce; off with --auth off).",
            valueName: "enforce|permissive|off"))
    var iam: String?

    @Option(
        help: ArgumentHelp(
            "The user to become when root starts the server (default: the data directory's owner, the user apus, or a free "
                + "system id).", valueName: "name"))
    var user: String?

    @Option(
        help: ArgumentHelp(
            "Run functions although this host lacks a protection; `apus doctor` names them. May be repeated.",
            valueName: "weakness"))
    var accept: [String] = []

    @Option(
        help: ArgumentHelp(
            "Where container images are: DIR/REPOSITORY is an OCI image layout (default: images in the data directory).",
            valueName: "dir"))
    var images: String?

    @Option(
        help: ArgumentHelp(
            "A registry that container images may be fetched from; plain HTTP only on this machine. May be repeated.",
            valueName: "host[:port]"))
    var registry: [String] = []

    @Option(
        name: .customLong("file-system"),
        help: ArgumentHelp(
            "The directory that an access point (fsap-…) of a file system is: functions that name it mount it and act "
                + "in it as its owner. May be repeated.", valueName: "id=dir"))
    var fileSystems: [String] = []

    @Flag(
        name: .customLong("audit-data-events"),
        help: "Have invocations in the audit, too: a record for each, in DIR/audit.")
    var auditDataEvents = false

    func run() async throws {
        let settings = try await ServerSettings.read(
            ServerSettings.Flags(
                listen: listen, data: data, config: config, account: account, region: region, auth: auth, iam: iam,
                user: user, accept: accept, images: images, registry: registry, fileSystems: fileSystems,
                auditDataEvents: auditDataEvents))
        try await Server.run(settings)
    }
}
