import AWSWire
import LambdaModel
import Logging
import Signing
import Storage

/// Who signed a package, and in which job. Kept as JSON; a member that a later version adds must be optional.
struct CodeSignature: Codable, Hashable, Sendable {
    /// The ARN of the version of the signing profile.
    var profileVersion: String
    /// The ARN of the signing job.
    var job: String

    init(_ package: SignedPackage) {
        profileVersion = package.profileVersionARN
        job = package.jobARN
    }
}

/// A package that a function is to have, and what its signature says.
struct ExaminedPackage: Sendable {
    /// How AWS's words name it: a new function by its name (aws-cdk 29474), one that is there by its ARN (README of
    /// aws-samples' code signing walkthrough), a layer by its version's ARN (opentelemetry-lambda 1548).
    var name: String
    var finding: PackageFinding

    /// Nil when it is not signed, or when its signature is not good.
    var signature: CodeSignature? { finding.signed.map(CodeSignature.init) }
}

extension LambdaService {
    /// What the signature of accepted code says. Without signing profiles all code is unsigned; so are images, which
    /// cannot be signed.
    func examine(_ accepted: CodeStore.Accepted, named name: String) async throws -> ExaminedPackage {
        guard let authority = configuration.signing, accepted.image == nil else {
            return ExaminedPackage(name: name, finding: .unsigned)
        }
        return ExaminedPackage(name: name, finding: try await code.examine(accepted.code, by: authority))
    }

    /// What the signatures of layers say now, whatever was known when they were published.
    func examine(_ layers: [LayerReference]) async throws -> [ExaminedPackage] {
        var packages: [ExaminedPackage] = []
        for layer in layers {
            let accepted = CodeStore.Accepted(code: layer.code, size: layer.codeSize)
            packages.append(try await examine(accepted, named: layer.arn))
        }
        return packages
    }

    /// Checks packages against the configuration that a function has, if it has one, in the transaction that gives
    /// them to it.
    ///
    /// - Throws: `InvalidCodeSignatureException`, `CodeVerificationFailedException`.
    func requireTrusted(_ packages: [ExaminedPackage], of key: FunctionKey, in functions: FunctionRepository) throws {
        guard let signing = try functions.attached(FunctionCodeSigning.self, to: key),
            let config = try CodeSigningRepository(functions.connection)
                .find(signing.configuration, account: key.account, region: key.region)
        else { return }
        try requireTrusted(packages, by: config, function: key)
    }

    /// - Parameter function: For the log.
    func requireTrusted(
        _ packages: [ExaminedPackage], by config: CodeSigningRecord, function: FunctionKey
    ) throws(AWSError) {
        for package in packages {
            guard let doubt = config.doubt(about: package.finding) else { continue }
            // AWS has a metric and CloudTrail for this.
            logger.warning(
                "A package failed its signature check",
                metadata: [
                    "function": "\(function.arn)", "package": "\(package.name)", "reason": "\(doubt.reason)",
                    "policy": "\(config.settings.untrustedArtifact)", "config": "\(config.arn)",
                ])
            switch doubt {
            case .broken: throw Self.broken(package.name)
            case .untrusted: if config.isEnforced { throw Self.untrusted(package.name) }
            }
        }
    }

    /// The words are ours: AWS's are not on record. What it stands for is in the service model.
    private static func broken(_ name: String) -> AWSError {
        LambdaError.invalidCodeSignature(
            message:
                "Lambda cannot deploy the function. The function or layer has a signature that failed the integrity "
                + "check. Check the provided signature for \(name).")
    }

    private static func untrusted(_ name: String) -> AWSError {
        LambdaError.codeVerificationFailed(
            message: "Lambda cannot deploy the function. The function or layer might be signed using a signature that "
                + "the client is not configured to accept. Check the provided signature for \(name).")
    }
}

extension CodeSigningRecord {
    /// Why a package is not trusted.
    enum Doubt: Hashable {
        /// Its integrity, which no policy lets pass.
        case broken(reason: String)
        /// Expiry, mismatch or revocation, about which the policy decides.
        case untrusted(reason: String)

        var reason: String {
            switch self {
            case .broken(let reason), .untrusted(let reason): reason
            }
        }
    }

    /// The checks in AWS's order: https://docs.aws.amazon.com/lambda/latest/dg/configuration-codesigning.html
    ///
    /// - Parameter now: Milliseconds since 1970.
    /// - Returns: nil when the package is trusted.
    func doubt(about finding: PackageFinding, now: Int64 = WallClock.milliseconds()) -> Doubt? {
        switch finding {
        case .broken(let why): return .broken(reason: "the signature does not count: \(why)")
        case .unsigned: return .untrusted(reason: "it is not signed")
        case .foreign(let version): return .untrusted(reason: "no signing profile has the version \(version)")
        case .signed(let package):
            if Int64(package.expires) * 1000 <= now { return .untrusted(reason: "the signature has expired") }
            if !settings.publishers.contains(package.profileVersionARN) {
                return .untrusted(reason: "\(package.profileVersionARN) is no allowed publisher")
            }
            return package.isRevoked ? .untrusted(reason: "the signature is revoked") : nil
        }
    }
}
