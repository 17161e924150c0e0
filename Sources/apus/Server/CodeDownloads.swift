import AWSWire
import Gateway
import LambdaService
import NIOCore
import NIOHTTP1

/// The URLs of GetFunction's `Code.Location`, and what answers them.
enum CodeDownloads {
    static let prefix = "/_apus/code/"
    /// Seconds for which a URL is good, as long as AWS's are.
    private static let lifetime: Int64 = 600

    /// - Parameters:
    ///   - credentials: of the server's root key.
    ///   - region: goes into the URL's credential scope.
    static func location(signedBy credentials: SigV4.Credentials, region: String) -> LambdaService.CodeLocation {
        let signer = SigV4.Signer(credentials: credentials, region: region, service: "lambda")
        return { code, account, endpoint in
            let host = endpoint.split(separator: "/", maxSplits: 2).last.map(String.init) ?? endpoint
            let path = "\(prefix)\(account.digits)/\(code)"
            return "\(endpoint)\(path)?\(signer.presign(host: host, path: path, expires: lifetime))"
        }
    }

    /// The page of the gateway that sends the zip file.
    static func route(_ functions: LambdaService) -> GatewayRoute {
        GatewayRoute(prefix: prefix, signingName: "lambda") { request, eventLoop in
            let parts = request.path.dropFirst(prefix.count).split(separator: "/", omittingEmptySubsequences: false)
            let promise = eventLoop.makePromise(of: RouteAnswer.self)
            guard parts.count == 2, let account = AccountID(parts[0]), request.caller.principal.kind == .root else {
                promise.fail(notFound)
                return promise.futureResult
            }
            let code = String(parts[1])
            promise.completeWithTask {
                guard let path = try await functions.zipFile(code, account: account) else { throw notFound }
                return .file(path: path, headers: ["content-type": "application/zip"])
            }
            return promise.futureResult
        }
    }

    private static let notFound = AWSError(
        code: "ResourceNotFoundException", message: "No function or layer of the account has this code.", status: 404)
}
