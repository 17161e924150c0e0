import AWSWire
package import Archive

/// Who says which packages are signed: the signing profiles of an operator, as those of one account.
///
/// The directory is read anew for each package, so that what is revoked is revoked at once.
package struct SigningAuthority: Sendable {
    /// The directory of ``SigningProfiles``.
    package var directory: String
    package var account: String
    package var region: String

    package init(directory: String, account: String, region: String) {
        self.directory = directory
        self.account = account
        self.region = region
    }

    package func profiles() throws(SigningProfilesError) -> SigningProfiles {
        try SigningProfiles(directory: directory)
    }

    /// The ARN of a profile's version, or of a signing job: `/signing-profiles/NAME/VERSION`, `/signing-jobs/ID`.
    package func arn(_ resource: String) -> String {
        ARN(
            partition: ARN.partition(of: region), service: "signer", region: region, account: account,
            resource: resource
        ).description
    }

    /// What a zip file's signature says. Reads all of a zip that has one; blocks meanwhile.
    ///
    /// - Throws: ``SigningProfilesError``, ``ArchiveError``.
    package func examine(zipAt file: String, limits: ZipExtractor.Limits) throws -> PackageFinding {
        let manifest = try ZipManifest.sealed(
            zipAt: file, by: PackageSignature.entry, longest: PackageSignature.longest, limits: limits)
        guard let manifest else { return .unsigned }
        return finding(manifest, try profiles())
    }

    func finding(_ manifest: ZipManifest, _ profiles: SigningProfiles) -> PackageFinding {
        guard let bytes = manifest.omitted else { return .broken("its place is taken by what is no file") }
        let signature: PackageSignature
        do throws(PackageSignature.Malformed) {
            signature = try PackageSignature(bytes)
        } catch {
            return .broken(error.rawValue)
        }
        guard let version = profiles.versions[signature.version] else { return .foreign(version: signature.version) }
        guard signature.isMade(by: version.key) else { return .broken("its profile did not make it") }
        guard signature.claims.manifest == manifest.digest else {
            return .broken("it is of other contents")
        }
        return .signed(
            SignedPackage(
                profileVersionARN: arn(version.resource), jobARN: arn("/signing-jobs/\(signature.claims.job)"),
                expires: signature.claims.expires, isRevoked: profiles.isRevoked(signature.claims, of: version)))
    }
}

/// What there is to say about a package's signature.
package enum PackageFinding: Sendable, Hashable {
    case unsigned
    /// By a key that no profile has: whether it is good cannot be known.
    case foreign(version: String)
    /// Not of this package, or no signature at all; why, for the log.
    case broken(String)
    case signed(SignedPackage)

    package var signed: SignedPackage? {
        if case .signed(let package) = self { package } else { nil }
    }
}

/// What a good signature says.
package struct SignedPackage: Sendable, Hashable {
    package var profileVersionARN: String
    package var jobARN: String
    /// Seconds since 1970.
    package var expires: Int
    package var isRevoked: Bool
}
