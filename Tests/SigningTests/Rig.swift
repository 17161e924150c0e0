import Archive
import Crypto
import Glibc
import Signing
import TestSupport

/// A directory of signing profiles, keys and packages of a test's own.
struct Rig {
    static let job = "3f0a9a5e-6d0b-4d62-9c2e-0f6a8f2b7c11"
    static let now = 1_800_000_000

    let directory = TemporaryDirectory()
    let key = PackageSigningKey.p384(P384.Signing.PrivateKey())

    var authority: SigningAuthority {
        SigningAuthority(directory: directory.file("signing-profiles"), account: "111111111111", region: "eu-west-1")
    }

    init() { mkdir(directory.file("signing-profiles"), 0o755) }

    func write(_ name: String, _ text: String) {
        writeFile(directory.file("signing-profiles/\(name)"), Array(text.utf8))
    }

    func trust(_ keys: PackageSigningKey..., as profile: String = "team") {
        write("\(profile).pem", keys.map(\.pem).joined(separator: "\n"))
    }

    /// A package as `apus sign` makes it.
    func package(
        by key: PackageSigningKey? = nil, job: String = Rig.job, files: [String: String] = ["index.py": "pass"]
    ) throws -> [UInt8] {
        let source = TemporaryDirectory()
        defer { withExtendedLifetime(source) {} }
        for (name, text) in files { writeFile(source.file(name), Array(text.utf8)) }
        let signer = PackageSigner(key: key ?? self.key, job: job, now: Self.now, validSeconds: 60)
        return try signer.sign(ZipBuilder.zip(directory: source.path))
    }

    func examine(_ zip: [UInt8]) throws -> PackageFinding {
        let file = directory.file("code.zip")
        writeFile(file, zip)
        return try authority.examine(zipAt: file, limits: ZipExtractor.Limits())
    }

    /// The package with another text as its signature.
    func resign(_ zip: [UInt8], _ text: [UInt8]) throws -> [UInt8] {
        try zip.withUnsafeBytes { bytes in
            try ZipSeal.add(to: bytes, at: PackageSignature.entry) { _ in text }
        }
    }

    /// The signature of a package.
    func signature(_ zip: [UInt8]) throws -> [UInt8] {
        let file = directory.file("code.zip")
        writeFile(file, zip)
        return try ZipManifest.sealed(zipAt: file, by: PackageSignature.entry, longest: 4096)?.omitted ?? []
    }
}

extension PackageSigningKey {
    /// The public half.
    var pem: String {
        switch self {
        case .p256(let key): key.publicKey.pemRepresentation
        case .p384(let key): key.publicKey.pemRepresentation
        }
    }
}
