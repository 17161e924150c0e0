import AWSWire
import Archive
import Crypto
import NIOCore
@testable import Signing
import Testing
import TestSupport

@Suite struct SignatureTests {
    private let rig = Rig()

    @Test func aSignedPackageSaysWhoseItIs() throws {
        rig.trust(rig.key)
        let version = rig.key.publicKey.version
        #expect(version.utf8.count == 10)
        #expect(
            try rig.examine(rig.package())
                == .signed(
                    SignedPackage(
                        profileVersionARN: "arn:aws:signer:eu-west-1:111111111111:/signing-profiles/team/\(version)",
                        jobARN: "arn:aws:signer:eu-west-1:111111111111:/signing-jobs/\(Rig.job)",
                        expires: Rig.now + 60, isRevoked: false)))
        let small = PackageSigningKey.p256(P256.Signing.PrivateKey())
        #expect(try rig.examine(rig.package(by: small)) == .foreign(version: small.publicKey.version))
        rig.trust(rig.key, small)
        #expect(
            try rig.examine(rig.package(by: small)).signed?.profileVersionARN.hasSuffix(small.publicKey.version) == true
        )
        #expect(try rig.examine(rig.package()).signed != nil)
    }

    @Test func aPackageWithoutOneIsUnsigned() throws {
        let source = TemporaryDirectory()
        defer { withExtendedLifetime(source) {} }
        writeFile(source.file("index.py"), [])
        #expect(try rig.examine(ZipBuilder.zip(directory: source.path)) == .unsigned)
    }

    // RFC 7515: the text is three parts in base64url; RFC 7519: `jti`, `iat` and `exp` are the registered claims.
    @Test func theSignatureIsAWebToken() throws {
        rig.trust(rig.key)
        let parts = try rig.signature(rig.package()).split(separator: UInt8(ascii: "."))
        try #require(parts.count == 3)
        func object(_ part: ArraySlice<UInt8>) throws -> JSONValue {
            let text = String(decoding: part, as: UTF8.self).map { ["-": "+", "_": "/"][$0] ?? $0 }
            return try JSONValue(parsing: ByteBuffer(bytes: try #require(Base64.decode(String(text)))))
        }
        let (header, claims) = (try object(parts[0]), try object(parts[1]))
        #expect(header["alg"]?.string == "ES384")
        #expect(header["kid"]?.string == rig.key.publicKey.version)
        #expect(claims["jti"]?.string == Rig.job)
        #expect(claims["iat"]?.int == Rig.now)
        #expect(claims["exp"]?.int == Rig.now + 60)
        #expect(claims["manifest"]?.string?.utf8.count == 64)
    }

    /// Each breaks one rule of the text; the key signs all of them.
    @Test(arguments: [
        ("", ""), ("e30", "e30"), ("not base64", "e30"),
        (#"{"alg":"ES384","kid":"K","typ":"JWT"}"#, "CLAIMS"),
        (#"{"alg":"none","kid":"K","typ":"apus-package+jwt"}"#, "CLAIMS"),
        (#"{"alg":"HS256","kid":"K","typ":"apus-package+jwt"}"#, "CLAIMS"),
        (#"{"alg":"ES256","kid":"K","typ":"apus-package+jwt"}"#, "CLAIMS"),
        (#"{"alg":"ES384","kid":"K"}"#, "CLAIMS"),
        (#"{"alg":"ES384","crit":["b64"],"b64":false,"kid":"K","typ":"apus-package+jwt"}"#, "CLAIMS"),
        (#"{"alg":"ES384","alg":"ES384","kid":"K","typ":"apus-package+jwt"}"#, "CLAIMS"),
        (#"{"alg":"ES384","kid":"K","typ":"apus-package+jwt"}"#, "{}"),
        (#"{"alg":"ES384","kid":"K","typ":"apus-package+jwt"}"#, #"{"exp":"1","iat":1,"jti":"JOB","manifest":"SUM"}"#),
        (#"{"alg":"ES384","kid":"K","typ":"apus-package+jwt"}"#, #"{"exp":1,"iat":1,"jti":"../JOB","manifest":"SUM"}"#),
        (#"{"alg":"ES384","kid":"K","typ":"apus-package+jwt"}"#, #"{"exp":1,"iat":1,"jti":"JOB","manifest":"00"}"#),
        (
            #"{"alg":"ES384","kid":"K","typ":"apus-package+jwt"}"#,
            #"{"exp":1,"iat":1,"jti":"JOB","manifest":"SUM","nbf":9}"#
        ),
    ])
    func brokenTextsAreNoSignatures(header: String, claims: String) throws {
        rig.trust(rig.key)
        let zip = try rig.package()
        let sum = String(repeating: "0", count: 64)
        func encoded(_ text: String) -> String {
            guard text.hasPrefix("{") else { return text }
            return String(Base64.encode(Array(text.utf8)).filter { $0 != "=" }.map { ["+": "-", "/": "_"][$0] ?? $0 })
        }
        let claims = claims.replacing("CLAIMS", with: #"{"exp":1,"iat":1,"jti":"JOB","manifest":"SUM"}"#)
            .replacing("JOB", with: Rig.job).replacing("SUM", with: sum)
        let header = header.replacing(#""K""#, with: "\"\(rig.key.publicKey.version)\"")
        let signed = Array("\(encoded(header)).\(encoded(claims))".utf8)
        guard case .p384(let key) = rig.key else { return }
        let signature = encoded2(Array(try key.signature(for: signed).rawRepresentation))
        guard case .broken = try rig.examine(rig.resign(zip, signed + [UInt8(ascii: ".")] + signature)) else {
            Issue.record("passed")
            return
        }
    }

    private func encoded2(_ bytes: [UInt8]) -> [UInt8] {
        Array(String(Base64.encode(bytes).filter { $0 != "=" }.map { ["+": "-", "/": "_"][$0] ?? $0 }).utf8)
    }

    @Test func theSignatureOfAnotherPackageIsBroken() throws {
        rig.trust(rig.key)
        let other = try rig.package(files: ["index.py": "import os"])
        let zip = try rig.resign(rig.package(), rig.signature(other))
        #expect(try rig.examine(zip) == .broken("it is of other contents"))
    }

    @Test func aLongSignatureIsBroken() throws {
        rig.trust(rig.key)
        let zip = try rig.package()
        let long = try rig.signature(zip) + Array(repeating: UInt8(ascii: "A"), count: 4096)
        #expect(try rig.examine(rig.resign(zip, long)) == .broken(PackageSignature.Malformed.tooLong.rawValue))
    }

    @Test func theKeysNameItsVersion() throws {
        // The profile's file has another key than the one that the header names.
        let other = PackageSigningKey.p384(P384.Signing.PrivateKey())
        rig.trust(other)
        #expect(try rig.examine(rig.package()) == .foreign(version: rig.key.publicKey.version))
        // The header is not signed for by the key that it names.
        let text = String(decoding: try rig.signature(rig.package()), as: UTF8.self)
        let parts = text.split(separator: ".")
        let forged = #"{"alg":"ES384","kid":"\#(other.publicKey.version)","typ":"apus-package+jwt"}"#
        let header = String(decoding: encoded2(Array(forged.utf8)), as: UTF8.self)
        let zip = try rig.resign(rig.package(), Array("\(header).\(parts[1]).\(parts[2])".utf8))
        #expect(try rig.examine(zip) == .broken("its profile did not make it"))
    }

    /// No damage to the text keeps it good; none stops the reader.
    @Test(arguments: 0..<4 as Range<UInt64>)
    func damagedTextsAreNeverGood(seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        let text = try rig.signature(rig.package())
        let whole = try PackageSignature(text)
        #expect(whole.isMade(by: rig.key.publicKey))
        var read = 0
        for round in 0..<2000 {
            var damaged = text
            for _ in 0..<Int.random(in: 1...3, using: &generator) {
                let position = Int.random(in: 0..<damaged.count, using: &generator)
                switch Int.random(in: 0..<4, using: &generator) {
                case 0: damaged[position] ^= 1 << UInt8.random(in: 0..<8, using: &generator)
                case 1: damaged.remove(at: position)
                case 2: damaged.insert(UInt8.random(in: 0...255, using: &generator), at: position)
                default: damaged.swapAt(position, Int.random(in: 0..<damaged.count, using: &generator))
                }
            }
            guard damaged != text, let signature = try? PackageSignature(damaged) else { continue }
            read += 1
            #expect(!signature.isMade(by: rig.key.publicKey), "seed \(seed), round \(round)")
        }
        #expect(read > 0, "some damage should leave a readable text")
    }
}
