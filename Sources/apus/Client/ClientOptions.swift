import AWSWire
import AWSWire
import ArgumentParser
import Linux

/// How every client command finds the server and signs.
struct ClientOptions: ParsableArguments {
    @Option(help: "The server's URL (default: AWS_ENDPOINT_URL, else http://127.0.0.1:4566).")
    var endpoint: String?

    @Option(help: "The region (default: AWS_REGION, AWS_DEFAULT_REGION, else the server's own).")
    var region: String?

    @Option(help: "The server's data directory, whose key signs when AWS_ACCESS_KEY_ID is not set.")
    var data: String?

    /// The execution role that the server's account has from the start.
    var standardRole: String {
        let stored = try? CredentialsFile.read(in: DataDirectory.path(chosen: data))
        return "arn:aws:iam::\(stored?.account ?? AccountID.standard.digits):role/lambda"
    }

    /// Resolves options, variables and the data directory's credentials, in that order.
    ///
    /// - Throws: ``ClientError`` when there are no credentials.
    func client() throws -> APIClient {
        let variables = Variables.current
        let stored = try? CredentialsFile.read(in: DataDirectory.path(chosen: data))
        let environment = variables["AWS_ACCESS_KEY_ID"].flatMap { id in
            variables["AWS_SECRET_ACCESS_KEY"].map { (id: id, secret: $0) }
        }
        guard let key = environment ?? stored.map({ (id: $0.accessKeyID, secret: $0.secretAccessKey) }) else {
            throw ClientError.noCredentials
        }
        return try APIClient(
            endpoint: endpoint ?? variables["AWS_ENDPOINT_URL"] ?? stored?.endpoint ?? "http://127.0.0.1:4566",
            region: region ?? variables["AWS_REGION"] ?? variables["AWS_DEFAULT_REGION"] ?? stored?.region
                ?? "us-east-1",
            accessKeyID: key.id,
            secretAccessKey: key.secret,
            sessionToken: environment == nil ? nil : variables["AWS_SESSION_TOKEN"]
        )
    }
}

/// Why a client command cannot go on. The text is for the terminal.
enum ClientError: Error, CustomStringConvertible {
    case noCredentials
    case badEndpoint(String)
    case unreachable(endpoint: String, cause: String)
    /// The server refused: AWS's code, its message, the HTTP status.
    case refused(code: String, message: String, status: UInt)
    case usage(String)

    var description: String {
        switch self {
        case .noCredentials:
            "No credentials: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or run `eval \"$(apus env)\"` where the "
                + "server's data directory is."
        case .badEndpoint(let endpoint): "Not an http or https URL: \(endpoint)"
        case .unreachable(let endpoint, let cause): "Cannot reach \(endpoint): \(cause). Is `apus serve` running?"
        case .refused(let code, let message, let status): "\(code) (\(status)): \(message)"
        case .usage(let text): text
        }
    }
}
