import FoundationEssentials
import Glibc

/// The signing profiles that an operator trusts, and what of them is revoked: the directory `signing-profiles`.
///
/// `NAME.pem` has the public keys of the profile NAME, each of them one version of it. `revoked` has a line for each
/// revocation, with `#` before comments:
///
/// ```
/// signing-jobs/3f0a9a5e-6d0b-4d62-9c2e-0f6a8f2b7c11          one signature
/// signing-profiles/team/WlXrTjGnKQ                           all of a version
/// signing-profiles/team/WlXrTjGnKQ 2026-11-27T00:00:00Z      those of a version from a time on
/// ```
///
/// The whole ARNs will do as well.
package struct SigningProfiles: Sendable {
    /// A version of a profile.
    package struct Version: Sendable {
        package var profile: String
        package var key: PackageKey
        package var version: String { key.version }
        /// The resource of its ARN.
        package var resource: String { "/signing-profiles/\(profile)/\(version)" }
    }

    /// By the names of the versions, which follow from the keys.
    package private(set) var versions: [String: Version] = [:]
    private var revocations = Revocations()

    /// No file is longer, in bytes, and no directory has more files.
    private static let longestFile = 1 << 20
    private static let mostFiles = 1000
    static let revocationsFile = "revoked"

    package init() {}

    /// Reads the directory; without one there are no profiles.
    ///
    /// - Throws: ``SigningProfilesError`` with every problem: a file that is not understood might be a revocation.
    package init(directory: String) throws(SigningProfilesError) {
        var problems: [String] = []
        for name in try Self.names(in: directory) {
            guard let text = Self.read("\(directory)/\(name)", &problems) else { continue }
            if name == Self.revocationsFile {
                revocations = Revocations(text, file: "\(directory)/\(name)", problems: &problems)
            } else if name.hasSuffix(".pem"), Self.isName(name.dropLast(4)) {
                add(text, profile: String(name.dropLast(4)), file: "\(directory)/\(name)", &problems)
            } else {
                problems.append(
                    "\(directory)/\(name) is neither `revoked` nor NAME.pem (2–64 letters, digits and underscores)")
            }
        }
        guard problems.isEmpty else { throw SigningProfilesError(problems: problems) }
    }

    /// Whether a signature of a version does not count any more, although it is good.
    func isRevoked(_ claims: PackageSignature.Claims, of version: Version) -> Bool {
        revocations.cover(job: claims.job, signed: claims.signed, profile: version.profile, version: version.version)
    }

    private mutating func add(_ text: String, profile: String, file: String, _ problems: inout [String]) {
        let blocks = Self.blocks(of: text)
        if blocks.isEmpty { problems.append("\(file) has no public key in PEM") }
        for block in blocks {
            guard let key = PackageKey(pem: block) else {
                problems.append("\(file) has a key that is no public key of ECDSA on P-256 or P-384")
                continue
            }
            let version = Version(profile: profile, key: key)
            if let other = versions.updateValue(version, forKey: version.version) {
                problems.append("\(file) has a key that \(other.profile).pem has too")
            }
        }
    }

    /// The PEM blocks of a text, whatever is between them.
    private static func blocks(of text: String) -> [String] {
        var blocks: [String] = []
        var current: [Substring]?
        for line in text.split(whereSeparator: \.isNewline) {
            if line.hasPrefix("-----BEGIN ") { current = [] }
            current?.append(line)
            if line.hasPrefix("-----END "), let lines = current {
                blocks.append(lines.joined(separator: "\n"))
                current = nil
            }
        }
        return blocks
    }

    /// AWS Signer's rule for the names of profiles.
    static func isName(_ text: Substring) -> Bool {
        (2...64).contains(text.utf8.count)
            && text.utf8.allSatisfy { byte in
                (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
                    || byte == UInt8(ascii: "_")
            }
    }

    /// The files of the directory in the order of their names, without hidden ones.
    private static func names(in directory: String) throws(SigningProfilesError) -> [String] {
        guard let stream = opendir(directory) else {
            if errno == ENOENT { return [] }
            throw SigningProfilesError(problems: ["\(directory) cannot be read: \(String(cString: strerror(errno)))"])
        }
        defer { closedir(stream) }
        var names: [String] = []
        while let entry = readdir(stream) {
            let name = withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
                String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            if !name.hasPrefix(".") { names.append(name) }
            if names.count > mostFiles {
                throw SigningProfilesError(problems: ["\(directory) has more than \(mostFiles) files"])
            }
        }
        return names.sorted()
    }

    private static func read(_ path: String, _ problems: inout [String]) -> String? {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else {
            problems.append("\(path) cannot be read: \(String(cString: strerror(errno)))")
            return nil
        }
        defer { close(descriptor) }
        var bytes = [UInt8](repeating: 0, count: longestFile + 1)
        var filled = 0
        while filled < bytes.count {
            let count = bytes.withUnsafeMutableBytes { buffer in
                Glibc.read(descriptor, buffer.baseAddress?.advanced(by: filled), buffer.count - filled)
            }
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else {
                problems.append("\(path) cannot be read: \(String(cString: strerror(errno)))")
                return nil
            }
            if count == 0 { break }
            filled += count
        }
        guard filled <= longestFile, let text = String(validating: bytes[..<filled], as: UTF8.self) else {
            problems.append("\(path) is no text of at most \(longestFile) bytes")
            return nil
        }
        return text
    }
}

/// What is wrong with the directory of signing profiles.
package struct SigningProfilesError: Error, Sendable, CustomStringConvertible {
    package var problems: [String]

    package var description: String {
        "The signing profiles cannot be used:\n" + problems.map { "  " + $0 }.joined(separator: "\n")
    }
}
