import Archive

/// Signs packages.
package struct PackageSigner: Sendable {
    private let key: PackageSigningKey
    private let job: String
    private let now: Int
    private let expires: Int

    /// - Parameters:
    ///   - job: A UUID in lower case.
    ///   - now: Seconds since 1970.
    package init(key: PackageSigningKey, job: String, now: Int, validSeconds: Int) {
        self.key = key
        self.job = job
        self.now = now
        expires = now + validSeconds
    }

    /// The zip with a signature of all its entries, in place of one that it had.
    ///
    /// - Throws: ``ArchiveError`` for a zip that could not be deployed.
    package func sign(_ zip: [UInt8]) throws -> [UInt8] {
        try zip.withUnsafeBytes { bytes in
            try ZipSeal.add(to: bytes, at: PackageSignature.entry) { (digest) throws in
                try PackageSignature.make(
                    PackageSignature.Claims(manifest: digest, job: job, signed: now, expires: expires), by: key)
            }
        }
    }
}
