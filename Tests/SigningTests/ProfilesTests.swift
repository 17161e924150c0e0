import Crypto
import Glibc
import Signing
import Testing
import TestSupport

@Suite struct ProfilesTests {
    private let rig = Rig()

    private func problems(_ rig: Rig) -> [String] {
        do throws(SigningProfilesError) {
            _ = try rig.authority.profiles()
            return []
        } catch {
            return error.problems.map { $0.replacing("\(rig.authority.directory)/", with: "") }
        }
    }

    @Test func aProfileHasAVersionForEachKey() throws {
        let old = PackageSigningKey.p256(P256.Signing.PrivateKey())
        rig.trust(old, rig.key)
        rig.write(".hidden", "whatever")
        let versions = try rig.authority.profiles().versions
        #expect(Set(versions.keys) == [old.publicKey.version, rig.key.publicKey.version])
        #expect(versions[rig.key.publicKey.version]?.resource == "/signing-profiles/team/\(rig.key.publicKey.version)")
        let nowhere = SigningAuthority(directory: "/nonexistent", account: "111111111111", region: "us-east-1")
        #expect(try nowhere.profiles().versions.isEmpty)
    }

    @Test func everyProblemIsReported() throws {
        rig.trust(rig.key)
        rig.trust(rig.key, as: "thief")
        rig.write("rsa.pem", "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n")
        rig.write("empty.pem", "nothing")
        rig.write("with-dash.pem", "")
        rig.write("revoke", "")
        rig.write(
            "revoked",
            """
            # A comment.
            signing-jobs/\(Rig.job) extra
            signing-jobs/1
            signing-profiles/team
            signing-profiles/team/ABCDEFGHIJ yesterday
            """)
        let problems = problems(rig)
        for expected in [
            "empty.pem has no public key", "rsa.pem has a key that is no public key",
            "thief.pem has a key that team.pem",
            "with-dash.pem is neither", "revoke is neither", "revoked, line 2", "revoked, line 3", "revoked, line 4",
            "revoked, line 5",
        ] {
            #expect(problems.contains { $0.hasPrefix(expected) }, "\(expected) of \(problems)")
        }
        #expect(problems.count == 9)
        // What cannot be read must not pass for a profile without revocations.
        #expect(throws: SigningProfilesError.self) { try rig.examine(rig.package()) }
    }

    @Test func filesOutOfBoundsAreRefused() {
        rig.write("team.pem", String(repeating: "x", count: 1 << 20 + 1))
        #expect(problems(rig) == ["team.pem is no text of at most 1048576 bytes"])
        writeFile(rig.directory.file("signing-profiles/team.pem"), [0xff])
        #expect(problems(rig) == ["team.pem is no text of at most 1048576 bytes"])
        mkdir(rig.directory.file("signing-profiles/aa.pem"), 0o755)
        #expect(problems(rig).first?.hasPrefix("aa.pem cannot be read") == true)
    }

    /// What a line revokes of the signature that was made at ``Rig/now``, 2027-01-15T08:00:00Z.
    @Test func revocationsCover() throws {
        rig.trust(rig.key)
        let version = rig.key.publicKey.version
        let zip = try rig.package()
        let cases = [
            ("", false), ("signing-jobs/\(Rig.job)", true), ("  signing-jobs/\(Rig.job)  # leaked", true),
            ("# signing-jobs/\(Rig.job)", false),
            ("arn:aws:signer:us-east-1:111111111111:/signing-jobs/\(Rig.job)", true),
            ("signing-jobs/00000000-6d0b-4d62-9c2e-0f6a8f2b7c11", false),
            ("signing-profiles/team/\(version)", true), ("signing-profiles/other/\(version)", false),
            ("signing-profiles/team/AAAAAAAAAA", false),
            ("signing-profiles/team/\(version) 2027-01-15T08:00:00Z", true),
            ("signing-profiles/team/\(version) 2027-01-15T08:00:01Z", false),
            ("signing-profiles/team/\(version) 2028-01-01T00:00:00Z\nsigning-profiles/team/\(version)", true),
        ]
        for (line, isRevoked) in cases {
            rig.write("revoked", line + "\n")
            #expect(try rig.examine(zip).signed?.isRevoked == isRevoked, "\(line)")
        }
    }

    @Test func keysAreReadInPEM() throws {
        #expect(PackageSigningKey(pem: "-----BEGIN EC PRIVATE KEY-----\nMHcCAQEE\n-----END EC PRIVATE KEY-----") == nil)
        for key in [rig.key, .p256(P256.Signing.PrivateKey())] {
            let read = try #require(PackageSigningKey(pem: key.privatePEM))
            #expect(read.publicKey.version == key.publicKey.version)
            #expect(PackageKey(pem: key.pem)?.version == key.publicKey.version)
            #expect(PackageKey(pem: key.privatePEM) == nil)
            #expect(PackageSigningKey(pem: key.pem) == nil)
        }
    }
}

extension PackageSigningKey {
    fileprivate var privatePEM: String {
        switch self {
        case .p256(let key): key.pemRepresentation
        case .p384(let key): key.pemRepresentation
        }
    }
}
