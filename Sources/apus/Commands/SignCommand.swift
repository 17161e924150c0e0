import AWSWire
import Archive
import ArgumentParser
import Glibc
import Signing

/// `apus sign`: put a signature into a package of code, as AWS Signer does for AWS Lambda.
struct SignCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "sign",
        abstract: "Sign a function's or a layer's code, for code signing configurations.",
        discussion: """
            The key is a private key of ECDSA on P-256 or P-384 in PEM. Servers trust whoever has it when its public key
            is in their data directory, in signing-profiles/NAME.pem; `apus signing-profiles` prints the ARNs that
            AllowedPublishers wants.

              openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-384 -out key.pem
              openssl pkey -in key.pem -pubout -out ~/.local/share/apus/signing-profiles/team.pem
              apus sign ./hello --key key.pem --output hello.zip
            """
    )

    @Argument(help: ArgumentHelp("A directory of code, or a zip file.", valueName: "dir|zip"))
    var path: String

    @Option(help: ArgumentHelp("The private key, in PEM.", valueName: "file"))
    var key: String

    @Option(name: .shortAndLong, help: ArgumentHelp("Where the signed zip file goes.", valueName: "file"))
    var output: String

    @Option(
        help: ArgumentHelp(
            "How long the signature counts: a number and s, m, h or d (default: 4109d, AWS Signer's 135 months).",
            valueName: "time"))
    var validFor = "4109d"

    func validate() throws {
        guard Self.seconds(validFor) != nil else {
            throw ValidationError("--valid-for \(validFor): a number and s, m, h or d is wanted, such as 90d.")
        }
    }

    func run() throws {
        guard let key = PackageSigningKey(pem: String(decoding: try LocalFile.read(key), as: UTF8.self)) else {
            throw ClientError.usage("\(key) is no private key of ECDSA on P-256 or P-384 in PEM, without a password.")
        }
        let zip = try LocalFile.isDirectory(path) ? ZipBuilder.zip(directory: path) : LocalFile.read(path)
        let now = Int(time(nil))
        let job = RequestID.make()
        let signed = try PackageSigner(key: key, job: job, now: now, validSeconds: Self.seconds(validFor) ?? 0)
            .sign(zip)
        try LocalFile.replace(output, with: signed)
        print("Signed \(output) in job \(job), version \(key.publicKey.version) of the key's profile.")
    }

    static func seconds(_ text: String) -> Int? {
        let units: [Character: Int] = ["s": 1, "m": 60, "h": 3600, "d": 86_400]
        guard let unit = text.last.flatMap({ units[$0] }), let number = Int(text.dropLast()), number > 0,
            number <= 36_500 * 86_400 / unit
        else { return nil }
        return number * unit
    }
}

/// `apus signing-profiles`: whose packages a server trusts.
struct SigningProfilesCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "signing-profiles",
        abstract: "List the ARNs of the signing profiles that the server trusts.",
        discussion: "They are what a code signing configuration has as AllowedPublishers.")

    @Option(help: "The server's data directory (default: /var/lib/apus for root, else ~/.local/share/apus).")
    var data: String?

    func run() throws {
        let directory = try DataDirectory.path(chosen: data)
        let credentials = try CredentialsFile.read(in: directory)
        let authority = SigningAuthority(
            directory: "\(directory)/\(DataDirectory.signingProfiles)", account: credentials.account,
            region: credentials.region)
        let versions = try authority.profiles().versions.values.map(\.resource).sorted()
        for resource in versions { print(authority.arn(resource)) }
    }
}
